"""A list of any size is imported in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PATIENCE

ROWS, FILLER = 100_000, "x" * 4_000
MOST = 250
"""Megabytes; the file alone is 400."""
# The peak of the process itself, which Linux tells nobody else.
WATCHED = (
    "import atexit, re; from pathlib import Path; from newsletter.cli import main; "
    "atexit.register(lambda: print(re.findall(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[0])); "
    "main()"
)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
@pytest.mark.usefixtures("loaded")
def test_a_list_larger_than_its_memory_is_read(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with path.open("w") as file:
        file.write("email,name,filler\n")
        file.writelines(f"reader{number}@mail.example.org,Reader,{FILLER}\n" for number in range(ROWS))
    arguments = ("subscribers", "import", str(path), "--ignore", "filler", "--dry-run", "--json")
    command = [sys.executable, "-c", WATCHED, *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=PATIENCE)
    report, _, peak = done.stdout.rstrip().rpartition("\n")
    assert json.loads(report)["added"] == ROWS
    assert int(peak) / 1024 < MOST
