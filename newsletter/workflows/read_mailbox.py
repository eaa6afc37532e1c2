"""Read the mailbox that bounces come to: each mail is recorded and committed first, and moved to its folder then."""

import structlog

from newsletter.db import AWAY, Sessions
from newsletter.delivery.bounces.intake import imap_mailbox, mailbox_lease
from newsletter.delivery.bounces.intake.imap_mailbox import FetchedMail, Mailbox, MailboxDown
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.intake.mailbox_access import MailboxAccess
from newsletter.delivery.bounces.intake.mailbox_lease import MailboxLease
from newsletter.delivery.bounces.report import Kind
from newsletter.delivery.workers.context import WorkerContext
from newsletter.workflows.receive_mail import receive
from newsletter.workflows.record_bounce import BounceServices

MOST_AT_ONCE = 100
_WAY = "mailbox"

log = structlog.get_logger(__name__)


class MailboxReader:
    """Reads one mailbox whenever it is this worker's turn."""

    def __init__(
        self,
        sessions: Sessions,
        services: BounceServices,
        access: MailboxAccess,
        worker: WorkerContext,
    ) -> None:
        self._sessions = sessions
        self._services = services
        self._access = access
        self._worker = worker
        self._left: tuple[int, int] | None = None
        self._broke_off_at = 0
        """The mail at which the last reading broke off; it comes last, so that it holds up no other."""

    def read_due(self) -> int:
        """Read what waits, if it is time; how many mails were recorded. Commits by itself, mail by mail."""
        name, self._left = self._access.name, None
        with self._sessions.reading() as session:
            if not mailbox_lease.is_mailbox_due(session, name, self._worker.clock()):
                return 0
        with self._sessions.begin() as session:
            lease = mailbox_lease.claim_mailbox(session, name, self._worker.name, self._worker.clock())
        if lease is None or (reading := self._try_to_read(lease)) is None:
            return 0
        read, is_more = reading
        with self._sessions.begin() as session:
            mailbox_lease.record_reading(
                session, name, self._worker.name, self._worker.clock(), left=self._left, is_more=is_more
            )
        return read

    def _try_to_read(self, lease: MailboxLease) -> tuple[int, bool] | None:
        """How many mails were read, and whether more wait; None if the mailbox cannot be read, which is noted."""
        try:
            with imap_mailbox.open_mailbox(self._access, self._worker.is_stopping) as mailbox:
                return self._read(mailbox, lease.left_uid if lease.validity == mailbox.validity else 0)
        except MailboxDown as error:
            if self._worker.is_stopping():
                return 0, True
            self._note_failure(str(error))
        except AWAY:
            raise
        except Exception:
            # Its lease would otherwise run out again and again, and nobody would be told.
            log.exception("the mailbox could not be read", server=self._access.host)
            self._note_failure("the program failed at it, and the worker's log says why")
        return None

    def _read(self, mailbox: Mailbox, after: int) -> tuple[int, bool]:
        broken = self._broke_off_at
        waiting = sorted(mailbox.waiting(after), key=lambda uid: (uid == broken, uid))
        read = 0
        for uid in waiting[:MOST_AT_ONCE]:
            if self._worker.is_stopping():
                break
            self._broke_off_at = uid
            if fetched := mailbox.fetch(uid):
                understood = self._record(fetched)
                read += 1
                if not mailbox.move(uid, understood=understood) and not (broken and uid > broken):
                    self._left = (mailbox.validity, uid)
        self._broke_off_at = 0
        if self._left:
            log.warning(
                "the mailbox does not let mails be moved; they are recorded, and stay", server=self._access.host
            )
        return read, len(waiting) > MOST_AT_ONCE

    def _record(self, fetched: FetchedMail) -> bool:
        """Record a mail; whether it was understood. One that we fail at is set aside, so that the others are read."""
        mail = IncomingMail.from_bytes(fetched.raw, is_cut=fetched.is_cut)
        try:
            report = receive(self._sessions, self._services, mail, _WAY, self._worker.clock())
        except AWAY:
            raise
        except Exception:
            log.exception("a mail of the mailbox could not be recorded", server=self._access.host)
            return False
        return report.kind is not Kind.NOT_A_BOUNCE

    def _note_failure(self, problem: str) -> None:
        with self._sessions.begin() as session:
            next_try = mailbox_lease.record_failure(
                session, self._access.name, self._worker.name, self._worker.clock(), problem, left=self._left
            )
        log.warning(
            "the mailbox cannot be read now", server=self._access.host, reason=problem, again_at=next_try.isoformat()
        )
