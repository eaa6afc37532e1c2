"""`newsletter arm`: nothing is let out that a person has not seen."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from .conftest import Press

SLUG = "unwind-a-tight-back"
CSV = "email,name\nada@reader.example,Ada\nbob@reader.example,Bob\n"


@pytest.fixture
def copied(loaded: Press, tmp_path) -> Press:
    """A copy of a press, as every `loaded` one is, with two readers."""
    (tmp_path / "readers.csv").write_text(CSV)
    loaded("subscribers", "import", "readers.csv", "--status", "active", "--consent", "a fair")
    return loaded


def test_what_would_go_out_is_shown_before_anything_is_let_out(copied: Press) -> None:
    sent = copied("issues", "send", SLUG, "--now")
    assert "`newsletter arm`" in sent.err
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    copied("issues", "schedule", "under-the-hands", "--at", later)
    asked = copied("arm", stdin="n\n")
    assert (asked.code, asked.out.splitlines()[0]) == (1, "This database is a copy of one that sends.")
    assert f"{SLUG} (sending), to 2: goes on at once" in asked.out
    assert "under-the-hands (scheduled), to 2: goes out on " in asked.out
    assert "2 issues, 0 corrections and 0 other emails wait" in asked.out
    assert json.loads(copied("arm", "--json").out)["armed"] is False


def test_a_correction_that_would_go_out_is_shown_and_can_be_stopped(corrected: Press) -> None:
    asked = corrected("arm", stdin="n\n")
    assert f"{SLUG}, correction 1 (sending), to 2: goes on at once" in asked.out
    assert "0 issues, 1 corrections and 0 other emails wait" in asked.out
    for command, told in (
        ("pause", "is paused"),
        ("resume", "is sending again"),
        ("cancel", "is cancelled; 2 copies were"),
    ):
        done = corrected("issues", command, SLUG, "--correction", "1")
        assert (done.code, done.out.startswith(f"{SLUG}, correction 1 {told}")) == (0, True)
    assert json.loads(corrected("arm", "--json").out)["issues"] == []
    again = corrected("issues", "cancel", SLUG, "--correction", "1")
    assert (again.code, again.err) == (1, "This correction is not going out, so there is nothing to stop.\n")
    assert corrected("issues", "pause", SLUG, "--correction", "2").code == 1


def test_after_a_yes_it_sends_and_says_so(copied: Press) -> None:
    assert copied("arm", stdin="y\n").code == 0
    again = copied("arm")
    assert (again.code, again.out.splitlines()[0]) == (0, "Sending is on.")
    assert "newsletter arm" not in copied("issues", "send", SLUG, "--now").err


def test_a_program_says_yes_and_reads_what_it_let_out(copied: Press) -> None:
    copied("subscribers", "import", "readers.csv")
    told = json.loads(copied("arm", "--yes", "--json").out)
    series = {"waiting": 0, "due": 0}
    assert told == {"armed": True, "issues": [], "series": series, "letters": {"waiting": 0, "oldest": None}}


def test_an_empty_database_is_new_and_may_send(press: Press) -> None:
    press("db", "upgrade")
    assert json.loads(press("arm", "--json").out)["armed"] is True
