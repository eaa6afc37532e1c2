"""Slot claims: each step of a slot is done once, by one worker."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.models import SlotClaim, SlotStep


def claim(session: Session, publication_id: int, at: datetime, kind: SlotStep) -> bool:
    """Claim a step of a slot; False if another worker has claimed it."""
    mark = insert(session, SlotClaim).values(publication_id=publication_id, at=at, kind=kind)
    return session.scalar(mark.on_conflict_do_nothing().returning(SlotClaim.kind)) is not None


def is_claimed(session: Session, publication_id: int, at: datetime, kind: SlotStep) -> bool:
    """Whether the step was claimed."""
    return session.get(SlotClaim, (publication_id, at, kind)) is not None
