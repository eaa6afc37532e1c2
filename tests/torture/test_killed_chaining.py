"""Two processes chain the record of consent at once, one is killed in the middle: the chain is whole all the same."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import func, insert, select

from newsletter.audience import consent_chain
from newsletter.audience.models import Act, Channel, ConsentChainLink, ConsentEvent
from newsletter.db import Sessions
from tests.torture.press import ROOT

EVENTS = 40_000
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CHAINING = """
import sys
from datetime import UTC, datetime
from newsletter.audience import consent_chain
from newsletter.db import Sessions, open_engine

sessions, left = Sessions(open_engine(sys.argv[1])), 1
print("ready", flush=True)
while left:
    with sessions.begin() as session:
        left = consent_chain.chain_some(session, datetime.now(UTC))
"""


@contextmanager
def chaining(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that chains as long as entries wait."""
    process = subprocess.Popen([sys.executable, "-c", CHAINING, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def chained(sessions: Sessions) -> int:
    with sessions.reading() as session:
        return session.scalar(select(func.count(ConsentChainLink.position))) or 0


def test_a_worker_that_is_killed_while_two_chain_leaves_a_whole_chain(sessions: Sessions, database_url: str) -> None:
    with sessions.begin() as session:
        row = {"act": Act.EXPLAINED, "channel": Channel.LINK, "at": AT}
        session.execute(insert(ConsentEvent), [row | {"note": f"reason {number}"} for number in range(EVENTS)])
    for _ in range(3):
        before = chained(sessions)
        with chaining(database_url) as killed, chaining(database_url):
            while chained(sessions) == before < EVENTS:
                time.sleep(0.01)
            killed.kill()
            killed.wait()
        with sessions.reading() as session:
            assert consent_chain.verify(session).broken is None
    with chaining(database_url) as last:
        assert last.wait(120) == 0
    with sessions.reading() as session:
        found = consent_chain.verify(session)
    assert (found.chained, found.unchained, found.broken) == (EVENTS, 0, None)
