from datetime import timedelta

import pytest

from newsletter.delivery.bounces import suppression, suppression_list
from newsletter.delivery.bounces.suppression_list import SuppressionFilter
from newsletter.delivery.models import Cause, Suppression
from newsletter.editorial.rendering import render
from newsletter.workflows import test_mail, warn_editors


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
        found = [(one.cause, one.at, one.detail) for one in suppression.list_causes(session, "a@example.org")]
    assert found == [(Cause.BOUNCE, now, "550 unknown"), (Cause.COMPLAINT, now + timedelta(days=1), None)]


def test_what_is_lifted_is_found_no_more_and_other_causes_stay(sessions, now) -> None:
    with sessions.begin() as session:
        suppression.add(session, "a@example.org", Cause.BOUNCE, now)
        suppression.add(session, "a@example.org", Cause.COMPLAINT, now)
        both = dict.fromkeys((Cause.BOUNCE, Cause.COMPLAINT), now)
        assert suppression.causes_by_key(session, {"a@example.org", "b@example.org"}) == {"a@example.org": both}
        assert suppression.lift(session, "a@example.org", {Cause.BOUNCE, Cause.IMPORT})
        assert suppression.causes_by_key(session, {"a@example.org"}) == {"a@example.org": {Cause.COMPLAINT: now}}
        assert suppression.lift(session, "a@example.org")
        assert not suppression.lift(session, "a@example.org")
        assert suppression.list_causes(session, "a@example.org") == []


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
        assert suppression.suppressed_keys(session, {key, old}) == {key, old}
        assert suppression.list_causes(session, key)
    with sessions.begin() as session:
        suppression.lift(session, old)
        suppression.add(session, old, Cause.BOUNCE, now)
        assert suppression.suppressed_keys(session, {key, old}) == {old}
        assert suppression.list_causes(session, key) == []


def test_lifting_an_old_suppression_for_one_mailbox_keeps_it_for_the_one_that_it_names(sessions, now) -> None:
    with sessions.begin() as session:
        folded(session, "strasse@example.org", Cause.BOUNCE, now)
        assert suppression.lift(session, "straße@example.org")
        assert suppression.suppressed_keys(session, {"straße@example.org", "strasse@example.org"}) == {
            "strasse@example.org"
        }


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "causes", "refusal"),
    [
        ("welcome", {}, ""),
        ("welcome", {Cause.BOUNCE}, "suppressed: bounce"),
        ("welcome", {Cause.IMPORT}, "suppressed: import"),
        ("goodbye", {Cause.COMPLAINT}, "suppressed: complaint"),
        ("test", {Cause.DESK}, "suppressed: desk"),
        ("a kind of tomorrow", {Cause.BOUNCE}, "suppressed: bounce"),
        ("confirm", {Cause.BOUNCE, Cause.IMPORT}, ""),
        ("confirm", {Cause.BOUNCE, Cause.COMPLAINT}, "suppressed: complaint"),
        ("confirm", {Cause.DESK}, "suppressed: desk"),
        ("data", set(Cause), ""),
        ("erasure", set(Cause), ""),
        ("link", set(Cause), ""),
        ("sign_in", set(Cause), ""),
        ("reset", set(Cause), ""),
        ("changed", set(Cause), ""),
        ("slot_warning", set(Cause), ""),
        ("approval_request", set(Cause), ""),
    ],
)
def test_a_suppressed_address_gets_only_what_was_asked_for_and_what_is_for_the_team(
    now, kind: str, causes: set[Cause], refusal: str
) -> None:
    since = dict.fromkeys(causes, now - DAY)
    assert suppression.refusal_reason(kind, since, now, had_one=False) == refusal


def test_what_was_asked_for_goes_once_a_day_and_the_team_s_as_often_as_it_is_written(now) -> None:
    since = {Cause.BOUNCE: now - DAY}
    for kind in ("confirm", "data", "erasure", "link"):
        assert suppression.refusal_reason(kind, since, now, had_one=True) == "suppressed: one a day"
        assert suppression.refusal_reason(kind, {}, now, had_one=True) == ""
    assert suppression.refusal_reason("sign_in", since, now, had_one=True) == ""


def test_a_confirm_letter_from_before_the_bounce_is_no_answer_to_it(now) -> None:
    assert suppression.refusal_reason("confirm", {Cause.BOUNCE: now}, now - DAY, had_one=False) == "suppressed: bounce"


def test_of_every_kind_of_single_letter_it_is_said_who_wanted_it() -> None:
    single = set(render.FIELDS) - {"issue", "correction"}
    assert single <= set(suppression.PURPOSES)
    assert {test_mail.KIND, warn_editors.KIND} <= set(suppression.PURPOSES)


@pytest.mark.parametrize("typed", ["jörg@bücher.example", "BÜCHER.example", "xn--bcher-kva", "JÖRG@"])
def test_an_address_is_found_as_it_is_read_and_as_the_dns_knows_it(sessions, now, typed: str) -> None:
    key = "jörg@xn--bcher-kva.example"
    with sessions.begin() as session:
        for each in (key, "ada@example.org"):
            suppression.add(session, each, Cause.BOUNCE, now)
        [found] = suppression_list.list_page(session, SuppressionFilter(typed), 1, 10)[0]
    assert found.key == key
