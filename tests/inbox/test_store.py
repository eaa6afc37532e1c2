"""Mails on disk: bounded, whole, and still there after a restart."""

from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.errors import NotFound
from newsletter.inbox.store import Envelope, Mail, Store

from .mails import NOON, Put, mail

TO_ANA = Envelope("b+1@bounces.example", ("Ana@example.org", "zoë@example.org"))


def fill(store: Store, how_many: int) -> list[Mail]:
    return [store.add(TO_ANA, bytes(mail(f"Issue {n}")), NOON) for n in range(how_many)]


def test_the_newest_mail_comes_first_even_within_one_microsecond(store: Store) -> None:
    kept = fill(store, 3)
    assert store.newest() == kept[::-1]


def test_a_clock_set_back_does_not_change_the_order(store: Store) -> None:
    first = store.add(TO_ANA, b"", NOON)
    second = store.add(TO_ANA, b"", NOON - timedelta(hours=1))
    assert store.newest() == [second, first]


def test_the_oldest_mails_are_forgotten_with_their_files(tmp_path: Path) -> None:
    store = Store(tmp_path, keep=3)
    kept = fill(store, 5)
    assert store.newest() == kept[:1:-1]
    assert len(list(tmp_path.iterdir())) == 6
    with pytest.raises(NotFound):
        store.source(kept[0].id)


def test_a_restart_keeps_every_mail_and_its_envelope(tmp_path: Path) -> None:
    kept = fill(Store(tmp_path), 3)
    again = Store(tmp_path)
    assert again.newest() == kept[::-1]
    assert again.source(kept[0].id) == bytes(mail("Issue 0"))
    assert again.newest()[0].received_at == NOON + timedelta(microseconds=2)


def test_a_restart_with_a_smaller_bound_forgets_the_oldest(tmp_path: Path) -> None:
    kept = fill(Store(tmp_path), 3)
    assert Store(tmp_path, keep=1).newest() == kept[2:]


def test_what_a_kill_left_half_written_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "00000000000001.json").write_text("{}")
    (tmp_path / "00000000000001.eml.part").write_bytes(b"Subj")
    assert len(Store(tmp_path)) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sidecar", [None, "", "[]", '{"sender": 1}', "\xff"])
def test_a_mail_with_a_lost_or_broken_envelope_still_counts(tmp_path: Path, sidecar: str | None) -> None:
    [kept] = fill(Store(tmp_path), 1)
    path = tmp_path / f"{kept.id}.json"
    path.unlink() if sidecar is None else path.write_bytes(sidecar.encode("latin-1"))
    assert Store(tmp_path).get(kept.id).envelope == Envelope("", ())


def test_a_recipient_is_found_whole_and_in_any_case(store: Store) -> None:
    fill(store, 1)
    assert store.newest(to="ana@EXAMPLE.org")
    assert not store.newest(to="na@example.org")


@pytest.mark.parametrize(("words", "found"), [("issue 1", 1), ("ISSUE zoë", 2), ("issue nothing", 0), ("", 2)])
def test_a_search_wants_every_word(store: Store, words: str, found: int) -> None:
    fill(store, 2)
    assert len(store.newest(words=words)) == found


def test_older_mails_follow_from_an_id(store: Store) -> None:
    kept = fill(store, 4)
    assert store.newest(before=kept[3].id, limit=2) == [kept[2], kept[1]]


def test_clearing_says_how_many_went_and_leaves_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, 2)
    assert store.clear() == 2
    assert not list(tmp_path.iterdir())


def test_a_mail_deleted_by_hand_is_not_found(store: Store, put: Put, tmp_path: Path) -> None:
    kept = put(mail())
    (tmp_path / "inbox" / f"{kept.id}.eml").unlink()
    with pytest.raises(NotFound):
        store.source(kept.id)


def test_the_folder_is_for_its_owner_only(store: Store, tmp_path: Path) -> None:
    assert len(store) == 0
    assert (tmp_path / "inbox").stat().st_mode & 0o077 == 0
