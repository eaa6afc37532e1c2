from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.audience import preferences
from newsletter.audience.models import Status
from newsletter.delivery.models import CopyState
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication

ADA = "ada@example.org"
TODAY = date(2026, 11, 20)


@pytest.fixture
def token(press) -> str:
    press.reader(ADA, "Ada")
    return press.preferences_token(ADA)


def test_only_a_preferences_link_opens_the_preferences(press, token: str) -> None:
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


@pytest.mark.usefixtures("token")
def test_a_pause_stops_even_what_waits_already(press) -> None:
    letter_id = press.queue_copy(ADA)
    press.pause(ADA, date(2026, 12, 4))
    paused = press.subscription(ADA)
    assert (paused.status, paused.paused_until) == (Status.PAUSED, datetime(2026, 12, 4, tzinfo=UTC))
    assert (press.copy(letter_id).state, press.copy(letter_id).reason) == (CopyState.SKIPPED, "paused")


def test_a_pause_may_be_made_longer_or_ended(press, token: str) -> None:
    press.pause(ADA, TODAY + timedelta(weeks=1))
    press.pause(ADA, TODAY + timedelta(days=366))
    assert press.subscription(ADA).paused_until == datetime(2027, 11, 21, tzinfo=UTC)
    for _ in range(2):
        resumed = press.run(preferences.resume, token, None, press.now)
        assert (resumed.status, resumed.paused_until) == (Status.ACTIVE, None)
    assert [act for act, _ in press.acts(ADA)[2:]] == ["paused", "paused", "resumed"]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("days", [-1, 0, 367, 10**5])
def test_a_pause_until_another_day_is_refused(press, days: int) -> None:
    with pytest.raises(Invalid, match="from tomorrow on"):
        press.pause(ADA, TODAY + timedelta(days=days))
    assert press.status(ADA) is Status.ACTIVE


@pytest.mark.parametrize(
    ("zone", "until", "utc"),
    [
        ("Europe/Warsaw", date(2026, 12, 1), "2026-11-30T23:00"),
        ("Pacific/Kiritimati", date(2026, 12, 1), "2026-11-30T10:00"),
        ("Pacific/Pago_Pago", date(2026, 12, 1), "2026-12-01T11:00"),
        # Here the clock skips the hour after midnight, and there it does not.
        ("Africa/Cairo", date(2027, 4, 30), "2027-04-29T22:00"),
        ("America/New_York", date(2027, 3, 14), "2027-03-14T05:00"),
    ],
)
def test_a_pause_ends_when_the_day_begins_where_the_publication_is(zone: str, until: date, utc: str) -> None:
    end = preferences.end_of_pause(Publication(time_zone=zone), until)
    assert end.isoformat(timespec="minutes") == f"{utc}+00:00"


def test_who_left_can_neither_pause_nor_resume(press, token: str) -> None:
    for _ in range(2):
        press.run(preferences.unsubscribe_by_preferences, token, None, press.now)
    assert press.kinds(ADA) == ["confirm", "welcome", "goodbye"]
    with pytest.raises(Conflict):
        press.pause(ADA, TODAY + timedelta(weeks=1))
    with pytest.raises(Conflict):
        press.run(preferences.resume, token, None, press.now)


@pytest.mark.usefixtures("token")
def test_the_clock_wakes_who_is_due_and_nobody_else(press) -> None:
    press.reader("bob@example.org")
    press.pause(ADA, TODAY + timedelta(weeks=1))
    press.pause("bob@example.org", TODAY + timedelta(weeks=2))
    with press.sessions.begin() as session:
        assert preferences.end_due_pauses(session, press.now + timedelta(weeks=1)) == 1
    assert press.status(ADA) is Status.ACTIVE
    assert press.acts(ADA)[-1] == ("resumed", "clock")
    assert press.status("bob@example.org") is Status.PAUSED


@pytest.mark.usefixtures("token")
def test_two_clocks_wake_a_reader_once(press, together) -> None:
    press.pause(ADA, TODAY + timedelta(weeks=1))

    def tick() -> None:
        with press.sessions.begin() as session:
            preferences.end_due_pauses(session, press.now + timedelta(weeks=1))

    assert together(tick, tick, tick) == []
    assert press.acts(ADA)[2:] == [("paused", "link"), ("resumed", "clock")]
