"""The post room: carries single letters from the outbox by Flask-Mail, repaired as far as it needs it.

Flask-Mail 0.10 opens SMTP without a time-out, does not verify certificates, and builds messages with
lines that are too long. So the connection is opened here, and the bytes are `compose`'s. The Flask
application is only what Flask-Mail keeps its settings in; no other part of the house sees it.
"""

import random
import smtplib
import ssl
from contextlib import suppress
from datetime import datetime

import structlog
from flask import Flask
from flask_mail import Connection, Mail, Message

from newsletter.config import MailServer
from newsletter.db import Sessions
from newsletter.delivery import compose, mime, outbox, retry, trust
from newsletter.delivery.models import Post
from newsletter.delivery.replies import Reply, legible
from newsletter.delivery.retry import Verdict
from newsletter.errors import Invalid, TransportDown

_AT_ONCE = 20

log = structlog.get_logger(__name__)


class Postroom:
    """Empties the outbox; keeps its connection while there is something to carry."""

    def __init__(
        self, sessions: Sessions, server: MailServer, *, tls: ssl.SSLContext | None = None, timeout: float = 20.0
    ) -> None:
        """`timeout` in seconds, for each step of SMTP."""
        self._sessions = sessions
        self._app = Flask(__name__)
        self._app.config.update(_flask_settings(server))
        self._mail = Mail(self._app)
        self._tls = tls
        self._timeout = timeout
        self._connection: _Verified | None = None

    def deliver_due(self, now: datetime) -> int:
        """Send what is due, a few letters at a time; how many were taken. While the server is down, none is."""
        with self._sessions.begin() as session:
            posts = outbox.claim(session, _AT_ONCE, now)
        if not posts:
            self.close()
            return 0
        with self._app.app_context():
            return self._deliver(posts, now)

    def close(self) -> None:
        """Take leave of the server."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.host is not None:
            with suppress(smtplib.SMTPException, OSError):
                connection.host.quit()
            connection.host.close()

    def _deliver(self, posts: list[Post], now: datetime) -> int:
        taken = 0
        for place, post in enumerate(posts):
            try:
                taken += self._settle(post, self._answer(post, now), now)
            except TransportDown as error:
                log.warning(
                    "the mail server cannot be used; letters wait", reason=str(error), letters=len(posts) - place
                )
                self.close()
                self._give_back(posts[place:])
                break
        return taken

    def _answer(self, post: Post, now: datetime) -> Reply:
        """What became of one letter, in the server's words or in ours; TransportDown if it is not its fault."""
        try:
            return self._carry(post, compose.single(post, now))
        except Invalid as error:
            return _own(553, f"5.1.3 {error}")
        except (smtplib.SMTPException, OSError) as error:
            return self._heard(error)
        except TransportDown:
            raise
        except Exception as error:
            log.exception("letter failed", post=post.id, kind=post.kind)
            return _own(554, f"5.6.0 a fault of ours: {type(error).__name__}")

    def _carry(self, post: Post, content: bytes) -> Reply:
        connection = self._connected()
        address = mime.sendable(post.address)
        if address.isascii():
            connection.send(_Ready(post, content))
        elif connection.client.has_extn("SMTPUTF8"):
            # Flask-Mail would turn the address into an encoded word, which is another address.
            connection.client.sendmail(post.sender_address, [address], content, ["SMTPUTF8", "BODY=8BITMIME"])
        else:
            return _own(553, "5.6.7 the address needs SMTPUTF8, which the server has not")
        return connection.client.last

    def _connected(self) -> "_Verified":
        if self._connection is None:
            connection = _Verified(self._mail, self._tls, self._timeout)
            try:
                connection.host = connection.configure_host()
            except (smtplib.SMTPException, OSError) as error:
                raise TransportDown(_told(error)) from error
            self._connection = connection
        return self._connection

    def _heard(self, error: Exception) -> Reply:
        """The reply inside one of smtplib's errors; a silence counts as "try later"."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            [(code, text)] = error.recipients.values()
            return _reply(code, text)
        if isinstance(error, smtplib.SMTPResponseException):
            return _reply(error.smtp_code, error.smtp_error)
        self.close()
        return _own(451, f"4.4.2 {_told(error)}")

    def _settle(self, post: Post, reply: Reply, now: datetime) -> bool:
        verdict = retry.classify(reply)
        if verdict is Verdict.SERVER:
            raise TransportDown(str(reply))
        wait = retry.LETTERS.after(post.attempts + 1, random.random())  # noqa: S311  (spreads load, keeps no secret)
        with self._sessions.begin() as session:
            if verdict is Verdict.TAKEN:
                return outbox.sent(session, post.id, str(reply), now)
            log.info("letter not taken", post=post.id, kind=post.kind, code=reply.code, status=reply.status)
            if verdict is Verdict.NEVER or wait is None:
                outbox.failed(session, post.id, str(reply), now)
            else:
                outbox.put_off(session, post.id, str(reply), now + wait)
            return False

    def _give_back(self, posts: list[Post]) -> None:
        with self._sessions.begin() as session:
            for post in posts:
                outbox.give_back(session, post.id)


class _Ready(Message):
    """A message whose bytes are composed already."""

    def __init__(self, post: Post, content: bytes) -> None:
        super().__init__(sender=mime.sendable(post.sender_address), recipients=[mime.sendable(post.address)])
        self._content = content

    def as_bytes(self) -> bytes:
        return self._content


class _Client(smtplib.SMTP):
    """smtplib's, which forgets what the server said last."""

    last = Reply(0, ("",))

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()
        self.last = _reply(code, text)
        return code, text


class _SslClient(_Client, smtplib.SMTP_SSL):
    """The same, encrypted from the first octet."""


class _Verified(Connection):
    """A connection with a time-out, a verified certificate, and no password in the clear."""

    def __init__(self, mail: Mail, tls: ssl.SSLContext | None, timeout: float) -> None:
        super().__init__(mail)
        self._tls = tls
        self._timeout = timeout

    @property
    def client(self) -> _Client:
        """smtplib's side of it."""
        if not isinstance(self.host, _Client):
            raise TransportDown("the connection is not open")
        return self.host

    def configure_host(self) -> _Client:
        server, port = self.mail.server, self.mail.port
        if self.mail.use_ssl:
            host: _Client = _SslClient(server, port, timeout=self._timeout, context=self._tls or trust.verified())
        else:
            host = _Client(server, port, timeout=self._timeout)
        try:
            self._introduce(host)
        except BaseException:
            host.close()
            raise
        return host

    def _introduce(self, host: _Client) -> None:
        if self.mail.use_tls and not self.mail.use_ssl:
            host.starttls(context=self._tls or trust.verified())
        if self.mail.username and self.mail.password and host.sock:
            encrypted = isinstance(host.sock, ssl.SSLSocket)
            trust.require_privacy(self.mail.server, host.sock.getpeername()[0], encrypted=encrypted)
            host.login(self.mail.username, self.mail.password)
        host.ehlo_or_helo_if_needed()


def _flask_settings(server: MailServer) -> dict[str, object]:
    return {
        "MAIL_SERVER": server.host,
        "MAIL_PORT": server.port,
        "MAIL_USE_TLS": server.use_tls,
        "MAIL_USE_SSL": server.use_ssl,
        "MAIL_USERNAME": server.username,
        "MAIL_PASSWORD": server.password and server.password.get_secret_value(),
    }


def _reply(code: int, text: bytes | str) -> Reply:
    return Reply(code, (legible(text if isinstance(text, bytes) else text.encode()),))


def _own(code: int, text: str) -> Reply:
    return Reply(code, (text,))


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
