"""Characters that no line may hold are refused at every border, by one rule."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import cast

import pytest

from newsletter import characters
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.models import Status
from newsletter.characters import clean_name
from newsletter.db import Session
from newsletter.editorial.schedule import slot_settings
from newsletter.editorial.source import issue_file
from newsletter.engagement import comments_text
from newsletter.engagement.request_form import clean_message
from newsletter.errors import Invalid
from newsletter.i18n.messages import translate
from newsletter.publications import Publication, toml_file, wordings
from newsletter.publications.wordings import WordingKind

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CONTROLS = ["\0", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9b", "\ufffe", "\uffff"]
TURNING = ["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"]
BREAKS = ["\n", "\r", "\u2028", "\u2029"]
NO_SESSION = cast("Session", None)
HARMLESS = ["José", "Łukasz", "Zoë 👩‍🔬", "می‌خواهم", "שלום\u200fabc", "O’Neill", "山田", "e\u0301"]


def publication_says(field: str) -> Callable[[object], None]:
    def say(text: object) -> None:
        publication = Publication(slug="one", name="One", sender_name="One", sender_address="one@example.org")
        publication.postal_address = "1 Road"
        if faults := toml_file.change(publication, {field: text}):
            raise Invalid(faults[field])

    return say


def issue_says(field: str) -> Callable[[object], None]:
    def say(text: object) -> None:
        # YAML takes JSON's escapes for characters, though not its pairs of them.
        written = json.dumps(text, ensure_ascii=max(str(text)) < "\U00010000")
        quoted = {"title": '"Back"', "subject": '"Ten letters at least"'} | {field: written}
        front = "\n".join(f"{name}: {value}" for name, value in quoted.items())
        _, faults = issue_file.examine(f"---\n{front}\n---\nText.\n", "issues/12-back.md")
        if faults:
            raise Invalid(faults[0].text)

    return say


def week_off(text: str) -> None:
    publication = Publication(slug="one", name="One", time_zone="UTC")
    slot_settings.add_week_off(NO_SESSION, publication, (date(2026, 12, 1), date(2026, 12, 2)), text, NOW)


@pytest.mark.parametrize(
    ("check", "what"),
    [(clean_name, "den Namen"), (comments_text.parse_text, "Ihren Kommentar"), (clean_message, "Ihre Nachricht")],
)
@pytest.mark.parametrize("text", ["x" * 20_000, "one\ntwo\x07"])
def test_what_is_wrong_is_named_in_the_readers_language(check: Callable[[str], str], what: str, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(text)
    assert what in translate(str(refused.value), "de")
    assert "your" not in translate(str(refused.value), "de")


LINES: dict[str, Callable[[str], object]] = {
    "a reader's name": clean_name,
    "the proof of consent": lambda text: ImportTerms(Status.ACTIVE, text),
    "publication: name": publication_says("name"),
    "publication: tagline": publication_says("tagline"),
    "publication: sender": publication_says("sender_name"),
    "publication: follow": lambda text: publication_says("follow")([{"name": text, "url": "https://a.example"}]),
    "issue: title": issue_says("title"),
    "issue: subject": issue_says("subject"),
    "issue: preheader": issue_says("preheader"),
    "issue: author": issue_says("author"),
    "issue: category": issue_says("category"),
    "why a week is off": week_off,
}
PASSAGES: dict[str, Callable[[str], object]] = {
    "publication: description": publication_says("description"),
    "publication: postal address": publication_says("postal_address"),
    "words": lambda text: wordings.keep(NO_SESSION, Publication(), WordingKind.SIGN_UP, text, 0, "me@example.org", NOW),
}


@pytest.mark.parametrize("character", CONTROLS + TURNING + BREAKS, ids=ascii)
@pytest.mark.parametrize("border", LINES)
def test_no_line_holds_a_control_character_or_one_that_turns_it(border: str, character: str) -> None:
    with pytest.raises(Invalid):
        LINES[border](f"A line of{character}letters")


@pytest.mark.parametrize("character", [*CONTROLS, *TURNING], ids=ascii)
@pytest.mark.parametrize("border", PASSAGES)
def test_no_text_holds_a_control_character_or_one_that_turns_it(border: str, character: str) -> None:
    with pytest.raises(Invalid):
        PASSAGES[border](f"A line\nof{character}letters")


@pytest.mark.parametrize("name", HARMLESS)
def test_the_letters_of_every_script_stay(name: str) -> None:
    assert characters.line(name, "the name") == name
    assert characters.passage(f"{name}\n\t{name}\r\n", "the words") == f"{name}\n\t{name}\r\n"
    publication_says("name")(name)
    issue_says("title")(name)


def test_what_nobody_sees_at_the_ends_is_trimmed() -> None:
    assert characters.line("\ufeff Ada\u200b\u2060 ", "the name") == "Ada"
    assert characters.trimmed("\u202aada@example.org\u202c\u200e") == "ada@example.org"
    assert characters.trimmed("\u200b \ufeff") == ""


def test_whatever_can_be_printed_is_neither_trimmed_nor_refused() -> None:
    printable = "".join(filter(str.isprintable, map(chr, range(sys.maxunicode + 1))))
    assert characters.forbidden_in_line(f"{printable}\n") == "\n"
    assert [each for each in printable if characters.trimmed(each) != each] == [" "]


def test_what_no_database_stores_is_replaced_and_seen() -> None:
    typed = "One\0.\r\nTwo\ud83d.\rThree 👩‍🔬."
    assert characters.storable(typed) == "One\ufffd.\nTwo\ufffd.\nThree 👩‍🔬."


def test_the_refusal_tells_which_line_and_what() -> None:
    with pytest.raises(Invalid, match=r"line 2 of these words: .* turns the reading direction \(U\+202E\)"):
        characters.passage("one\ntwo\u202e", "these words")
