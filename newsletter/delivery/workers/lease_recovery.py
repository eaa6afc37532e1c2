"""Lease recovery: what becomes of the copies and letters that a worker held when it ended.

    ended    its supervisor saw the process end: its leases end with it, and what was begun is in doubt now
    silent   no sign of life for half a minute, but it may yet live: only what cannot leave twice is taken
    else     nobody knows: the leases run out by themselves
    all      the database was restored or copied, and its workers with all they held are those of another place

A copy that was begun is never taken from a silent worker. Its final dot may be out while the worker
waits for the answer, which RFC 5321 lets take ten minutes; its lease decides, as it always did.
"""

from datetime import datetime
from typing import Literal

import structlog
from sqlalchemy import select, union
from sqlalchemy.orm import Session

from newsletter.delivery import ledger
from newsletter.delivery.models import Copy, CopyState, OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.workers import heartbeat

log = structlog.get_logger(__name__)


def recover_ended(session: Session, worker: str, policy: Literal["resend", "hold"], now: datetime) -> None:
    """Take all that a worker held whose process has certainly ended; `policy` is IN_DOUBT's."""
    recovered = ledger.recover_from(session, worker, policy, now)
    outbox.recover_from(session, worker)
    heartbeat.sign_off(session, worker)
    log.info("took over from a worker that is gone", worker=worker, unsent=len(recovered.unsent))


def recover_all(session: Session, policy: Literal["resend", "hold"], now: datetime) -> None:
    """Take all that anybody holds: for a database that may not send yet, so that nobody here can hold anything."""
    copies = select(Copy.worker).where(Copy.state == CopyState.SENDING)
    posts = select(OutboxMessage.worker).where(OutboxMessage.state == OutboxState.SENDING)
    for worker in filter(None, session.scalars(union(copies, posts)).all()):
        recover_ended(session, worker, policy, now)


def recover_silent(session: Session, worker: str, now: datetime) -> None:
    """Take what a silent worker has not begun; should it live, its next try to begin one of them fails.

    Its single letters are taken, too: they go out at least once, and a person waits for them.
    """
    ledger.release_unbegun(session, worker, now)
    outbox.recover_from(session, worker)
    log.warning("a worker has fallen silent; what it had not begun is taken over", worker=worker)
