from datetime import UTC, date, datetime

from newsletter.audience import growth
from newsletter.audience.models import Status, Subscriber, Subscription

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_ROWS = (
    # Status, confirmed, left, source, created
    (Status.ACTIVE, (2024, 5), None, None),
    (Status.ACTIVE, (2026, 3), None, None),
    (Status.ACTIVE, None, None, "the old list"),
    (Status.PAUSED, (2026, 3), None, None),
    (Status.UNSUBSCRIBED, (2025, 1), (2026, 6), None),
    (Status.BOUNCED, (2026, 3), (2026, 3), None),
    # Neither was ever a reader.
    (Status.PENDING, None, None, None),
    (Status.BOUNCED, None, (2026, 7), None),
)


def _moment(month: tuple[int, int] | None) -> datetime | None:
    return datetime(*month, 15, tzinfo=UTC) if month else None


def test_growth_counts_who_joined_and_left_in_each_month_and_the_readers_at_its_end(press) -> None:
    created = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    with press.sessions.begin() as session:
        for number, (status, confirmed, left, source) in enumerate(_ROWS):
            tie = Subscription(publication_id=press.publication.id, status=status, created_at=created, source=source)
            tie.confirmed_at, tie.left_at = _moment(confirmed), _moment(left)
            email = f"r{number}@example.org"
            session.add(Subscriber(email=email, key=email, created_at=created, subscriptions=[tie]))
    with press.sessions.reading() as session:
        months = growth.growth_in_a_year(session, press.publication.id, 4, NOW)
    assert (len(months), months[0].month, months[-1].month) == (12, date(2025, 12, 1), date(2026, 11, 1))
    changed = {f"{one.month:%Y-%m}": one[1:] for one in months if one.joined or one.left}
    assert changed == {"2026-01": (1, 0, 3), "2026-03": (3, 1, 5), "2026-06": (0, 1, 4)}
    assert (months[0].readers, months[-1].readers) == (2, 4)
