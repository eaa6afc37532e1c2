"""Colours at the desk: the mail beside them shows them before they are saved."""

import pytest

from newsletter import publications
from newsletter.editors import Role
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Fill
from tests.web.desk.conftest import Enter

LOOK = "/desk/settings/look"


class TestFreshPress:
    @pytest.fixture
    def filled(self) -> Fill:
        return sample_services.opened

    def test_a_sample_shows_the_colours_until_there_is_an_issue(self, enter: Enter) -> None:
        owner = enter(Role.OWNER)
        assert "A sample, until you have written an issue" in owner.read(LOOK)
        mail = owner.open(f"{LOOK}/mail.html?accent=%238a1c4a").text
        assert "A button" in mail
        assert "#8a1c4a" in mail


def test_the_email_is_shown_in_colours_that_are_not_saved(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    mail = owner.open(f"{LOOK}/mail.html?accent=%238a1c4a&accent_dark=%23f2a0c0&view=dark")
    assert "#8a1c4a" in mail.text
    assert "#f2a0c0" in mail.text
    assert "sandbox" in mail.headers["Content-Security-Policy"]
    for typed in ("%238a1c", "red;}", "%3Cscript%3E", "x" * 500):
        assert "#0f6b5c" in owner.open(f"{LOOK}/mail.html?accent={typed}").text
    answer = owner.press(LOOK, accent="#ffd700", accent_dark="", show="yes")
    assert answer.status_code == 200
    assert "Too little contrast: links on paper 1.3" in answer.text
    assert "mail.html?view=phone&amp;accent=%23ffd700" in answer.text
    with services.sessions.reading() as session:
        assert publications.find(session).accent is None
