"""Send what still waits for a reader to their new address."""

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.delivery.models import PENDING, UNDER_WAY, Copy, Letter


def readdress_pending(session: Session, subscription_ids: Collection[int], address: str) -> None:
    """Change the address of these readers' copies that wait; a copy that is being sent goes where it was going."""
    # Each letter by its id, else PostgreSQL looks into every partition.
    letter_ids = session.scalars(select(Letter.id).where(Letter.state.in_(UNDER_WAY))).all()
    theirs = update(Copy).where(Copy.letter_id.in_(letter_ids), Copy.subscription_id.in_(subscription_ids), PENDING)
    # What was reserved was reserved with the provider of the old address.
    session.connection().execute(theirs.values(address=address, reservation=None))
