"""Whoever was erased: nothing of them is left in the files, and no list brings them back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter.audience import erasures, privacy, search_index
from newsletter.audience.importing.plan import ImportTerms, Tally
from newsletter.audience.models import Erasure, SealedKey, Status, Subscriber
from newsletter.audience.search_index import SearchBlock
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.errors import Conflict, Invalid
from newsletter.links import Links
from newsletter.tokens import TokenSeal
from tests.audience.opening import import_list

ADA = "Ada.Quetzal@example.org"
ACTIVE = ImportTerms(Status.ACTIVE, "an old list")


def erase(press, email: str = ADA) -> None:
    with press.sessions.begin() as session:
        privacy.erase(session, press.audience, email, press.now)


def load(press, path: Path, terms: ImportTerms = ACTIVE, **how: bool) -> Tally:
    return import_list(press, path, terms, **how)


def sealed_by(press, *secrets: bytes):
    return replace(press, audience=replace(press.audience, links=Links("https://x.example", TokenSeal(*secrets))))


def known(press, email: str = "ada.quetzal@example.org") -> bool:
    with press.sessions.reading() as session:
        return bool(erasures.erased_keys(session, press.audience.links.seal, [email]))


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.UNSUBSCRIBED])
def test_whatever_they_were_no_list_brings_back_who_was_erased(
    press, write: Callable[..., Path], status: Status
) -> None:
    press.reader(ADA)
    press.set_status(ADA, status)
    erase(press)
    rows = ["email,status", "ADA.quetzal@EXAMPLE.org,active", "bob@example.org,active"]
    assert load(press, write("\n".join(rows)), dry_run=True) == Tally(added=1, left_alone=1)
    assert load(press, write("\n".join(rows)), ImportTerms()) == Tally(added=1, left_alone=1)
    assert load(press, write("\n".join(rows))) == Tally(already=1, left_alone=1)
    assert press.letters(ADA) == []


@pytest.mark.parametrize("word", ["unsubscribed", "complained"])
def test_nothing_is_written_down_again_of_who_left_elsewhere_too(press, write: Callable[..., Path], word: str) -> None:
    press.reader(ADA)
    erase(press)
    assert load(press, write(f"email,status\n{ADA},{word}\n")) == Tally(left_alone=1)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0
        assert suppression.list_causes(session, "ada.quetzal@example.org") == []


def test_who_signs_up_again_is_asked_and_by_confirming_is_a_reader_like_any_other(
    press, write: Callable[..., Path]
) -> None:
    press.reader(ADA)
    erase(press)
    press.subscribe(ADA)
    assert press.kinds(ADA) == ["confirm"]
    assert load(press, write(f"email\n{ADA}\n")) == Tally(already=1)
    assert press.status(ADA) is Status.PENDING
    press.confirm(ADA)
    assert not known(press)
    assert load(press, write(f"email\n{ADA}\n")) == Tally(already=1)


def test_a_hash_is_of_one_mailbox_and_without_its_key_it_is_of_nobody(press) -> None:
    press.reader("straße@example.org")
    erase(press, "straße@example.org")
    assert known(press, "straße@example.org")
    assert not known(press, "strasse@example.org")
    with press.sessions.reading() as session:
        sealed, digest = session.scalars(select(SealedKey.sealed)).one(), session.scalars(select(Erasure.digest)).one()
        assert erasures.erased_at(session, press.audience.links.seal, "straße@example.org") == press.now
    assert len(digest) == 64
    with pytest.raises(Invalid):
        TokenSeal(b"another secret").open("key-of-erased", sealed)
    with pytest.raises(Invalid):
        press.audience.links.seal.open("another-key", sealed)
    with pytest.raises(Invalid):
        press.audience.links.seal.open("key-of-erased", ("B" if sealed.startswith("A") else "A") + sealed[1:])


def test_after_a_new_secret_the_key_is_sealed_anew_and_the_old_secret_can_go(press) -> None:
    old, both, new = (sealed_by(press, *keys) for keys in ([b"old" * 9], [b"new" * 9, b"old" * 9], [b"new" * 9]))
    old.reader(ADA)
    erase(old)
    assert known(both)
    with pytest.raises(Conflict, match="SECRET_KEY_FALLBACKS"):
        known(new)
    erasures.reseal_key(press.sessions, both.audience.links.seal)
    assert known(new)
    with pytest.raises(Conflict):
        known(old)


def test_without_the_old_secret_nobody_is_let_in_unseen_and_the_start_says_so(
    press, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    press.reader(ADA)
    erase(press)
    lost = sealed_by(press, b"a secret of another place")
    erasures.reseal_key(press.sessions, lost.audience.links.seal)
    assert "SECRET_KEY_FALLBACKS" in capsys.readouterr().out
    with pytest.raises(Conflict, match="SECRET_KEY_FALLBACKS"):
        load(lost, write(f"email\n{ADA}\n"))
    assert known(press)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_files_forget_the_name_and_the_address(press, write: Callable[..., Path]) -> None:
    crowd = [f"reader{number}@example.org,Reader {number}" for number in range(300)]
    load(press, write("\n".join(["email,name", *crowd])))
    for number in range(20):
        press.subscribe(f"other{number}@example.org", client=f"203.0.113.{number}")
    press.reader(ADA, "Quetzalcoatl")
    letter_id = press.queue_copy(ADA)
    press.subscribe(ADA)
    load(press, write("\n".join(["email,name", *(row.replace("reader", "later") for row in crowd)])))
    words = (b"quetzal", b"ada.q")
    folder = Path(press.sessions.engine.url.database or "").parent
    with press.sessions.begin() as session:
        while search_index.index_some(session):
            pass
        number = session.scalars(select(Subscriber.id).where(Subscriber.email == ADA)).one() // search_index.BLOCK
        assert b"quetzal" in session.get_one(SearchBlock, number).entries
    assert _holding(folder, words)
    erase(press)
    assert press.copy(letter_id).address == ""
    assert press.sessions.checkpoint()
    assert _holding(folder, words) == []


def _holding(folder: Path, words: tuple[bytes, ...]) -> list[str]:
    files = sorted(folder.glob("newsletter.db*"))
    return [path.name for path in files if any(word in path.read_bytes().lower() for word in words)]


def test_a_suppression_outlives_the_erasure(press) -> None:
    press.reader(ADA)
    with press.sessions.begin() as session:
        suppression.add(session, "ada.quetzal@example.org", Cause.COMPLAINT, press.now)
    erase(press)
    with press.sessions.reading() as session:
        assert suppression.list_causes(session, "ada.quetzal@example.org")
