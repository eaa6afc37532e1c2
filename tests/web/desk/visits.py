"""A person at the desk, as far as a test needs one: opens pages, fills in the forms they find, reads."""

import html
import re
from dataclasses import dataclass
from functools import cache

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter import editors
from newsletter.editors import Editor
from tests.sample_services import WAITING

PASSWORD = "correct horse battery"
_HOLE = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")


@dataclass
class Visitor:
    """One browser."""

    client: FlaskClient

    def sign_in(self, email: str, password: str = PASSWORD, to: str = "") -> TestResponse:
        """Fill in the form of the door."""
        return self.client.post("/desk/sign-in", data={"email": email, "password": password, "next": to})

    def open(self, path: str) -> TestResponse:
        return self.client.get(path)

    def read(self, path: str) -> str:
        """The words of a page, without its marks."""
        return words(self.open(path))

    def press(self, page: str, action: str = "", **fields: str) -> TestResponse:
        """Send the form that a page shows for an action (its own address if none), hidden fields and all."""
        return self.client.post(action or page.partition("?")[0], data=hidden(self.open(page).text, action) | fields)


@cache
def hashed(password: str) -> str:
    """A password as an editor's row keeps it; to make the hash takes a tenth of a second."""
    editor = Editor(email="somebody@desk.example", key="somebody@desk.example")
    editors.set_password(editor, password)
    return editor.password_hash or ""


def address_of(route_path: str) -> str:
    """An address that a route of the desk answers, its holes filled."""
    samples = {"slug": WAITING, "token": "f0rg3d"}
    return "/desk" + _HOLE.sub(
        lambda hole: "1" if hole["kind"] in {"id", "long_id"} else samples.get(hole["name"], "nowhere"), route_path
    )


def words(answer: TestResponse) -> str:
    """What a page says, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def hidden(page: str, action: str = "") -> dict[str, str]:
    """The hidden fields of the page's form for that action, and what its button says where that names the action."""
    if found := re.search(rf'<button\b[^>]* form="([^"]+)" formaction="{action}" name="(\w+)" value="([^"]*)"', page):
        form_id, name, value = found.groups()
        return _hidden_fields(page.partition(f'<form id="{form_id}"')[2].partition("</form>")[0]) | {name: value}
    mark = re.compile(rf'action="{re.escape(action)}["?]' if action else 'method="post"')
    forms = [form for form in re.findall(r"<form\b.*?</form>", page, re.DOTALL) if mark.search(form.partition(">")[0])]
    own = [form for form in forms if action or "action=" not in form.partition(">")[0]]
    return _hidden_fields(own[0]) if own else {}


def _hidden_fields(form: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in fields}
