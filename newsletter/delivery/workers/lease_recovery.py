"""Lease recovery: what becomes of the copies and letters that a worker held when it ended.

    ended    its supervisor saw the process end: its leases end at once, and copies that were begun are in doubt
    silent   no heartbeat for half a minute, but it may be alive: only what cannot be sent twice is taken
    all      the database was restored or copied: no worker of this installation holds anything

Otherwise the leases run out by themselves. A copy that was begun is never taken from a silent worker: its final dot
may be out while the worker waits for the reply, for which RFC 5321 allows ten minutes.
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
    """Take back all that a worker held whose process has certainly ended; `policy` is the setting IN_DOUBT."""
    recovered = ledger.recover_from(session, worker, policy, now)
    outbox.recover_from(session, worker)
    heartbeat.sign_off(session, worker)
    log.info("took over from a worker that is gone", worker=worker, unsent=len(recovered.unsent))


def recover_all(session: Session, policy: Literal["resend", "hold"], now: datetime) -> None:
    """Take back all that any worker holds; only for a database that may not send yet, where none is at work."""
    copies = select(Copy.worker).where(Copy.state == CopyState.SENDING)
    posts = select(OutboxMessage.worker).where(OutboxMessage.state == OutboxState.SENDING)
    for worker in filter(None, session.scalars(union(copies, posts)).all()):
        recover_ended(session, worker, policy, now)


def recover_silent(session: Session, worker: str, now: datetime) -> None:
    """Take back the copies that a silent worker has not begun; if it is alive, it can no longer begin them.

    Its single letters are taken, too: they are sent at least once, and a person waits for them.
    """
    ledger.release_unbegun(session, worker, now)
    outbox.recover_from(session, worker)
    log.warning("a worker has fallen silent; what it had not begun is taken over", worker=worker)
