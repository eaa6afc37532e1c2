"""What people do while an issue of many copies goes out: sign up, pause, resume, cancel. Nobody waits for the press."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter import publications
from newsletter.audience import signup
from newsletter.audience.signup import SignupRequest
from newsletter.config import Settings
from newsletter.db import Sessions
from newsletter.delivery.models import Copy, CopyState
from newsletter.wiring import open_services
from tests.waiting import wait_for

from .conftest import SLUG, Sink, Start, is_finished

pytestmark = pytest.mark.slow

READERS = 5_000
THINKING = 0.05
A_SECOND = int(10 / THINKING)
"""More copies than ten connections can hand over in a second to a server that thinks so long about each."""

NEW_READER = "zoe@reader.example"


@pytest.fixture
def _going_out(sink: Sink, start: Start, print_issue) -> None:
    """An issue in the middle of its going out."""
    sink.delay = THINKING
    print_issue(READERS)
    start()
    wait_for(lambda: len(sink.recipients) > A_SECOND / 2)


@pytest.fixture
def issues(environment: dict[str, str], tmp_path: Path):
    """Run `newsletter issues …`; what it printed."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "newsletter", "issues", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.usefixtures("_going_out")
def test_a_confirm_letter_does_not_wait_for_the_issue(
    sessions: Sessions, sink: Sink, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    services = open_services(Settings(_env_file=None))
    with services.sessions.begin() as session:
        asked = SignupRequest(NEW_READER, "Zoe", None, "Send me the letter.")
        signup.subscribe(session, services.audience, publications.find(session), asked, datetime.now(UTC))
    before = len(sink.recipients)
    services.close()
    wait_for(lambda: NEW_READER in sink.recipients)
    assert sink.recipients.index(NEW_READER) - before < 2 * A_SECOND
    assert not is_finished(sessions)


@pytest.mark.usefixtures("_going_out")
def test_an_issue_that_is_paused_stands_still_goes_on_when_resumed_and_ends_when_cancelled(
    sessions: Sessions, sink: Sink, issues
) -> None:
    for act in ("pause", "cancel"):
        issues(act, SLUG)
        before = len(sink.recipients)
        wait_for(lambda: _copies(sessions, CopyState.SENDING) == 0)
        stopped = len(sink.recipients)
        # What it holds no more it cannot send, and it takes no other.
        assert stopped == _copies(sessions, CopyState.SENT) < READERS
        assert stopped - before < 2 * A_SECOND
        if act == "pause":
            issues("resume", SLUG)
            wait_for(lambda seen=stopped: len(sink.recipients) > seen + A_SECOND / 2)
    counts = json.loads(issues("status", SLUG, "--json"))
    assert counts["state"] == "cancelled"
    assert counts["sent"] == len(sink.recipients)
    assert counts["skipped"] == READERS - counts["sent"]
    assert max(Counter(sink.recipients).values()) == 1


def _copies(sessions: Sessions, state: CopyState) -> int:
    with sessions.reading() as session:
        return session.scalar(select(func.count()).select_from(Copy).where(Copy.state == state))
