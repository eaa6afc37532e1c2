from datetime import datetime
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.errors import Invalid
from newsletter.publications import find, toml_file

PLAIN = """slug = "home"
name = "Home"
time_zone = "Europe/Warsaw"
sender_name = "Home"
sender_address = "letter@home.example.org"
postal_address = "1 Example Street"
"""
ONE = '[slot]\nweekday = "tuesday"\nat = "09:00"\n'
TWO = '[[slot]]\nweekday = "friday"\nat = "17:30"\ntime_zone = "America/New_York"\n'


def load(sessions: Sessions, folder: Path, text: str, now: datetime) -> list[tuple[int, str, str, datetime]]:
    path = folder / "publication.toml"
    path.write_text(text)
    with sessions.begin() as session:
        toml_file.load(session, path, now)
    with sessions.reading() as session:
        return [(one.weekday, f"{one.at:%H:%M}", one.time_zone, one.since) for one in find(session).slots]


def test_a_publication_has_one_slot_in_its_own_zone(sessions: Sessions, tmp_path: Path, now: datetime) -> None:
    assert load(sessions, tmp_path, PLAIN + ONE, now) == [(1, "09:00", "Europe/Warsaw", now)]


def test_a_publication_has_several_slots_each_in_a_zone_of_its_own(
    sessions: Sessions, tmp_path: Path, now: datetime
) -> None:
    several = PLAIN + TWO + ONE.replace("[slot]", "[[slot]]")
    assert load(sessions, tmp_path, several, now) == [
        (1, "09:00", "Europe/Warsaw", now),
        (4, "17:30", "America/New_York", now),
    ]


def test_a_publication_needs_no_slot(sessions: Sessions, tmp_path: Path, now: datetime) -> None:
    assert load(sessions, tmp_path, PLAIN, now) == []


def test_a_slot_in_no_zone_is_refused_with_an_example(sessions: Sessions, tmp_path: Path, now: datetime) -> None:
    with pytest.raises(Invalid, match=r"slot\.0\.time_zone: 'Warsaw' is not a time zone; write one like Europe/Warsaw"):
        load(sessions, tmp_path, PLAIN + TWO.replace("America/New_York", "Warsaw"), now)


@pytest.mark.parametrize("at", ["9", "32400", '"09:00Z"', '"09:00+02:00"', "09:00:30", "09:00:00.5", '"25:00"'])
def test_a_slot_is_at_a_time_of_its_own_clocks(sessions: Sessions, tmp_path: Path, now: datetime, at: str) -> None:
    with pytest.raises(Invalid, match=r"slot\.0\.at: Give a time like 09:00\.$"):
        load(sessions, tmp_path, PLAIN + ONE.replace('"09:00"', at), now)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        (TWO + TWO, "slot: Two of them are the same"),
        ('topics = ["alpha", "alpha"]\n', "topics: “alpha” and “alpha” are the same topic"),
        (r'topics = ["\u200b"]', r"topics\.0: Fill this in"),
        (f"series_days = {'9' * 5_000}\n", "4300 digits"),
        (f"topics = {'[' * 5_000}{']' * 5_000}\n", "nested too deeply"),
        ("name = 'Twice'\n", "Cannot overwrite a value"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    sessions: Sessions, tmp_path: Path, now: datetime, more: str, refusal: str
) -> None:
    with pytest.raises(Invalid, match=rf"publication\.toml: .*{refusal}"):
        load(sessions, tmp_path, PLAIN + more, now)


@pytest.mark.parametrize("field", ["name", "sender_name", "postal_address"])
def test_what_nobody_can_see_is_no_name(sessions: Sessions, tmp_path: Path, now: datetime, field: str) -> None:
    rest = "\n".join(line for line in PLAIN.splitlines() if not line.startswith(field))
    with pytest.raises(Invalid, match=rf"{field}: Fill this in"):
        load(sessions, tmp_path, f'{rest}\n{field} = "\\u200b \\u2060"\n', now)


def test_a_file_from_notepad_is_read(sessions: Sessions, tmp_path: Path, now: datetime) -> None:
    assert load(sessions, tmp_path, f"\ufeff{PLAIN}{ONE}".replace("\n", "\r\n"), now)
    (tmp_path / "publication.toml").write_bytes("# ü".encode("utf-16"))
    with pytest.raises(Invalid, match="is not UTF-8 text"), sessions.begin() as session:
        toml_file.load(session, tmp_path / "publication.toml", now)


@pytest.mark.parametrize("field", ["sender_address", "reply_to"])
def test_an_address_that_most_servers_cannot_send_from_is_refused(
    sessions: Sessions, tmp_path: Path, now: datetime, field: str
) -> None:
    rest = "\n".join(line for line in PLAIN.splitlines() if not line.startswith(field))
    with pytest.raises(Invalid, match=rf"{field}: Use no letters beyond a-z before the @"):
        load(sessions, tmp_path, f'{rest}\n{field} = "jörg@example.org"\n', now)
    load(sessions, tmp_path, f'{rest}\n{field} = "desk@müller.de"\n', now)
