"""Colours at the desk: the mail beside them shows them before they are saved."""

import io

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
    assert "Give a colour like #1a6b5c." in owner.press(LOOK, accent="teal", accent_dark="", show="yes").text
    answer = owner.press(LOOK, accent="#ffd700", accent_dark="", show="yes")
    assert answer.status_code == 200
    assert "Too little contrast: links on paper 1.3" in answer.text
    assert "mail.html?view=phone&amp;accent=%23ffd700" in answer.text
    with services.sessions.reading() as session:
        assert publications.find(session).accent is None


def test_colours_are_saved_from_the_page_of_a_logo_that_was_refused(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    refused = owner.client.post("/desk/settings/logo?guide=1", data={"picture": (io.BytesIO(b"no picture"), "a.png")})
    assert refused.status_code == 422
    assert f'action="{LOOK}?guide=1"' in refused.text
    saved = owner.client.post(f"{LOOK}?guide=1", data={"accent": "#8a1c4a", "accent_dark": ""})
    assert saved.status_code == 303
    with services.sessions.reading() as session:
        assert publications.find(session).accent == "#8a1c4a"
