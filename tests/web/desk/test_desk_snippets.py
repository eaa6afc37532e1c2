"""Snippets of a publication: who may save, change and delete them, and what a name and a text may hold."""

import pytest

from newsletter.editorial.issues import snippets
from newsletter.editors import Role
from newsletter.publications import find
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden

LIST = "/desk/issues/snippets"
ONE = f"{LIST}/1"


@pytest.fixture
def author(enter: Enter) -> Visitor:
    return enter(Role.AUTHOR)


def stored(services: Services) -> dict[str, str]:
    with services.sessions.reading() as session:
        return {one.name: one.text for one in snippets.publication_snippets(session, find(session).id)}


def test_a_snippet_is_saved_by_an_author_and_changed_and_deleted_by_an_editor(
    author: Visitor, editor: Visitor, services: Services
) -> None:
    author.press(LIST, LIST, name="  Sign-off ", text="\r\nWrite to us, {{ name | friend }}.\r\n\r\nThe desk\r\n")
    assert stored(services) == {"Sign-off": "Write to us, {{ name | friend }}.\n\nThe desk"}
    assert "Change" not in author.read(LIST)
    for page in (ONE, f"{ONE}/delete"):
        assert author.client.post(page, data=hidden(author.open(LIST).text, LIST)).status_code == 403
    editor.press(ONE, ONE, name="Farewell", text="Bye")
    assert stored(services) == {"Farewell": "Bye"}
    editor.press(ONE, f"{ONE}/delete")
    assert stored(services) == {}
    assert editor.open(ONE).status_code == 404


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("", "Text", "Give the snippet a name."),
        (" \u200b ", "Text", "Give the snippet a name."),
        ("x" * 500, "Text", "The name has 500 characters; the limit is 100. Shorten it."),
        ("BÓOK a massage", "Text", "There is a snippet named “BÓOK a massage” already. Choose another name."),
        ("New", " \n ", "Write the text of the snippet."),
        ("New", "x" * 5_001, "The text has 5,001 characters; the limit is 5,000."),
        ("New", "One\n\n{{ surname }}", "Line 3: Unknown field &#34;surname&#34;"),
        ("New", "Dear {{ name", "Line 1: &#34;{{&#34; opens a merge field that never closes"),
        ("New", "[Book](https://x.example/{{ email }})", "Line 1: A web address takes no merge field"),
        ("New", "[Book](javascript:alert(1))", "Line 1: Link [Book]: javascript: is not allowed"),
        ("New", "One\n![A](a.png)", "Line 2: A snippet cannot hold pictures"),
        ("New", "a\x07b", "Line 1: The control character U+0007 cannot be shown"),
    ],
)
def test_a_name_or_a_text_that_cannot_be_used_comes_back_with_what_is_wrong(
    author: Visitor, services: Services, name: str, text: str, fault: str
) -> None:
    author.press(LIST, LIST, name="Book a Massage", text="[Book](/book){.button}")
    answer = author.press(LIST, LIST, name=name, text=text)
    assert (answer.status_code, fault in answer.text) == (422, True)
    assert f'value="{name}"' in answer.text
    assert list(stored(services)) == ["Book a Massage"]
    scripted = author.client.post(
        LIST, data=hidden(answer.text, LIST) | {"name": name, "text": text}, headers={"Accept": "application/json"}
    )
    assert scripted.status_code == 422
    assert any(scripted.get_json()["faults"].values())


@pytest.mark.parametrize("name", ["<b>Bold</b>", "🙂🙂", "خاتمة", "a" * 100, '" onmouseover="x'])
def test_a_name_is_kept_as_it_was_typed_and_printed_as_text(author: Visitor, services: Services, name: str) -> None:
    author.press(LIST, LIST, name=name, text=f"<script>{name}</script>")
    assert stored(services) == {name: f"<script>{name}</script>"}
    page = author.open(LIST).text
    assert "<script>" not in page.partition("<main")[2]
    assert "<b>" not in page


def test_a_change_of_a_snippet_that_somebody_else_has_changed_is_refused_and_nothing_is_lost(
    editor: Visitor, services: Services
) -> None:
    editor.press(LIST, LIST, name="Sign-off", text="One")
    before = hidden(editor.open(ONE).text, ONE)
    editor.press(ONE, ONE, name="Sign-off", text="Two")
    late = editor.client.post(ONE, data=before | {"name": "Sign-off", "text": "Three"})
    assert (late.status_code, "Somebody has changed this snippet" in late.text) == (409, True)
    assert ("Two</pre>" in late.text, "Three</textarea>" in late.text) == (True, True)
    editor.client.post(ONE, data=hidden(late.text, ONE) | {"name": "Sign-off", "text": "Three"})
    assert stored(services) == {"Sign-off": "Three"}


def test_the_writing_page_has_the_snippets_as_text_to_copy(author: Visitor) -> None:
    page = "/desk/issues/break-the-circle/write"
    assert 'id="snippets" hidden' in author.open(page).text
    author.press(LIST, LIST, name="Sign-off", text="{{ name | friend }}\n\n<b>")
    assert ">{{ name | friend }}\n\n&lt;b&gt;</pre>" in author.open(page).text


def test_a_publication_has_no_more_snippets_than_can_be_looked_through(
    author: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snippets, "MOST_SNIPPETS", 1)
    author.press(LIST, LIST, name="One", text="One")
    assert "the most that a publication can have" in author.press(LIST, LIST, name="Two", text="Two").text
    assert list(stored(services)) == ["One"]
