from datetime import timedelta

import pytest

from newsletter.delivery import suppression
from newsletter.delivery.models import Cause, Suppression


def folded(session, key: str, cause: Cause, now) -> None:
    """As version 0014 left what was suppressed before it."""
    session.add(Suppression(key=key, cause=cause, at=now, folded=True))
    session.flush()


def test_each_cause_is_kept_beside_the_others_and_the_first_of_a_kind_stays(sessions, now) -> None:
    with sessions.begin() as session:
        assert suppression.add(session, "a@example.org", Cause.BOUNCE, now, "550 unknown")
        assert suppression.add(session, "a@example.org", Cause.COMPLAINT, now + timedelta(days=1))
        assert not suppression.add(session, "a@example.org", Cause.BOUNCE, now + timedelta(days=2))
    with sessions.begin() as session:
        found = [(one.cause, one.at, one.detail) for one in suppression.of(session, "a@example.org")]
    assert found == [(Cause.BOUNCE, now, "550 unknown"), (Cause.COMPLAINT, now + timedelta(days=1), None)]


def test_what_is_lifted_is_found_no_more_and_other_causes_stay(sessions, now) -> None:
    with sessions.begin() as session:
        suppression.add(session, "a@example.org", Cause.BOUNCE, now)
        suppression.add(session, "a@example.org", Cause.COMPLAINT, now)
        both = frozenset({Cause.BOUNCE, Cause.COMPLAINT})
        assert suppression.causes(session, {"a@example.org", "b@example.org"}) == {"a@example.org": both}
        assert suppression.lift(session, "a@example.org", {Cause.BOUNCE, Cause.IMPORT})
        assert suppression.causes(session, {"a@example.org"}) == {"a@example.org": {Cause.COMPLAINT}}
        assert suppression.lift(session, "a@example.org")
        assert not suppression.lift(session, "a@example.org")
        assert suppression.of(session, "a@example.org") == []


@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("strasse@example.org", "straße@example.org"),
        ("σοφόσ@example.org", "σοφός@example.org"),
        ("club@gasse.example", "club@xn--gae-6ka.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_an_old_suppression_holds_for_whatever_folds_to_it_and_a_new_one_for_its_own_mailbox(
    sessions, now, old: str, key: str
) -> None:
    with sessions.begin() as session:
        folded(session, old, Cause.BOUNCE, now)
        assert suppression.among(session, {key, old}) == {key, old}
        assert suppression.of(session, key)
    with sessions.begin() as session:
        suppression.lift(session, old)
        suppression.add(session, old, Cause.BOUNCE, now)
        assert suppression.among(session, {key, old}) == {old}
        assert suppression.of(session, key) == []


def test_lifting_an_old_suppression_for_one_mailbox_keeps_it_for_the_one_that_it_names(sessions, now) -> None:
    with sessions.begin() as session:
        folded(session, "strasse@example.org", Cause.BOUNCE, now)
        assert suppression.lift(session, "straße@example.org")
        assert suppression.among(session, {"straße@example.org", "strasse@example.org"}) == {"strasse@example.org"}
