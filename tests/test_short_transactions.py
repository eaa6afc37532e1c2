"""Whatever changes very many rows does so in groups, so that nobody who wants to write waits for all of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, insert, select, update

from newsletter.audience import signup_limits
from newsletter.audience.models import SignupCount, Status, Subscriber, Subscription
from newsletter.cli.issues.halt import cancel
from newsletter.cli.issues.send import _to_missed
from newsletter.db import Sessions
from newsletter.delivery import stopping
from newsletter.delivery.models import Copy, CopyState
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.rate_limit.limiter_store import SharedLimiter
from newsletter.delivery.workers import clock_setback
from newsletter.editorial.external_checks import link_checks
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import LinkCheck
from newsletter.errors import Conflict
from newsletter.wiring import Services
from newsletter.workflows import halt_issue, resend_missed
from tests import sample_services, transactions

READERS = 7_000
MOST = 5_100
"""Rows a transaction: half a second on the slowest disk that this was tried on, and a few rows of its own."""

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def many_readers(sessions: Sessions, data_dir: Path) -> None:
    """The shipped issues, and one of them on its way to a great many."""
    sample_services.opened(sessions, data_dir)
    numbers = range(1, READERS + 1)
    addresses = {number: f"reader{number}@reader.example" for number in numbers}
    with sessions.begin() as session:
        people = [
            {"id": n, "email": one, "key": one, "created_at": sample_services.NOW} for n, one in addresses.items()
        ]
        session.execute(insert(Subscriber), people)
        tie = {
            "publication_id": 1,
            "status": Status.ACTIVE,
            "created_at": sample_services.NOW,
            "confirmed_at": sample_services.NOW,
        }
        session.execute(insert(Subscription), [tie | {"id": n, "subscriber_id": n} for n in numbers])
    sample_services.stock(sample_services.build(sessions, data_dir), sample_services.NOW)


@pytest.fixture
def filled() -> object:
    return many_readers


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path) -> Services:
    return sample_services.build(sessions, tmp_path)


@pytest.fixture
def sizes(engine: Engine) -> Iterator[list[int]]:
    """How many rows each transaction changed."""
    with transactions.counted(engine) as found:
        yield found


def states(services: Services, letter_id: int) -> dict[CopyState, int]:
    with services.sessions.reading() as session:
        mine = select(Copy.state, func.count()).where(Copy.letter_id == letter_id).group_by(Copy.state)
        return dict(session.execute(mine).all())


def letter_of(services: Services) -> int:
    with services.sessions.reading() as session:
        letter_id = issue_store.find(session, sample_services.OUT[-1]).letter_id
    assert letter_id
    return letter_id


def test_an_issue_is_stopped_in_groups(
    services: Services, sizes: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    cancel.callback.__wrapped__(services, sample_services.OUT[-1], None)  # type: ignore[union-attr]
    assert states(services, letter_of(services)) == {CopyState.SKIPPED: READERS}
    assert f"{READERS:,} copies were not sent" in capsys.readouterr().out
    assert max(sizes) <= MOST


def test_a_stop_that_was_cut_short_is_gone_on_with(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        assert halt_issue.cancel(session, issue_store.find(session, sample_services.OUT[-1]), now) == READERS
    letter_id = letter_of(services)
    assert 0 < states(services, letter_id)[CopyState.PENDING] < READERS
    with services.sessions.reading() as session:
        assert stopping.unfinished(session) == [letter_id]
    while stopping.skip_next_group(services.sessions, letter_id, now):
        pass
    assert states(services, letter_id) == {CopyState.SKIPPED: READERS}
    with services.sessions.reading() as session:
        assert stopping.unfinished(session) == []


@pytest.mark.slow
def test_a_stopped_issue_is_sent_in_groups_to_those_who_missed_it(
    services: Services, now: datetime, sizes: list[int]
) -> None:
    with services.sessions.begin() as session:
        halt_issue.cancel(session, issue_store.find(session, sample_services.OUT[-1]), now)
    with services.sessions.begin() as session, pytest.raises(Conflict, match="being stopped right now;"):
        resend_missed.resend(session, issue_store.find(session, sample_services.OUT[-1]), now)
    while stopping.skip_next_group(services.sessions, letter_of(services), now):
        pass
    with services.sessions.begin() as session:
        late = {"publication_id": 1, "status": Status.ACTIVE, "created_at": now, "confirmed_at": now}
        everybody = update(Subscription).where(Subscription.id <= READERS - 10)
        session.execute(everybody.values(confirmed_at=sample_services.NOW - timedelta(weeks=9)))
        session.execute(update(Subscription).where(Subscription.id > READERS - 10).values(**late))
        session.execute(delete(Copy).where(Copy.subscription_id > READERS - 10))
    sizes.clear()
    _to_missed(services, sample_services.OUT[-1], None, joined=True, dry_run=False, as_json=True)
    assert states(services, letter_of(services)) == {CopyState.PENDING: READERS}
    assert max(sizes) <= MOST


def test_what_the_clock_clears_it_clears_in_groups(services: Services, now: datetime, sizes: list[int]) -> None:
    old = now - timedelta(days=100)
    with services.sessions.begin() as session:
        counts = [{"bucket": f"client:{number}", "window": 1, "hits": 1} for number in range(READERS)]
        session.execute(insert(SignupCount), counts)
        session.execute(
            insert(SharedLimiter),
            [{"key": f"{number}.example", "next_at": old, "spent": {}} for number in range(READERS)],
        )
        asked = {"asked_at": old, "final_url": "", "fault": ""}
        links = [asked | {"digest": f"{number:064}", "url": f"https://{number}.example"} for number in range(READERS)]
        session.execute(insert(LinkCheck), links)
        waits = update(Copy).where(Copy.letter_id == issue_store.find(session, sample_services.OUT[-1]).letter_id)
        session.execute(waits.values(not_before=now + timedelta(days=2)))
    sizes.clear()
    for act in (signup_limits.prune, limiter_store.prune_idle, link_checks.prune, clock_setback.shorten_waits):
        done = 0
        while True:
            with services.sessions.begin() as session:
                count = act(session, now)
            done += count
            if not count:
                break
        assert done == READERS
    assert max(sizes) <= MOST
