import re
import string
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from newsletter.audience import privacy, signup, unsubscribe
from newsletter.audience.models import Channel, Status, Subscriber
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.delivery.transactional import outbox
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.links import Expired
from newsletter.prepared import Prepared
from newsletter.publications import Publication

ADA = "ada@example.org"


def test_a_form_makes_a_pending_reader_and_a_confirm_letter(press) -> None:
    press.subscribe(ADA, "Ada Lovelace")
    assert press.status(ADA) is Status.PENDING
    assert press.acts(ADA) == [("asked", "form")]
    assert press.kinds(ADA) == ["confirm"]


def test_nothing_a_stranger_typed_is_mailed_but_the_address(press) -> None:
    press.subscribe(ADA, "Buy pills at https://spam.example")
    letter = press.letters(ADA)[0]
    assert letter.name == ""
    assert "pills" not in letter.subject + letter.html + letter.text


@pytest.mark.parametrize("email", ["ada", "ada@example.org\r\nBcc: eve@example.org", "a" * 255 + "@example.org"])
def test_a_malformed_address_is_refused_and_nothing_is_kept(press, email: str) -> None:
    with pytest.raises(Invalid, match="Please give an address"):
        press.subscribe(email)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_name_that_would_inject_a_header_is_refused(press) -> None:
    with pytest.raises(Invalid, match="in one line"):
        press.subscribe(ADA, "Ada\r\nBcc: eve@example.org")


def test_who_signs_up_again_under_another_name_is_found_by_it(press) -> None:
    press.subscribe(ADA, "Somebody")
    press.subscribe(ADA, "Ada Lovelace")
    with press.sessions.reading() as session:
        assert "lovelace" in session.scalars(select(Subscriber.search)).one()


def test_the_button_makes_a_reader_and_sends_a_welcome(press) -> None:
    press.subscribe(ADA, "Ada")
    subscription = press.confirm(ADA)
    assert subscription.status is Status.ACTIVE
    assert subscription.confirmed_at == press.now
    assert press.acts(ADA) == [("asked", "form"), ("confirmed", "link")]
    welcome = press.letters(ADA)[-1]
    assert (welcome.kind, welcome.name) == ("welcome", "Ada")
    token = welcome.unsubscribe_url.rpartition("/")[2]
    assert press.audience.links.open_unsubscribe(token) == (subscription.id, 0)


def test_confirming_twice_changes_nothing(press) -> None:
    press.subscribe(ADA)
    press.confirm(ADA)
    assert press.confirm(ADA).status is Status.ACTIVE
    assert press.kinds(ADA) == ["confirm", "welcome"]


def test_two_tabs_at_once_send_one_welcome(press, together) -> None:
    press.subscribe(ADA)
    assert together(*[lambda: press.confirm(ADA)] * 4) == []
    assert press.kinds(ADA) == ["confirm", "welcome"]
    assert press.acts(ADA) == [("asked", "form"), ("confirmed", "link")]


def test_two_forms_at_once_make_one_reader(press, together) -> None:
    assert together(*[lambda: press.subscribe(ADA, "Ada")] * 3) == []
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 1


def test_looking_at_a_link_changes_nothing(press) -> None:
    press.subscribe(ADA)
    with press.sessions.reading() as session:
        seen = signup.open_confirm_link(session, press.audience, press.token("confirm", ADA), press.now)
        assert seen.publication.slug == "back-pain-help"
    assert press.status(ADA) is Status.PENDING


@pytest.mark.parametrize("status", list(Status))
def test_the_form_answers_the_same_whoever_asks(press, status: Status) -> None:
    press.reader(ADA)
    press.set_status(ADA, status)
    assert press.subscribe(ADA) is None


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED])
def test_a_reader_who_signs_up_again_is_told_so_once_a_day_and_nothing_changes(press, status: Status) -> None:
    press.reader(ADA)
    press.set_status(ADA, status)
    acts = press.acts(ADA)
    for _ in range(2):
        press.subscribe(ADA, name="Eve")
    assert press.kinds(ADA) == ["confirm", "welcome", "already"]
    press.subscribe(ADA, at=press.now + timedelta(days=1))
    assert press.kinds(ADA)[2:] == ["already", "already"]
    assert (press.status(ADA), press.acts(ADA)) == (status, acts)
    assert press.letters(ADA)[-1].subscription_id is None
    token = press.letters(ADA)[-1].text.rpartition("/")[2]
    opened = press.audience.links.open_preferences(token, press.now + timedelta(days=1))
    assert opened == (press.subscription(ADA).id, True)


def test_a_reader_of_one_publication_is_told_of_each_and_asked_by_the_others(
    press, other_publication: Publication
) -> None:
    press.reader(ADA)
    asked = signup.SignupRequest(ADA, "", None, "Send me the letter.")
    press.run(signup.subscribe, other_publication, asked, press.now)
    assert press.kinds(ADA)[2:] == ["confirm"]
    press.run(signup.confirm, press.token("confirm", ADA), None, "Yes", press.now)
    for publication in (press.publication, other_publication, other_publication):
        press.run(signup.subscribe, publication, asked, press.now)
    assert press.kinds(ADA)[3:] == ["welcome", "already", "already"]


