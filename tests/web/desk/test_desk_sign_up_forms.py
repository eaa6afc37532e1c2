"""The desk's page of forms for other places: what it gives to copy works, and says where it is."""

import html
import re

import pytest

from newsletter import publications
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter

FORMS = "/desk/settings/forms"


def test_the_form_the_frame_and_the_page_name_this_site_and_the_place(enter: Enter, services: Services) -> None:
    viewer = enter(Role.VIEWER)
    page = html.unescape(viewer.open(f"{FORMS}?source=poster+%26+%22card%22").text)
    base = services.links.base_url
    assert f'<form action="{base}/subscribe/backpainhelp" method="post"' in page
    assert f'<iframe src="{base}/embed/backpainhelp?source=poster+%26+%22card%22"' in page
    assert f"{base}/subscribe/backpainhelp?source=poster+%26+%22card%22" in page
    assert '<input type="hidden" name="source" value="poster &#34;' not in page
    assert "source" not in re.findall(r"<code>(.*?)</code>", viewer.open(FORMS).text, re.DOTALL)[0]


def test_the_form_has_no_script_and_no_guard_of_ours(enter: Enter) -> None:
    (form, frame) = re.findall(r"<code>(.*?)</code>", enter(Role.VIEWER).open(f"{FORMS}?source=x").text, re.DOTALL)
    form = html.unescape(form)
    assert re.findall(r'name="(\w+)"', form) == ["source", "email", "name"]
    assert "script" not in form + frame


def test_what_is_copied_is_in_the_language_of_the_publication(enter: Enter, services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).language = "de"
    viewer = enter(Role.VIEWER)
    page = html.unescape(viewer.open(FORMS).text)
    assert "<label>Vorname (" in page
    assert "<h1>Sign-up forms</h1>" in page


@pytest.mark.parametrize(("ending", "starts"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_qr_code_can_be_downloaded(enter: Enter, ending: str, starts: bytes) -> None:
    viewer = enter(Role.VIEWER)
    plain, named = (viewer.open(f"{FORMS}/qr.{ending}{query}") for query in ("", "?source=🧘+poster"))
    assert plain.data.startswith(starts)
    assert plain.headers["Content-Disposition"] == f'attachment; filename="backpainhelp-sign-up.{ending}"'
    assert named.data != plain.data
    assert viewer.open(f"{FORMS}/qr.pdf").status_code == 404
