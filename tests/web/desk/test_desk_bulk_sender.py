"""BULK_MAIL_DEFAULT_SENDER holds for what the desk schedules or sends, too."""

from dataclasses import replace

import pytest
from pydantic import NameEmail
from sqlalchemy import select

from newsletter.delivery.models import Letter, LetterState
from newsletter.wiring import Services
from tests.sample_services import WAITING
from tests.web.desk.visits import Visitor

PAGE = f"/desk/issues/{WAITING}/"


@pytest.fixture
def services(services: Services) -> Services:
    bulk = {"bulk_mail_default_sender": NameEmail("Bulk", "issues@bulk.example")}
    return replace(services, settings=services.settings.model_copy(update=bulk))


@pytest.mark.parametrize(("act", "state"), [("schedule", LetterState.WAITING), ("send", LetterState.RUNNING)])
def test_an_issue_from_the_desk_goes_out_with_the_bulk_sender(
    editor: Visitor, services: Services, act: str, state: LetterState
) -> None:
    page = f"{PAGE}send" if act == "send" else PAGE
    assert editor.press(page, "" if act == "send" else f"{PAGE}schedule").status_code == 303
    with services.sessions.reading() as session:
        letter = session.scalars(select(Letter).order_by(Letter.id.desc())).first()
        assert letter is not None
        assert (letter.sender_address, letter.state) == ("issues@bulk.example", state)