def test_a_suppressed_reader_is_not_told(press) -> None:
    press.reader(ADA)
    with press.sessions.begin() as session:
        suppression.add(session, ADA, Cause.COMPLAINT, press.now)
    press.subscribe(ADA)
    assert press.kinds(ADA) == ["confirm", "welcome"]


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED])
def test_who_is_gone_and_asks_again_is_asked_to_confirm(press, status: Status) -> None:
    press.reader(ADA)
    press.set_status(ADA, status)
    press.subscribe(ADA)
    assert press.status(ADA) is Status.PENDING
    assert press.kinds(ADA)[-1] == "confirm"


def test_a_suppressed_address_gets_no_letter_and_keeps_its_status(press) -> None:
    press.reader(ADA)
    press.set_status(ADA, Status.COMPLAINED)
    with press.sessions.begin() as session:
        suppression.add(session, ADA, Cause.COMPLAINT, press.now)
    press.subscribe(ADA)
    assert press.status(ADA) is Status.COMPLAINED
    assert press.kinds(ADA) == ["confirm", "welcome"]
    assert press.acts(ADA)[-1] == ("asked", "form")


@pytest.mark.parametrize("cause", [Cause.BOUNCE, Cause.IMPORT])
def test_who_signs_up_after_a_bounce_is_asked_and_lifts_it_by_confirming(press, cause: Cause) -> None:
    press.reader(ADA)
    press.set_status(ADA, Status.BOUNCED)
    with press.sessions.begin() as session:
        suppression.add(session, ADA, cause, press.now + timedelta(hours=1))
    later = press.now + timedelta(days=1)
    press.subscribe(ADA, at=later)
    with press.sessions.begin() as session:
        # The two letters of the first time were not sent in time, and nobody asks for them any more.
        assert [(letter.kind, letter.created_at) for letter in outbox.claim(session, "w", 9, later)] == [
            ("confirm", later)
        ]
        assert suppression.list_causes(session, ADA)
    press.run(signup.confirm, press.token("confirm", ADA), None, "Yes", later)
    assert press.status(ADA) is Status.ACTIVE
    with press.sessions.begin() as session:
        assert suppression.list_causes(session, ADA) == []
        assert [letter.kind for letter in outbox.claim(session, "w", 9, later)] == ["welcome"]


def statements(press, email: str) -> list[str]:
    """What a sign-up asks of the database, step by step."""
    seen: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest: object) -> None:
        seen.append(statement)

    def run(self: Prepared, *arguments: object) -> object:
        seen.append(re.sub("RELEASE|ROLLBACK TO", "END", self._text))
        return plain_run(self, *arguments)

    engine, plain_run = press.sessions.engine, Prepared.run
    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Prepared, "run", run)
            press.subscribe(email, "Somebody", client="203.0.113.9")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(seen) > 10
    return seen


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sign_up_does_the_same_work_whoever_the_address_belongs_to(press) -> None:
    emails = {status: f"{status}@example.org" for status in Status}
    for status, email in emails.items():
        press.reader(email, "Their Name")
        press.set_status(email, status)
    for cause in Cause:
        press.reader(f"{cause}.suppressed@example.org")
        with press.sessions.begin() as session:
            suppression.add(session, f"{cause}.suppressed@example.org", cause, press.now)
    press.reader("erased@example.org")
    with press.sessions.begin() as session:
        privacy.erase(session, press.audience, "erased@example.org", press.now)
    known = [*emails.values(), *(f"{cause}.suppressed@example.org" for cause in Cause), "erased@example.org"]
    letters = {email: press.kinds(email) for email in known}
    # The text of either letter is stored with the first one.
    press.subscribe("first@example.org")
    press.subscribe(emails[Status.PAUSED], at=press.now - timedelta(days=1))
    stranger = statements(press, "stranger@example.org")
    for email in known:
        assert statements(press, email) == stranger, email
    for email in ("stranger@example.org", emails[Status.ACTIVE], "complaint.suppressed@example.org"):
        for _ in range(2):
            press.subscribe(email)
        capped = statements(press, email)
        assert [each for each in capped if "capped" not in each] == stranger, email
        assert len(capped) == len(stranger) + 2
    # And what it leaves is as it was for who is suppressed for good; who reads is told so.
    assert press.kinds("complaint.suppressed@example.org") == letters["complaint.suppressed@example.org"]
    assert press.kinds(emails[Status.ACTIVE]) == [*letters[emails[Status.ACTIVE]], "already"]
    assert press.subscription(emails[Status.ACTIVE]).subscriber.name == "Their Name"


def test_a_forged_link_is_refused(press) -> None:
    press.subscribe(ADA)
    token = press.token("confirm", ADA)
    letters = string.ascii_letters
    for forged in ("", "x", token[:-5], token[:10] + letters[letters.index("a") - 1] + token[11:] + "A", "ü" * 40):
        with pytest.raises(Invalid):
            press.run(signup.confirm, forged, None, "Yes", press.now)


