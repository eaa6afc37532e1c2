from datetime import date, datetime
from pathlib import Path

from newsletter.db import Sessions
from newsletter.publications import Publication, WeekOff, find, find_snapshot, toml_file

TEXT = """slug = "home"
name = "Home"
time_zone = "Europe/Warsaw"
sender_name = "Home"
sender_address = "letter@home.example.org"
postal_address = "1 Example Street"
[slot]
weekday = "tuesday"
at = "09:00"
"""


def load(sessions: Sessions, folder: Path, text: str, now: datetime) -> None:
    path = folder / "publication.toml"
    path.write_text(text)
    with sessions.begin() as session:
        toml_file.load(session, path, now)


def snapshot(sessions: Sessions, slug: str | None = "home") -> Publication | None:
    with sessions.reading() as session:
        return find_snapshot(session, slug)


def test_a_snapshot_is_shared_until_something_of_the_publication_changes(
    sessions: Sessions, tmp_path: Path, now: datetime
) -> None:
    load(sessions, tmp_path, TEXT, now)
    first = snapshot(sessions)
    assert first
    assert snapshot(sessions) is first
    assert (first.name, first.named, [slot.weekday for slot in first.slots], first.weeks_off) == ("Home", None, [1], [])

    with sessions.begin() as session:
        home = find(session)
        home.name, home.slots[0].weekday = "House", 4
        off = WeekOff(publication_id=home.id, first=date(2026, 12, 24), last=date(2027, 1, 1), reason="Rest")
        session.add(off)
    then = snapshot(sessions)
    assert then
    assert (then.name, [slot.weekday for slot in then.slots]) == ("House", [4])
    assert [week.reason for week in then.weeks_off] == ["Rest"]
    assert (first.name, [slot.weekday for slot in first.slots]) == ("Home", [1])


def test_without_a_slug_the_first_publication_is_found_and_an_unknown_slug_finds_none(
    sessions: Sessions, tmp_path: Path, now: datetime
) -> None:
    assert snapshot(sessions, None) is None
    load(sessions, tmp_path, TEXT, now)
    load(sessions, tmp_path, TEXT.replace('"home"', '"garden"'), now)
    assert [found and found.slug for found in (snapshot(sessions, None), snapshot(sessions, "garden"))] == [
        "home",
        "garden",
    ]
    assert snapshot(sessions, "attic") is snapshot(sessions, "\0") is None
