"""The transactional mailer: sends the single letters of the outbox, over one connection while there are some."""

import random
import smtplib
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import structlog

from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.clock import Clock, now
from newsletter.db import AWAY, Sessions
from newsletter.delivery.bounces import fault
from newsletter.delivery.bounces.record import SmtpRefusal, record_refusals
from newsletter.delivery.message import compose
from newsletter.delivery.message.content import SingleContent
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.smtp import retry, smtplib_client
from newsletter.delivery.smtp.outage import OutageBackoff, ServerStatus, UnreachableServer
from newsletter.delivery.smtp.replies import ProtocolError, Reply
from newsletter.delivery.smtp.retry import ReplyKind
from newsletter.delivery.smtp.smtplib_client import Interrupt
from newsletter.delivery.transactional import outbox
from newsletter.errors import Invalid, TransportDown
from newsletter.mail_settings import MailServer
from newsletter.tokens import TokenSeal

if TYPE_CHECKING:
    from newsletter.delivery.transactional.flask_mail_connection import MailConnection

_AT_ONCE = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MailerSettings:
    """The server for single letters, the keys that sign them, and where reports about them are sent."""

    server: MailServer
    keyring: Keyring = NO_KEYS
    seal: TokenSeal | None = None
    """If set, each letter has a return path of its own at `return_path_domain`."""
    return_path_domain: str | None = None
    groups: ProviderGroups = field(default_factory=ProviderGroups)
    """The provider groups by which refusals are counted."""
    tls: ssl.SSLContext | None = None
    timeout: float = 20.0
    """In seconds, for each SMTP command."""


class _Answer(NamedTuple):
    """The reply to a letter, and the step of its transaction that was refused; empty for a yes, and a reply of ours."""

    reply: Reply
    step: str = ""

    @property
    def is_past_sender(self) -> bool:
        """Whether a server gave it after it had taken the sender: only then may it be about the reader."""
        return self.step not in {"", "MAIL"} and not isinstance(self.reply, smtplib_client.LocalReply)

    @property
    def is_about_us(self) -> bool:
        """Whether it refuses the sender, whoever the reader is: once that is mended, the letter can go out."""
        if not self.is_past_sender:
            return self.step == "MAIL"
        return fault.is_our_fault(self.reply, after_data=self.step == ".")

    def refusal_of(self, post: OutboxMessage) -> SmtpRefusal:
        """The refusal of the letter, to be judged like a bounce."""
        reply, command = self.reply, "DATA" if self.step == "." else "RCPT"
        return SmtpRefusal(post.address, reply.code, reply.status or "", reply.text, command, outbox_id=post.id)


