"""What a person was told is done is on the disk: a power cut right after the answer takes none of it back.

On SQLite, whose files a test can see. Of PostgreSQL, `tests/test_db.py` shows that it is never let off its sync.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.engine import make_url

from newsletter.audience.models import Act, ConsentEvent, Status, Subscription
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import OutboxMessage
from newsletter.wiring import Services
from tests import disk, sample_services
from tests.disk import Powered
from tests.originals import Originals

Left = Callable[[], tuple[Status, list[Act], list[str]]]


@pytest.fixture
def database_url(originals: Originals, tmp_path: Path) -> Iterator[str]:
    with originals.copy("sqlite", sample_services.opened, tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
def powered(durable: None, database_url: str, tmp_path: Path) -> Iterator[Powered]:  # noqa: ARG001  (it waits)
    """The disk that the database lies on."""
    powered = Powered(Path(make_url(database_url).database or ""), tmp_path / "survivors")
    with disk.over(powered):
        yield powered


@pytest.fixture
def left(powered: Powered, tmp_path: Path) -> Left:
    """How it stands, were the power cut now: the reader's status, the consent on record, the letters in the outbox."""

    def look() -> tuple[Status, list[Act], list[str]]:
        engine = open_engine(f"sqlite:///{powered.left(tmp_path / 'left')}")
        with Sessions(engine).reading() as session:
            status = session.scalars(select(Subscription.status)).one()
            acts = session.scalars(select(ConsentEvent.act).order_by(ConsentEvent.id)).all()
            letters = session.scalars(select(OutboxMessage.kind).order_by(OutboxMessage.id)).all()
        engine.dispose()
        return status, list(acts), list(letters)

    return look


def test_a_sign_up_survives_with_its_consent_and_its_letter(browser: FlaskClient, left: Left) -> None:
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    assert left() == (Status.PENDING, [Act.ASKED], ["confirm"])


@pytest.mark.usefixtures("reader")
def test_a_confirmation_survives_with_its_consent_and_its_letters(left: Left) -> None:
    assert left() == (Status.ACTIVE, [Act.ASKED, Act.CONFIRMED], ["confirm", "welcome"])


def test_leaving_by_one_click_survives(
    reader: Subscription, program: FlaskClient, services: Services, left: Left
) -> None:
    program.post(sample_services.path_of(services.links.unsubscribe(reader.id)), data={"List-Unsubscribe": "One-Click"})
    status, acts, _ = left()
    assert status is Status.UNSUBSCRIBED
    assert acts[-1] is Act.LEFT
