from datetime import timedelta

from newsletter.delivery import suppression
from newsletter.delivery.models import Cause


def test_the_first_cause_stays(sessions, now) -> None:
    with sessions.begin() as session:
        assert suppression.add(session, "a@example.org", Cause.COMPLAINT, now, "abuse report")
        assert not suppression.add(session, "a@example.org", Cause.DESK, now + timedelta(days=1))
    with sessions.begin() as session:
        found = suppression.find(session, "a@example.org")
        assert found is not None
        assert (found.cause, found.at, found.detail) == (Cause.COMPLAINT, now, "abuse report")


def test_what_is_removed_is_found_no_more(sessions, now) -> None:
    with sessions.begin() as session:
        suppression.add(session, "a@example.org", Cause.BOUNCE, now)
        assert suppression.among(session, {"a@example.org", "b@example.org"}) == {"a@example.org"}
        assert suppression.remove(session, "a@example.org")
        assert not suppression.remove(session, "a@example.org")
        assert suppression.find(session, "a@example.org") is None
