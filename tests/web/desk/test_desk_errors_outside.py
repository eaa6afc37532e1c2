"""Errors that the desk's frame cannot show: routing's, the form parser's, and a stranger's at the door."""

import pytest

from newsletter import publications
from newsletter.wiring import Services
from tests.sample_services import WAITING
from tests.web.desk.visits import Visitor, words


@pytest.fixture(autouse=True)
def _german(services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).language = "de"


@pytest.mark.parametrize(
    ("method", "path", "typed", "status", "said"),
    [
        ("POST", "/desk/nowhere", "", 405, "This page cannot be opened like that"),
        ("POST", "/desk/readers.csv", "", 405, "This page cannot be opened like that"),
        ("GET", "/desk/readers/99999999999999999999/", "", 404, "Page not found"),
        ("POST", f"/desk/issues/{WAITING}/note", "x" * 600_000, 413, "That was too much at once"),
    ],
)
def test_the_desk_is_english_even_where_its_frame_cannot_be_shown(
    editor: Visitor, method: str, path: str, typed: str, status: int, said: str
) -> None:
    answer = editor.client.open(path, method=method, data={"note": typed} if typed else None)
    assert (answer.status_code, '<html lang="en">' in answer.text) == (status, True)
    assert f"{said} · Desk" in words(answer)
    assert 'href="/desk/"' in answer.text


def test_a_stranger_is_told_of_a_broken_link_in_one_language(stranger: Visitor) -> None:
    answer = stranger.open("/desk/sign-in/cut-short")
    assert (answer.status_code, '<html lang="en">' in answer.text) == (400, True)
    assert "Abonnieren" not in words(answer)
