"""What a worker loads: its memory is mostly that of the libraries in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

OF_OTHER_WORK = {
    *("PIL", "aiosmtpd", "alembic", "css_inline", "dns", "flask", "imap_tools", "jinja2", "markdownify", "mjml", "nh3"),
    *(
        "obstore",
        "prometheus_client",
        "rich",
        "segno",
        "urllib3",
        "waitress",
        "werkzeug",
        "yaml",
        "zxcvbn",
    ),
    *("newsletter.delivery.bounces.classify", "newsletter.delivery.bounces.parse"),
}
A_WORKER_THAT_FINDS_NOTHING_TO_DO = """
import sys
from newsletter import cli
cli.newsletter.get_command(None, "worker")
from newsletter import config, wiring
from newsletter.worker import Worker
worker = Worker(wiring.open_services(config.load()))
for job in worker.jobs.table():
    job.run()
print(*sys.modules)
"""


@pytest.mark.slow
def test_a_worker_that_finds_nothing_to_do_has_loaded_nothing_that_only_other_work_needs(
    environment: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", A_WORKER_THAT_FINDS_NOTHING_TO_DO]
    loaded = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "newsletter.worker" in loaded.split()
    assert OF_OTHER_WORK.isdisjoint(loaded.split())
    assert ("sqlite3" if engine.dialect.name == "postgresql" else "psycopg") not in loaded.split()


@pytest.mark.slow
def test_a_worker_under_a_supervisor_is_as_light() -> None:
    command = [sys.executable, "-c", "import sys, newsletter.processes.supervisor; print(*sys.modules)"]
    loaded = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout
    assert "newsletter.worker" in loaded.split()
    assert OF_OTHER_WORK.isdisjoint(loaded.split())
