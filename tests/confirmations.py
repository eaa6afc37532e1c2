"""Confirmation emails that went out, and what came back of them."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from newsletter.delivery.models import OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed


def send_confirmations(
    session: Session,
    at: datetime,
    *,
    sent: int,
    returned: int,
    kind: str = "confirm",
    decision: Decision = Decision.SUPPRESSED,
) -> None:
    """Have so many sent at that moment; of the first ones a hard bounce came back, decided as told."""
    home = publications.find(session)
    for number in range(sent):
        post_id = outbox.post(session, home, Addressee(f"r{number}@example.org"), Composed(kind, "", "", ""), at)
        post = session.get_one(OutboxMessage, post_id)
        post.state, post.ended_at = OutboxState.SENT, at
        if number < returned:
            heard = {
                "kind": Kind.BOUNCE,
                "hardness": Hardness.HARD,
                "reason": Reason.USER_UNKNOWN,
                "decision": decision,
            }
            moments = {"at": at, "received_at": at, "key": post.key, "way": "smtp", "source": f"smtp:{post.id}"}
            session.add(BounceEvent(outbox_id=post.id, **heard, **moments))
