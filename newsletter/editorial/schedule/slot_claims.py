"""Slot marks: what was done about a slot already, so that of all workers one does it, and once."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.models import SlotClaim, SlotStep


def claim(session: Session, publication_id: int, at: datetime, kind: SlotStep) -> bool:
    """Say that this is done by whoever asks; False if somebody else does it or has done it."""
    mark = insert(session, SlotClaim).values(publication_id=publication_id, at=at, kind=kind)
    return session.scalar(mark.on_conflict_do_nothing().returning(SlotClaim.kind)) is not None


def is_claimed(session: Session, publication_id: int, at: datetime, kind: SlotStep) -> bool:
    """Whether it is done."""
    return session.get(SlotClaim, (publication_id, at, kind)) is not None
