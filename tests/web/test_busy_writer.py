"""While somebody holds SQLite's one writer: pages answer, leaving waits and is done, and the rest hears so at once."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from newsletter.audience.models import Status, Subscription
from newsletter.db import Sessions, open_engine, write_queue
from newsletter.web import create_app
from newsletter.web.server import THREADS
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Originals
from tests.sample_services import NOW, Clock
from tests.waiting import wait_for
from tests.web.conftest import browser_of, subscription
from tests.web.served import ask, asking, served


@pytest.fixture
def services(originals: Originals, tmp_path) -> Iterator[Services]:
    with originals.copy("sqlite", sample_services.stocked, tmp_path) as url:
        engine = open_engine(url)
        yield sample_services.build(Sessions(engine), tmp_path)
        engine.dispose()


def test_pages_answer_and_who_leaves_has_left_while_others_are_asked_to_come_again(
    services: Services, monkeypatch
) -> None:
    for name in ("LONGEST_WAIT", "LONGEST_URGENT_WAIT"):
        monkeypatch.setattr(write_queue, name, 600.0)
    browser_of(create_app(services, Clock(NOW))).post("/subscribe", data={"email": "ada@example.org"})
    reader = subscription(services).id
    leave = sample_services.path_of(services.links.unsubscribe(reader))
    answers: list[int] = []
    database = services.sessions.engine.url.database
    with served(services) as port, closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        readers = [
            threading.Thread(target=lambda n=n: answers.append(ask(port, "/subscribe", asking(services, f"r{n}"))[0]))
            for n in range(3 * THREADS)
        ]
        left: list[int] = []
        leaving = threading.Thread(target=lambda: left.append(ask(port, leave, "List-Unsubscribe=One-Click")[0]))
        for thread in (*readers, leaving):
            thread.start()
        for path in ("/healthz", "/", "/archive/", "/archive/unwind-a-tight-back/", "/feed.xml", leave):
            assert ask(port, path)[0] == 200, path
        assert not left
        wait_for(lambda: 503 in answers)
        holder.execute("ROLLBACK")
        for thread in (*readers, leaving):
            thread.join()
    assert left == [200]
    with services.sessions.reading() as session:
        assert session.get(Subscription, reader).status is Status.UNSUBSCRIBED
    told = Counter(answers)
    # All come from one client, whose limit those that waited may reach.
    assert told[200] + told[429] + told[503] == 3 * THREADS
