from datetime import timedelta

import pytest

from newsletter.audience import preferences
from newsletter.audience.models import Status
from newsletter.delivery.models import CopyState
from newsletter.errors import Conflict, Invalid

ADA = "ada@example.org"


@pytest.fixture
def token(press) -> str:
    press.reader(ADA, "Ada")
    return press.preferences_token(ADA)


def test_looking_changes_nothing(press, token: str) -> None:
    with press.sessions.reading() as session:
        assert preferences.open_preferences_link(session, press.audience, token, press.now)[0].subscriber.name == "Ada"
    with pytest.raises(Invalid), press.sessions.reading() as session:
        preferences.open_preferences_link(session, press.audience, press.leave_token(ADA), press.now)


def test_a_reader_may_be_called_otherwise(press) -> None:
    press.reader(ADA, "Ada")
    for _ in range(2):
        press.run(preferences.rename, press.manage_token(ADA), " Countess  Lovelace ", None, press.now)
    assert press.subscription(ADA).subscriber.name == "Countess Lovelace"
    assert press.acts(ADA)[2:] == [("renamed", "link")]
    with pytest.raises(Invalid):
        press.run(preferences.rename, press.manage_token(ADA), "Ada\nBcc: eve@example.org", None, press.now)


def test_a_pause_stops_even_what_waits_already(press, token: str) -> None:
    letter_id = press.queue_copy(ADA)
    paused = press.run(preferences.pause, token, 2, None, press.now)
    assert (paused.status, paused.paused_until) == (Status.PAUSED, press.now + timedelta(weeks=2))
    assert (press.copy(letter_id).state, press.copy(letter_id).reason) == (CopyState.SKIPPED, "paused")


def test_a_pause_may_be_made_longer_or_ended(press, token: str) -> None:
    press.run(preferences.pause, token, 1, None, press.now)
    press.run(preferences.pause, token, 12, None, press.now)
    assert press.subscription(ADA).paused_until == press.now + timedelta(weeks=12)
    for _ in range(2):
        resumed = press.run(preferences.resume, token, None, press.now)
        assert (resumed.status, resumed.paused_until) == (Status.ACTIVE, None)
    assert [act for act, _ in press.acts(ADA)[2:]] == ["paused", "paused", "resumed"]


@pytest.mark.parametrize("weeks", [-1, 0, 13, 10**9])
def test_a_pause_of_other_lengths_is_refused(press, token: str, weeks: int) -> None:
    with pytest.raises(Invalid, match="1 to 12 weeks"):
        press.run(preferences.pause, token, weeks, None, press.now)


def test_who_left_can_neither_pause_nor_resume(press, token: str) -> None:
    for _ in range(2):
        press.run(preferences.unsubscribe_by_preferences, token, None, press.now)
    assert press.kinds(ADA) == ["confirm", "welcome", "goodbye"]
    with pytest.raises(Conflict):
        press.run(preferences.pause, token, 1, None, press.now)
    with pytest.raises(Conflict):
        press.run(preferences.resume, token, None, press.now)


def test_the_clock_wakes_who_is_due_and_nobody_else(press, token: str) -> None:
    press.reader("bob@example.org")
    press.run(preferences.pause, token, 1, None, press.now)
    press.run(preferences.pause, press.preferences_token("bob@example.org"), 2, None, press.now)
    with press.sessions.begin() as session:
        assert preferences.end_due_pauses(session, press.now + timedelta(weeks=1)) == 1
    assert press.status(ADA) is Status.ACTIVE
    assert press.acts(ADA)[-1] == ("resumed", "clock")
    assert press.status("bob@example.org") is Status.PAUSED


def test_two_clocks_wake_a_reader_once(press, token: str, together) -> None:
    press.run(preferences.pause, token, 1, None, press.now)

    def tick() -> None:
        with press.sessions.begin() as session:
            preferences.end_due_pauses(session, press.now + timedelta(weeks=1))

    assert together(tick, tick, tick) == []
    assert press.acts(ADA)[2:] == [("paused", "link"), ("resumed", "clock")]