def test_a_link_for_leaving_does_not_confirm(press) -> None:
    press.subscribe(ADA)
    with pytest.raises(Invalid):
        press.run(signup.confirm, press.leave_token(ADA), None, "Yes", press.now)


def test_an_old_link_is_refused_and_its_button_sends_a_fresh_one(press) -> None:
    press.subscribe(ADA)
    token, later = press.token("confirm", ADA), press.now + timedelta(days=8)
    with pytest.raises(Expired):
        press.run(signup.confirm, token, None, "Yes", later)
    press.run(signup.resend, token, None, later)
    fresh = press.token("confirm", ADA)
    assert press.run(signup.confirm, fresh, None, "Yes", later).status is Status.ACTIVE


def test_a_fresh_link_is_sent_under_the_same_caps_and_only_to_who_is_pending(press) -> None:
    press.subscribe(ADA)
    token = press.token("confirm", ADA)
    for _ in range(5):
        press.run(signup.resend, token, None, press.now)
    assert press.kinds(ADA) == ["confirm"] * 3
    press.confirm(ADA)
    press.run(signup.resend, token, None, press.now + timedelta(days=2))
    assert press.kinds(ADA)[-1] == "welcome"


def test_a_link_of_an_erased_reader_is_answered_plainly(press) -> None:
    press.subscribe(ADA)
    token = press.token("confirm", ADA)
    with press.sessions.begin() as session:
        privacy.erase(session, press.audience, ADA, press.now)
    with pytest.raises(NotFound, match="erased"):
        press.run(signup.confirm, token, None, "Yes", press.now)
    assert press.run(signup.resend, token, None, press.now) is None


def test_an_old_confirm_link_does_not_bring_back_who_left(press) -> None:
    press.reader(ADA)
    token = press.token("confirm", ADA)
    press.run(
        unsubscribe.unsubscribe_by_link, press.leave_token(ADA), Channel.ONE_CLICK, None, press.now + timedelta(hours=1)
    )
    with pytest.raises(Conflict, match="sign up again"):
        press.run(signup.confirm, token, None, "Yes", press.now + timedelta(hours=2))
    assert press.status(ADA) is Status.UNSUBSCRIBED


def test_who_left_while_the_clock_was_ahead_comes_back_at_once(press) -> None:
    press.reader(ADA)
    ahead = press.now + timedelta(days=30)
    press.run(unsubscribe.unsubscribe_by_link, press.leave_token(ADA), Channel.ONE_CLICK, None, ahead)
    press.subscribe(ADA, at=press.now + timedelta(minutes=5))
    fresh = press.token("confirm", ADA)
    confirmed = press.run(signup.confirm, fresh, None, "Yes", press.now + timedelta(minutes=6))
    assert confirmed.status is Status.ACTIVE


def test_after_leaving_only_a_link_made_since_confirms(press) -> None:
    press.reader(ADA)
    old = press.token("confirm", ADA)
    left = press.now + timedelta(hours=1)
    press.run(unsubscribe.unsubscribe_by_link, press.leave_token(ADA), Channel.ONE_CLICK, None, left)
    press.subscribe(ADA, at=left + timedelta(seconds=20))
    fresh = press.token("confirm", ADA)
    with pytest.raises(Expired, match="before you unsubscribed;"):
        press.run(signup.confirm, old, None, "Yes", left + timedelta(hours=1))
    confirmed = press.run(signup.confirm, fresh, None, "Yes", left + timedelta(hours=1))
    assert (confirmed.status, confirmed.left_at) == (Status.ACTIVE, None)


def test_a_name_gives_way_only_until_its_owner_may_have_seen_it(press) -> None:
    press.subscribe(ADA, "A rude word")
    press.subscribe(ADA, "Ada")
    assert press.confirm(ADA).subscriber.name == "Ada"
    press.set_status(ADA, Status.UNSUBSCRIBED, left_at=press.now)
    press.subscribe(ADA, "A rude word")
    assert press.subscription(ADA).subscriber.name == "Ada"


def test_one_person_reads_two_publications_by_one_address(press, other_publication) -> None:
    press.subscribe(ADA)
    asked = signup.SignupRequest("ADA@example.org", "", None, "Words")
    press.run(signup.subscribe, other_publication, asked, press.now)
    with press.sessions.reading() as session:
        person = session.scalars(select(Subscriber)).one()
        assert [one.publication.slug for one in person.subscriptions] == ["back-pain-help", "other"]


def test_an_address_in_another_script_is_written_to_as_it_is(press) -> None:
    press.reader("ада@почта.example")
    assert press.kinds("ада@почта.example") == ["confirm", "welcome"]


def test_a_log_line_never_holds_a_whole_address_or_a_token(press, capsys) -> None:
    for _ in range(5):
        press.subscribe("somebody.special@example.org")
    printed = capsys.readouterr().out
    assert "s…@example.org" in printed
    assert "somebody.special" not in printed
    assert press.token("confirm", "somebody.special@example.org") not in printed
