"""The names of editors: what may be one, the initials, and whom a record means by an address."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.editorial.rendering import theme
from newsletter.editors import Role, accounts, add, names
from newsletter.editors.names import EditorName, TeamNames
from newsletter.errors import Invalid

ANA, BEN = "ana@desk.example", "ben@desk.example"
STYLES = Path(theme.__file__).parents[2] / "web" / "assets" / "desk.css"


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ana", "A"),
        ("ana lópez", "AL"),
        ("Ana María de la Cruz", "AC"),
        ("🙂 Ana", "A"),
        ("👩\u200d🔬", "Z"),
        ("<b>Ana</b>", "B"),
        ("ßen", "ß"),
        ("Team 2", "T2"),
        ("n\u0308an", "N\u0308"),
        ("אנה כהן", "א"),
        ("山田 太郎", "山"),
        ("", "Z"),
    ],
)
def test_initials_are_the_first_letters_of_the_first_and_the_last_word(name: str, initials: str) -> None:
    assert EditorName("zoe@desk.example", name).initials == initials


def test_initials_can_be_read_on_each_of_their_colours() -> None:
    grounds = re.findall(r"\.initials-\d \{ background: (#\w{6}); \}", STYLES.read_text())
    assert len(grounds) == names.COLOURS
    assert min(theme.contrast("#ffffff", ground) for ground in grounds) >= 4.5


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("boss@desk.example", "without an @"), ("boss＠desk", "without an @"), ("n" * 500, "500"), ("a\nb", "one line")],
)
def test_a_name_that_looks_like_an_address_or_fills_the_page_is_refused(typed: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        names.parse_name(typed)


def test_two_people_of_one_name_are_told_apart_by_their_addresses(sessions: Sessions, now: datetime) -> None:
    found = team(sessions, now, {ANA: "Ana", BEN: "ANÁ"})
    assert [str(found.find(one)) for one in (ANA, BEN)] == [f"Ana ({ANA})", f"ANÁ ({BEN})"]


def test_a_sentence_gets_the_names_of_whole_addresses_alone(sessions: Sessions, now: datetime) -> None:
    found = team(sessions, now, {ANA: "Ana", BEN: ""})
    said = f"{ANA} wrote to x{ANA}, {ANA}.org and {BEN}; so did {ANA}."
    assert found.in_sentence(said) == f"Ana ({ANA}) wrote to x{ANA}, {ANA}.org and {BEN}; so did Ana ({ANA})."


def test_what_was_there_before_somebody_had_the_address_is_not_theirs(sessions: Sessions, now: datetime) -> None:
    found = team(sessions, now, {ANA: "Ana"})
    assert str(found.find(ANA, now)) == "Ana"
    assert str(found.find(ANA, now - timedelta(days=1))) == ANA
    with sessions.begin() as session:
        add(session, BEN, Role.OWNER, now).password_hash = "stands"
        accounts.remove(session, accounts.find(session, ANA))
        assert str(TeamNames(session).find(ANA, now)) == ANA


def team(sessions: Sessions, now: datetime, members: dict[str, str]) -> TeamNames:
    with sessions.begin() as session:
        for email, name in members.items():
            add(session, email, Role.EDITOR, now).name = name
        return TeamNames(session)
