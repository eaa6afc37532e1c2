"""A backup and links from before the modules were renamed: today's code restores the one and opens the others.

They were made by the code of commit c1f6257, on SQLite. Whatever Python's names become, the tables, the purposes of
tokens, their derivation from SECRET_KEY and the addresses of pages stay as they are.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, table

from newsletter import db
from newsletter.audience import erasures, subscribers, unsubscribe
from newsletter.audience.models import Status
from newsletter.backup import archive
from newsletter.backup.restore import restore
from newsletter.db import Sessions
from newsletter.delivery import receipts
from newsletter.delivery.bounces import suppression
from newsletter.links import Links
from newsletter.tokens import TokenSeal
from newsletter.web import create_app
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import NOW, Clock
from tests.web.conftest import browser_of
from tests.web.desk.visits import Visitor

from .conftest import Elsewhere

DATA = Path(__file__).parent / "data"
BACKUP = DATA / "before-the-renaming.backup"
THEN: dict[str, Any] = json.loads((DATA / "before-the-renaming.json").read_text())
LINKS: dict[str, str] = THEN["links"]
READERS: dict[str, int] = THEN["ids"]["subscriptions"]
LETTER: int = THEN["ids"]["letter"]
OURS = Links(sample_services.BASE_URL, TokenSeal(sample_services.SECRET.encode()))
"""Links sealed with the SECRET_KEY that the backup was made with."""


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The kind of database to restore into; it is empty."""
    return request.param


@pytest.fixture
def restored(elsewhere: Elsewhere) -> Iterator[Services]:
    """The press of the backup, brought to today's version by all migrations since."""
    there = elsewhere()
    engine = db.open_engine(there.database)
    # Its SECRET_KEY is the one that the backup was made with.
    services = sample_services.build(Sessions(engine), there.data_dir)
    with archive.open_archive(BACKUP) as backup:
        restore(backup, engine, services.pictures, NOW)
    yield services
    engine.dispose()


@pytest.fixture
def visitor(restored: Services) -> Visitor:
    """Somebody with a browser, at a time when no link is too old."""
    return Visitor(browser_of(create_app(restored, Clock(NOW))))


def token(name: str) -> str:
    return LINKS[name].rpartition("/")[2]


def path(name: str) -> str:
    return sample_services.path_of(LINKS[name])


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_every_row_is_there_and_says_what_it_said(restored: Services) -> None:
    with restored.sessions.reading() as session:
        counts = {name: session.scalar(select(func.count()).select_from(table(name))) for name in THEN["counts"]}
        # On SQLite, a restore reserves the number of the last letter by one more.
        assert counts | {"letters": 1} == THEN["counts"]
        statuses = [subscribers.get(session, READERS[name]).status for name in ("Ada", "Ben", "Cem", "Finn")]
        assert statuses == [Status.ACTIVE, Status.PENDING, Status.UNSUBSCRIBED, Status.UNSUBSCRIBED]
        assert unsubscribe.unsubscribes_by_letter(session, [LETTER]) == {LETTER: 2}
        addresses = {f"{name.lower()}@reader.example" for name in READERS}
        assert suppression.suppressed_keys(session, addresses) == {"eve@reader.example"}
        # The key that tells who was erased lies in the database, sealed by SECRET_KEY.
        assert erasures.erased_keys(session, restored.links.seal, addresses) == {"dora@reader.example"}
        replies = [receipt.reply for receipt in session.scalars(receipts.select_receipts(READERS.values()))]
        assert replies == ["250 2.0.0 queued", "250 2.0.0 queued", "550 5.1.1 unknown user"]


def test_each_token_says_what_it_said() -> None:
    links, editors = OURS, THEN["ids"]["editors"]
    assert links.open_confirm(token("confirm"), NOW)[0] == READERS["Ben"]
    assert links.open_unsubscribe(token("unsubscribe")) == (READERS["Ada"], LETTER)
    assert links.open_preferences(token("preferences"), NOW) == (READERS["Ada"], False)
    assert links.open_click(token("click")) == (LETTER, 1)
    assert links.open_sign_in(token("sign-in"), NOW)[0] == editors["ann"]
    assert links.open_reset(token("reset"), NOW)[0] == editors["bob"]
    assert (NOW - links.open_form_time(LINKS["form"])).total_seconds() == 30


@pytest.mark.parametrize(
    ("name", "purpose", "row"),
    [("bounce of a copy", "bounce", "copy"), ("bounce of a single letter", "post", "post")],
)
def test_a_return_path_still_names_its_letter(name: str, purpose: str, row: str) -> None:
    local_part = LINKS[name].partition("@")[0].removeprefix("bounce+")
    # Servers on the way may have written it in capitals.
    assert OURS.seal.open_local_part(purpose, local_part.upper()) == (THEN["ids"][row],)


def test_links_of_readers_do_what_they_did(restored: Services, visitor: Visitor) -> None:
    assert visitor.press(path("confirm")).status_code == 200
    assert status(restored, "Ben") is Status.ACTIVE
    assert "comes to a…@" in visitor.read(path("preferences"))
    assert visitor.open(path("click")).location == "https://elsewhere.example/page"
    assert "Text, and" in visitor.read(path("archive"))
    assert visitor.open(path("unsubscribe")).status_code == 200
    visitor.client.post(path("unsubscribe"), data={"List-Unsubscribe": "One-Click"})
    assert status(restored, "Ada") is Status.UNSUBSCRIBED
    assert visitor.open(path("unsubscribe of who left")).status_code == 200
    assert visitor.open(path("unsubscribe of who was erased")).status_code == 404


def test_links_of_the_team_do_what_they_did(visitor: Visitor) -> None:
    assert visitor.open(path("reset")).status_code == 200
    assert "ann@press.example" in visitor.read(path("sign-in"))
    assert visitor.press(path("sign-in")).status_code == 303
    assert "Please read it" in visitor.read(path("approval"))


def status(services: Services, name: str) -> Status:
    with services.sessions.reading() as session:
        return subscribers.get(session, READERS[name]).status
