"""How a worker takes mail in: it reads the mailbox when it is its turn, and listens for mail by LMTP."""

from datetime import datetime
from typing import TYPE_CHECKING

from newsletter.db import Session, Sessions
from newsletter.delivery.bounces import events
from newsletter.delivery.bounces.intake import reader_mails
from newsletter.delivery.bounces.intake.mailbox_access import MailboxAccess
from newsletter.delivery.workers.context import WorkerContext
from newsletter.workflows.record_bounce import BounceServices

if TYPE_CHECKING:
    from newsletter.delivery.bounces.intake.incoming import IncomingMail


class MailIntake:
    """A worker's sources of incoming mail, as far as they are configured."""

    def __init__(
        self,
        sessions: Sessions,
        services: BounceServices,
        mailbox: MailboxAccess | None,
        lmtp: str,
        worker: WorkerContext,
    ) -> None:
        """`lmtp` is where to listen: 127.0.0.1:8024, or unix: and a path; empty for nowhere."""
        self._sessions = sessions
        self._services = services
        self._worker = worker
        self._mailbox = self._lmtp = None
        # Imported here, so that their libraries are loaded only where they are needed.
        if mailbox:
            from newsletter.workflows.read_mailbox import MailboxReader

            self._mailbox = MailboxReader(sessions, services, mailbox, worker)
        if lmtp:
            from newsletter.delivery.bounces.intake.lmtp import LmtpListener

            self._lmtp = LmtpListener(lmtp, self._is_ours, self._take)

    def read_mailbox(self) -> None:
        """Read what waits in the mailbox, if it is time and this worker's turn."""
        if self._mailbox:
            self._mailbox.read_due()

    def listen(self) -> None:
        """Begin to listen, if this worker does not yet, and no other does."""
        if self._lmtp:
            self._lmtp.keep()

    def prune(self, session: Session, now: datetime) -> int:
        """Delete some of what came in long ago; how many, 0 when none is left."""
        return events.prune(session, now) + reader_mails.prune_mails(session, now)

    def close(self) -> None:
        """Stop listening."""
        if self._lmtp:
            self._lmtp.close()

    def _is_ours(self, address: str) -> bool:
        from newsletter.workflows import receive_mail  # what it reads mail with takes memory, and few workers listen

        with self._sessions.reading() as session:
            return receive_mail.is_ours(session, self._services, address)

    def _take(self, mail: "IncomingMail") -> None:
        from newsletter.workflows import receive_mail  # as above

        receive_mail.receive(self._sessions, self._services, mail, "lmtp", self._worker.clock())
