"""`make demo`: it tells the truth by its exit code, and mails nobody but its own inbox."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from newsletter import config, demo
from newsletter.demo import Demo

ROOT = Path(__file__).parents[1]
HOSTILE = (
    "MAIL_SERVER=mail.example.org\nBULK_MAIL_SERVER=bulk.example.org\nDATABASE_URL=postgresql://db.example.org/press\n"
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that we are in, with a `.env` for real readers."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / ".env").write_text(HOSTILE)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("checkout")
def test_no_setting_of_ours_reaches_the_demo_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config.load().mail_server == "mail.example.org"
    for name in config.names():
        monkeypatch.setenv(name, "hostile")
    monkeypatch.setenv("SSH_AUTH_SOCK", "not a setting")
    made = Demo(tmp_path)
    assert "hostile" not in made.environment.values()
    assert made.environment["SSH_AUTH_SOCK"] == "not a setting"
    print_them = "from newsletter import config; s = config.load(); print(s.mail, s.bulk_mail, s.database)"
    seen = subprocess.run(
        [sys.executable, "-c", print_them], cwd=made.folder, env=made.environment, check=True, capture_output=True
    )
    assert seen.stdout.decode().strip() == f"None None sqlite:///{tmp_path}/newsletter.db"


@pytest.mark.usefixtures("checkout")
def test_a_command_of_the_demo_runs_in_its_own_folder_on_its_own_database(tmp_path: Path) -> None:
    Demo(tmp_path).newsletter("db", "upgrade")
    assert (tmp_path / "newsletter.db").exists()


@pytest.mark.slow
def test_the_whole_story_ends_with_0_beside_settings_for_real_readers(checkout: Path) -> None:
    place = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "newsletter.demo"], check=False, cwd=checkout, env=place, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "The whole story, in" in done.stdout


@pytest.mark.slow
def test_a_step_that_is_refused_ends_the_story_with_1_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        demo.main(tmp_path / "nowhere")
    assert end.value.code == 1
    told = capsys.readouterr().out
    assert "newsletter issues load" in told
    assert "The whole story" not in told


def test_an_hour_that_passed_while_the_command_started_is_set_further_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = []

    def slowly(_demo: Demo, *arguments: str) -> str:
        hours.append(datetime.fromisoformat(arguments[-1]))
        if len(hours) < 3:
            raise demo.StepFailed("newsletter issues schedule: 09:00 has passed; give a time in the future")
        return "scheduled"

    monkeypatch.setattr(Demo, "newsletter", slowly)
    assert demo._schedule(object.__new__(Demo)) == "scheduled"
    assert hours[2] - hours[0] > timedelta(minutes=1)


@pytest.mark.slow
def test_a_step_that_sees_something_else_ends_the_story_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Demo, "status_of_reader", lambda _demo: "active")
    with pytest.raises(SystemExit) as end:
        demo.main()
    assert end.value.code == 1
    assert "expected a pending subscription, but did not see it" in capsys.readouterr().out
