"""What no person types: the desk answers it calmly, and either database takes it."""

import pytest

from newsletter.web.desk.routes import ROUTES
from tests.databases import MOSTLY_POSTGRESQL
from tests.web.desk.visits import Visitor, address_of

BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
ASKED = ("at", "before", "next", "page", "publication", "q", "state", "status", "view")
PAGES = sorted({route.path for route in ROUTES if route.method == "GET" and "<token>" not in route.path})
FORMS = sorted({route.path for route in ROUTES if route.method == "POST" and "sign-out" not in route.path})
TYPED = ("email", "password", "current", "new", "publication", "readiness", "moment", "next", "version", "state")


@pytest.mark.slow
@MOSTLY_POSTGRESQL
@pytest.mark.parametrize("strange", ["a\0b", "9" * 30, "\ud800", "-1"])
def test_no_parameter_of_a_page_is_more_than_it_can_take(editor: Visitor, strange: str) -> None:
    typed = strange.encode("utf-8", "surrogatepass")
    for path in PAGES:
        assert editor.client.get(address_of(path), query_string=dict.fromkeys(ASKED, typed)).status_code < 500, path


@pytest.mark.slow
@MOSTLY_POSTGRESQL
def test_no_field_of_a_form_is_more_than_it_can_take(editor: Visitor) -> None:
    for path in FORMS:
        answer = editor.client.post(address_of(path), data=dict.fromkeys(TYPED, "a\0b"))
        assert answer.status_code < 500, path


@BOTH
def test_a_reader_of_an_impossible_number_is_not_there(editor: Visitor) -> None:
    assert [editor.open(f"/desk/readers/{'9' * digits}/").status_code for digits in (9, 10, 30)] == [404] * 3
