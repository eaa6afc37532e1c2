"""Suppressed addresses at the desk: found, lifted with a reason, added, and those a provider is held for."""

from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter import audit
from newsletter.audience.models import Act, ConsentEvent, Status, Subscriber, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.holds import ProviderHold
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from newsletter.delivery.models import Cause
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

PAGE, LIFT, ADD = "/desk/readers/suppressed/", "/desk/readers/suppressed/lift", "/desk/readers/suppressed/add"
ADA = "ada@gone.example"


@pytest.fixture(autouse=True)
def ada(services: Services, now: datetime) -> int:
    """A reader whose address bounced; beside it three other suppressed addresses."""
    with services.sessions.begin() as session:
        tie = Subscription(publication_id=1, status=Status.BOUNCED, created_at=now, confirmed_at=now, left_at=now)
        session.add(Subscriber(email=ADA, key=ADA, name="Ada", created_at=now, subscriptions=[tie]))
        suppression.add(session, ADA, Cause.BOUNCE, now, "550 5.1.1 <b>No such user</b>")
        suppression.add(session, "ben@upset.example", Cause.COMPLAINT, now)
        suppression.add(session, "100%@odd.example", Cause.IMPORT, now, "Mailchimp: cleaned")
        suppression.add(session, "cleo@upset.example", Cause.DESK, now, "asked by phone")
        session.flush()
        return tie.id


def press(editor: Visitor, action: str, **fields: str) -> str:
    sent = editor.client.post(action, data=hidden(editor.open(PAGE).text, ADD) | fields, follow_redirects=True)
    return words(sent)


def standing(services: Services, subscription_id: int) -> Status:
    with services.sessions.reading() as session:
        return session.get_one(Subscription, subscription_id).status


def test_they_are_found_by_address_and_by_cause_and_say_why(editor: Visitor) -> None:
    everybody = editor.open(PAGE)
    assert "550 5.1.1 &lt;b&gt;No such user&lt;/b&gt;" in everybody.text
    assert "All 4 Bounced 1 Complained 1 By the team 1 Imported as suppressed 1" in words(everybody)
    assert "100%@odd.example" in editor.read(f"{PAGE}?q=100%25")
    assert "ada@gone" not in editor.read(f"{PAGE}?q=100%25")
    assert "upset" not in editor.read(f"{PAGE}?cause=bounce")
    assert "No suppressed addresses containing “nobody”" in editor.read(f"{PAGE}?q=nobody")
    for strange in ("?page=-1", "?page=abc", "?page=99999999999999999999", "?cause=%00", "?q=%00"):
        assert editor.open(f"{PAGE}{strange}").status_code == 200
    sheet = editor.open("/desk/readers/suppressed.csv?cause=import").text.splitlines()
    assert sheet[1].startswith("100%@odd.example,import,")
    assert len(sheet) == 2


def test_a_bounce_is_lifted_with_a_reason_and_the_reader_reads_again(
    editor: Visitor, services: Services, ada: int
) -> None:
    assert "Say why" in press(editor, LIFT, address=ADA, cause="bounce", reason=" ")
    assert standing(services, ada) is Status.BOUNCED
    assert "This reader gets issues again" in press(editor, LIFT, address=ADA, cause="bounce", reason="mailbox mended")
    assert standing(services, ada) is Status.ACTIVE
    with services.sessions.reading() as session:
        assert suppression.list_causes(session, ADA) == []
        step = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
        assert (step.act, step.note, step.operator) == (Act.RESUMED, "mailbox mended", "editor@desk.example")
        entry = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id.desc())).first()
        assert (entry.act, entry.details["reason"]) == ("lifted a suppression", "mailbox mended")
        assert ADA not in str(entry.details)
    assert "not suppressed for that any more" in press(editor, LIFT, address=ADA, cause="bounce", reason="again")


def test_while_another_cause_is_left_a_reader_stays_bounced(
    editor: Visitor, services: Services, ada: int, now: datetime
) -> None:
    with services.sessions.begin() as session:
        suppression.add(session, ADA, Cause.COMPLAINT, now)
    press(editor, LIFT, address=ADA, cause="bounce", reason="mended")
    assert standing(services, ada) is Status.BOUNCED


def test_an_address_is_suppressed_by_hand_once_and_with_a_reason(editor: Visitor, services: Services) -> None:
    assert "gets no more mail" in press(editor, ADD, email="Dan@Wherever.example", reason="asked by letter")
    with services.sessions.reading() as session:
        (cause,) = suppression.list_causes(session, "dan@wherever.example")
        assert (cause.cause, cause.detail) == (Cause.DESK, "asked by letter")
    assert "suppressed at the desk already" in press(editor, ADD, email="dan@wherever.example", reason="again")
    kept = editor.client.post(ADD, data=hidden(editor.open(PAGE).text, ADD) | {"email": "no address", "reason": "x"})
    assert kept.status_code == 422
    assert 'value="no address"' in kept.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_whoever_may_not_see_addresses_is_not_led_there(enter: Enter, role: Role) -> None:
    visitor = enter(role)
    assert PAGE not in visitor.open("/desk/readers/").text
    assert visitor.open(PAGE).status_code == 403


@pytest.mark.parametrize(
    ("fate", "said", "is_suppressed"), [("suppress", "1 reader suppressed", True), ("keep", "1 reader kept", False)]
)
def test_what_a_provider_is_held_for_is_decided_once_and_audited(
    editor: Visitor, services: Services, now: datetime, fate: str, said: str, is_suppressed: bool
) -> None:
    held = "/desk/readers/suppressed/held"
    with services.sessions.begin() as session:
        session.add(ProviderHold(provider_group="gmail", opened_at=now, unknown=40, copies=900))
        event = BounceEvent(source="smtp:1", place=0, way="smtp", kind=Kind.BOUNCE, hardness=Hardness.HARD)
        event.reason, event.status, event.code, event.diagnostic = Reason.USER_UNKNOWN, "5.1.1", "550", "no such user"
        event.key, event.provider_group, event.at, event.received_at = "eve@gmail.com", "gmail", now, now
        event.mta, event.is_forgiven, event.decision = "", False, Decision.HELD
        session.add(event)
    assert "40 of 900 readers as unknown" in editor.read(PAGE)
    assert said in press(editor, held, provider="gmail", fate=fate)
    with services.sessions.reading() as session:
        assert bool(suppression.list_causes(session, "eve@gmail.com")) is is_suppressed
        entry = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id.desc())).first()
        assert (entry.act, entry.details) == (
            "decided about held readers",
            {"provider": "gmail", "suppressed": is_suppressed},
        )
    assert "nothing of gmail is held" in press(editor, held, provider="gmail", fate=fate).lower()
