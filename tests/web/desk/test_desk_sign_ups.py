from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import audit
from newsletter.audience import confirm_breaker
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import tend_signups
from tests.confirmations import send_confirmations
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, words

READERS, BUTTON = "/desk/readers/", "Let sign-ups through again"


@pytest.fixture(autouse=True)
def slowed(services: Services, now: datetime) -> None:
    """Sign-ups are slowed, because confirmation emails came back."""
    with services.sessions.begin() as session:
        send_confirmations(session, now - timedelta(hours=1), sent=20, returned=6)
    tend_signups.watch(services.sessions, services.audience, WorkerContext("tested", lambda: now))


def test_the_desk_says_why_sign_ups_are_slowed_and_one_button_ends_it(editor: Visitor, services: Services) -> None:
    assert "Sign-ups are slowed because too many confirmation emails are coming back" in editor.read("/desk/issues/")
    assert "6 of 20 confirmation emails sent within an hour came back" in editor.read(READERS)
    assert "Sign-ups go through again" in words(
        editor.client.get(editor.press(READERS, "/desk/readers/sign-ups").location)
    )
    for page in (READERS, "/desk/issues/"):
        assert "slowed" not in editor.read(page)
    with services.sessions.reading() as session:
        assert confirm_breaker.open_trip(session) is None
        newest = select(audit.AuditEntry.act).order_by(audit.AuditEntry.id.desc())
        assert session.scalars(newest).first() == "let sign-ups through again"


def test_only_who_may_send_ends_it(enter: Enter) -> None:
    visitor = enter(Role.AUTHOR)
    assert "Sign-ups are slowed" in visitor.read(READERS)
    assert BUTTON not in visitor.read(READERS)
    assert visitor.client.post("/desk/readers/sign-ups").status_code == 403
