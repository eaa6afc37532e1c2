"""Beginning an issue with the text of another: a duplicate, or a template of the publication."""

import pytest

from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden


@pytest.fixture
def author(enter: Enter) -> Visitor:
    return enter(Role.AUTHOR)


def revision(services: Services, slug: str) -> tuple[str, dict[str, str]]:
    with services.sessions.reading() as session:
        newest = issue_store.find(session, slug).revision
        return newest.source, issue_store.picture_names(newest)


def body(source: str) -> str:
    return source.split("---\n", 2)[2]


def test_an_issue_with_the_longest_title_has_a_duplicate(author: Visitor, services: Services) -> None:
    typed = hidden(author.open("/desk/issues/new").text, "/desk/issues/new") | {"title": "x" * 200, "body": "Sit less."}
    page = author.client.post("/desk/issues/new", data=typed).location.removesuffix("write")
    copy = author.press(page, f"{page}duplicate").location
    title = f"{'x' * 193} (copy)"
    assert title in revision(services, copy.split("/")[-2])[0]


def test_a_duplicate_has_the_text_and_pictures_under_a_title_and_slug_of_its_own(
    author: Visitor, services: Services
) -> None:
    page = slug_page(author)
    answer = author.press(page, f"{page}duplicate")
    slug = answer.location.split("/")[-2]
    before, pictures = revision(services, page.split("/")[-2])
    after, same_pictures = revision(services, slug)
    assert (body(after), same_pictures) == (body(before), pictures)
    assert "(copy)" in after
    assert "last_reviewed" not in after
    # Twice is two.
    assert author.press(page, f"{page}duplicate").location != answer.location


def test_a_new_issue_begins_with_a_template_as_it_was_when_it_was_saved(
    author: Visitor, editor: Visitor, services: Services
) -> None:
    page = slug_page(author)
    author.press(page, f"{page}template", name="  Weekly <b>🙂</b> ")
    assert "begin with the template “Weekly <b>🙂</b>” now" in author.read(page)
    begun = author.press("/desk/issues/new", "/desk/issues/new", title="Stand up", subject="Stand up now", template="1")
    source, pictures = revision(services, "stand-up")
    before, same_pictures = revision(services, page.split("/")[-2])
    assert begun.location == "/desk/issues/stand-up/write"
    assert (body(source), pictures) == (body(before), same_pictures)
    assert "Stand up now" in source
    started = author.press("/desk/issues/templates", "/desk/issues/new", template="1").location
    source, same_pictures = revision(services, started.split("/")[-2])
    assert (body(source), same_pictures) == (body(before), pictures)
    # The title and the subject are the new issue's own, and are asked for when it is to be ready.
    assert source.startswith('---\ntitle: ""\nsubject: ""\n')
    author.press(page, f"{page}template", name="weekly <B>🙂</B>")
    assert "Start from a template…" in editor.read("/desk/issues/new")
    listed = editor.read("/desk/issues/templates")
    assert listed.count("weekly <B>🙂</B> Saved by author@desk.example") == 1
    answer = editor.press("/desk/issues/templates", "/desk/issues/templates/1/delete")
    assert "is deleted" in editor.read(answer.location)
    fields = hidden(author.open("/desk/issues/new").text, "/desk/issues/new")
    for number in ("1", "0", "none", "9" * 30):
        late = author.client.post("/desk/issues/new", data=fields | {"title": "T", "subject": "S", "template": number})
        assert late.status_code == 404


def test_a_template_needs_a_name(author: Visitor) -> None:
    page = slug_page(author)
    assert author.press(page, f"{page}template", name=" \u200b ").status_code == 400


def slug_page(author: Visitor) -> str:
    """The page of an issue that is ready."""
    found = author.open("/desk/issues/?state=ready").text.partition('class="row-title" href="')[2]
    return found.partition('"')[0]
