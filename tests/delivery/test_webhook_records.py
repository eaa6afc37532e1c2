"""What is kept of webhooks beside their events, on both databases."""

from datetime import datetime, timedelta

from newsletter.db import Sessions
from newsletter.delivery.bounces import webhooks


def test_a_token_counts_once_and_is_forgotten_after_two_days(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        assert [webhooks.use_token(session, token, now) for token in ("one", "two", "one")] == [True, True, False]
    with sessions.begin() as session:
        assert not webhooks.use_token(session, "one", now)
        assert webhooks.prune(session, now + timedelta(hours=47)) == 0
        assert webhooks.prune(session, now + timedelta(hours=48)) == 2
        assert webhooks.prune(session, now + timedelta(hours=48)) == 0


def test_each_providers_last_sign_is_kept_to_the_minute_and_never_goes_back(sessions: Sessions, now: datetime) -> None:
    for provider, seconds in (("ses", 0), ("ses", 59), ("brevo", 59), ("ses", 61), ("ses", 0)):
        with sessions.begin() as session:
            webhooks.note_seen(session, provider, now + timedelta(seconds=seconds))
    with sessions.reading() as session:
        assert webhooks.last_seen(session) == {
            "ses": now + timedelta(seconds=61),
            "brevo": now + timedelta(seconds=59),
        }
