from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.editorial.issues import archive, archive_search, issue_store
from newsletter.editorial.issues.archive_search import Query
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.editorial.source import issue_file
from newsletter.publications import Publication, find
from newsletter.workflows import issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings
from tests.amending import amend
from tests.originals import Fill
from tests.sample_services import LINKS, NOW

SOURCE = """---
title: {title}
subject: The subject of it
preheader: A line for {{{{ name | you }}}}
tags: [Ćwiczenia, back pain, ćwiczenia]
author: Zoë Łuk
---
{body}
"""
ISSUES = {
    "walking": ("Walking helps", "An *un*usual way: e-mail, C3PO & co.\n\n- Straße\n- l'été"),
    "sitting": ("Sitting all day", "About walking."),
    "hidden": ("Walking, not yet", "Nobody reads this before it is out."),
}


def with_issues(sessions: Sessions, _folder: Path) -> None:
    """A publication with two issues that are out, and one that is scheduled."""
    words = {"name": "A Letter", "sender_name": "A Letter", "sender_address": "a@example.org"}
    with sessions.begin() as session:
        publication = Publication(slug="letter", postal_address="1 Example Street", created_at=NOW, **words)
        session.add(publication)
        for number, (slug, (title, body)) in enumerate(ISSUES.items()):
            name = f"2026-11-20-{slug}.md"
            text = issue_store.Text(issue_file.parse(SOURCE.format(title=title, body=body), name), name, {})
            issue_store.save(session, publication, text, issue_store.BY_FILE, NOW)
            issue = issue_store.find(session, slug)
            issue_readiness.mark_ready(session, issue, LINKS)
            at = NOW + timedelta(hours=number)
            publish.schedule(session, LetterSettings(LINKS), issue, at, NOW)
            if slug != "hidden":
                publish.send_now(session, LetterSettings(LINKS), issue, at)


@pytest.fixture
def filled() -> Fill:
    return with_issues


@pytest.fixture
def home(sessions: Sessions) -> int:
    """The id of the publication (`with_issues`)."""
    with sessions.reading() as session:
        return find(session).id


def test_words_are_found_by_their_beginning_in_any_case_and_accents(sessions: Sessions, home: int) -> None:
    searches = {
        # A title comes before a text, though it is older.
        "walk": ["walking", "sitting"],
        "WALKING Ete": ["walking"],
        "strasse unusual": ["walking"],
        "e-MAIL c3": ["walking"],
        "you line": ["sitting", "walking"],
        "nobody": [],
        "usual": [],
        "walking hiking": [],
    }
    with sessions.reading() as session:
        found = {typed: archive_search.search(session, home, Query.parse(typed), skip=0, limit=9) for typed in searches}
        assert {typed: [issue.slug for issue in each.issues] for typed, each in found.items()} == searches
        assert [each.total for each in found.values()] == [len(slugs) for slugs in searches.values()]
        second = archive_search.search(session, home, Query.parse("walk"), skip=1, limit=1)
        assert (second.total, [issue.slug for issue in second.issues]) == (2, ["sitting"])
        assert archive_search.search(session, home + 1, Query.parse("walk"), skip=0, limit=9).total == 0


def test_a_correction_is_found_by_its_words_and_no_longer_by_those_it_replaced(
    sessions: Sessions, home: int, now
) -> None:
    with sessions.begin() as session:
        issue = archive.find(session, "sitting")
        source = issue.revision.source.replace("About walking.", "About standing.").replace("back pain", "posture")
        amend(session, issue, source, "Changed.", "a@example.org", now)
    with sessions.reading() as session:
        for typed, slugs in (("standing", ["sitting"]), ("walking", ["walking"])):
            found = archive_search.search(session, home, Query.parse(typed), skip=0, limit=9)
            assert [issue.slug for issue in found.issues] == slugs
        counted = archive.labels(session, home, LabelKind.TAG)
        assert counted == [("back pain", 1), ("Ćwiczenia", 2), ("posture", 1)]
        tagged = archive.labelled(archive.published(home), LabelKind.TAG, "CWICZENIA")
        assert [each.slug for each in session.scalars(tagged)] == ["sitting", "walking"]
        assert archive.labels(session, home, LabelKind.AUTHOR) == [("Zoë Łuk", 2)]


@pytest.mark.parametrize(
    ("typed", "text", "hits"),
    [
        ("zoe", "By Zoë, ZOE\u0308 and zo", ["Zoë", "ZOE\u0308"]),
        ("str", "Straße (street) astray", ["Straße", "street"]),
        ("محم", "مُحَمَّد", ["مُحَمَّد"]),
        ("a b", "a-b <b>", ["a", "b", "b"]),
    ],
)
def test_the_words_that_were_searched_for_are_marked(typed: str, text: str, hits: list[str]) -> None:
    pieces = list(archive_search.pieces(text, Query.parse(typed).words))
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.is_hit] == hits


def test_an_excerpt_tells_the_line_under_the_title_from_the_text(sessions: Sessions, home: int) -> None:
    with sessions.reading() as session:
        found = archive_search.search(session, home, Query.parse("sitting"), skip=0, limit=1).issues[0]
    assert "".join(piece.text for piece in found.excerpt) == "A line for you · About walking."


def test_an_excerpt_surrounds_the_first_hit() -> None:
    text = " ".join(f"w{number}" for number in range(200))
    shown = "".join(piece.text for piece in archive_search.excerpt(text, ["w100"]))
    assert shown.startswith("… w94 ")
    assert shown.endswith(" …")
    assert "w100" in shown
    assert archive_search.excerpt("w0 w1 w0", ["w0"])[0] == ("w0", True)
    assert archive_search.excerpt("Short.", ["w"])[0].text == "Short"