class TransactionalMailer:
    """Empties the outbox; keeps its connection while there is something to send."""

    def __init__(
        self,
        sessions: Sessions,
        settings: MailerSettings,
        *,
        worker: str,
        stopping: Callable[[], bool] = lambda: False,
        clock: Clock = now,
    ) -> None:
        """Once `stopping` returns true, no further letter is begun."""
        self._sessions = sessions
        self._settings = settings
        self._worker = worker
        self._stopping = stopping
        self._clock = clock
        self._status = ServerStatus(settings.server.host_port, clock)
        self._outage = OutageBackoff(self._status, clock)
        self._interrupt = Interrupt()
        self._connection: MailConnection | None = None
        self._has_leftovers = False
        """Whether the database became unreachable while claimed letters were neither settled nor given back."""

    @property
    def away(self) -> UnreachableServer | None:
        """The mail server if it is unreachable while letters wait for it; else None."""
        return self._status.away

    def deliver_due(self) -> int:
        """Send the letters that are due; returns how many the server accepted. While it is down, none is tried."""
        if self._outage.is_waiting:
            return 0
        try:
            return self._deliver_some()
        except AWAY:
            self._has_leftovers = True
            raise

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection:
            connection.client.quit_and_close()

    def interrupt(self) -> None:
        """End the SMTP session for good, from any thread; its letter is tried again later."""
        self._interrupt.trigger()

    def _deliver_some(self) -> int:
        with self._sessions.begin() as session:
            if self._has_leftovers:
                outbox.recover_from(session, self._worker)
            posts = outbox.claim(session, self._worker, _AT_ONCE, self._clock())
        self._has_leftovers = False
        if not posts:
            self.close()
            self._status.mark_up()
            return 0
        return self._deliver(posts)

    def _deliver(self, posts: Iterable[OutboxMessage]) -> int:
        waiting = deque(posts)
        taken, failed_at = 0, None
        try:
            while waiting and not self._stopping():
                taken += self._deliver_one(waiting[0])
                self._outage.record_success()
                waiting.popleft()
        except TransportDown as error:
            self._outage.record_failure(str(error), len(waiting))
            failed_at = self._clock()
        with self._sessions.begin() as session:
            for place, post in enumerate(waiting):
                # The first behind the others: a server may hang up at one sender's name, and take what another sends.
                outbox.give_back(session, self._worker, post.id, failed_at if place == 0 else None)
        return taken

    def _deliver_one(self, post: OutboxMessage) -> bool:
        """Send one letter; returns whether it was accepted. Raises TransportDown if the server cannot be used."""
        used = self._connection
        try:
            return self._attempt(post)
        except TransportDown:
            if used is None or self._stopping():
                raise
        # A server may close a connection after so many messages; that is no outage.
        return self._attempt(post)

    def _attempt(self, post: OutboxMessage) -> bool:
        connection = self._connected()
        if not self._is_ours(post):
            log.info("letter is another worker's by now, erased, or suppressed", post=post.id, kind=post.kind)
            return False
        return self._settle(post, self._answer(post, connection))

    def _is_ours(self, post: OutboxMessage) -> bool:
        # A read first: usually the letter is ours, and on SQLite a write would make sign-ups wait for the disk.
        with self._sessions.reading() as session:
            if outbox.may_be_sent(session, self._worker, post.id, self._clock()):
                return True
        with self._sessions.begin() as session:
            return outbox.renew(session, self._worker, post.id, self._clock())

    def _answer(self, post: OutboxMessage, connection: "MailConnection") -> _Answer:
        """The server's reply to one letter, or one of ours; raises TransportDown if the failure is not the letter's."""
        try:
            content = post.content
            message = compose.transactional_message(content, self._clock(), self._settings.keyring)
            return self._hand_over(content, message, connection)
        except TransportDown:
            raise
        except Invalid as error:
            return _Answer(smtplib_client.local_reply(553, f"5.1.3 {error}"))
        except Exception as error:
            log.exception("letter failed", post=post.id, kind=post.kind)
            self._drop()
            return _Answer(smtplib_client.local_reply(554, f"5.6.0 a fault of ours: {type(error).__name__}"))

    def _hand_over(self, content: SingleContent, message: bytes, connection: "MailConnection") -> _Answer:
        seal, domain = self._settings.seal, self._settings.return_path_domain
        envelope = compose.transactional_envelope(content, len(message), seal, domain)
        try:
            return _Answer(connection.hand_over(envelope, message))
        except (smtplib.SMTPException, ProtocolError, OSError) as error:
            return self._refusal(error, connection.client.step)

    def _refusal(self, error: Exception, step: str) -> _Answer:
        """The reply that refused this letter; raises TransportDown if it came too early to be about the letter."""
        reply = smtplib_client.reply_from_error(error)
        closing = retry.classify(reply) is ReplyKind.SERVER_WIDE
        # A server may take only so many messages over one connection, and say so to any other MAIL. And smtplib sends
        # no RSET after a refused DATA, for which the next MAIL would be refused.
        if closing or step == "MAIL" or isinstance(error, smtplib.SMTPDataError):
            self._drop()
        if closing and step == "MAIL":
            raise TransportDown(str(reply)) from error
        return _Answer(reply, step)

    def _connected(self) -> "MailConnection":
        if self._connection is None:
            # Imported here, because a worker may never have a letter to send, and Flask takes memory.
            from newsletter.delivery.transactional.flask_mail_connection import MailConnection

            settings = self._settings
            connection = MailConnection(settings.server)
            connection.open(self._interrupt, settings.timeout, settings.tls)
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.client.close()

    def _settle(self, post: OutboxMessage, answer: _Answer) -> bool:
        """Record the answer; returns whether the letter was accepted."""
        reply = answer.reply
        taken = retry.classify(reply) is ReplyKind.ACCEPTED
        if not taken:
            log.info("letter not taken", post=post.id, kind=post.kind, code=reply.code, status=reply.status)
        if not self._record(post, answer):
            log.warning("letter was no more ours when it was answered", post=post.id, kind=post.kind, code=reply.code)
        return taken

    def _record(self, post: OutboxMessage, answer: _Answer) -> bool:
        now, verdict, reply = self._clock(), retry.classify(answer.reply), str(answer.reply)
        wait = retry.LETTERS.after(post.attempts + 1, random.random())  # noqa: S311  (spreads load, keeps no secret)
        is_refused = verdict is ReplyKind.PERMANENT
        with self._sessions.begin() as session:
            if verdict is ReplyKind.ACCEPTED:
                return outbox.sent(session, self._worker, post.id, reply, now)
            if wait is None or (is_refused and not answer.is_about_us):
                is_refused = True
                was_ours = outbox.failed(session, self._worker, post.id, reply, now)
            else:
                was_ours = outbox.put_off(session, self._worker, post.id, reply, now + wait)
            if was_ours and is_refused and answer.is_past_sender:
                record_refusals(session.connection(), [answer.refusal_of(post)], self._settings.groups, now)
            return was_ours
