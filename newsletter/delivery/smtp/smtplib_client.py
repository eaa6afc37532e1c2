"""smtplib's client, which reads replies as issues do, keeps the last one, and can be interrupted from any thread."""

import smtplib
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from newsletter.characters import as_line
from newsletter.delivery.smtp import protocol, tls_trust
from newsletter.delivery.smtp.protocol import Extensions
from newsletter.delivery.smtp.replies import ProtocolError, Reply, ReplyReader, printable
from newsletter.errors import TransportDown
from newsletter.mail_settings import MailServer

# Seconds. A stop can interrupt all but the opening of a connection, and waits for no reply to QUIT.
_OPENING = 3.0
_QUIT = 1.0

_AT_ONCE = 4096
_TRANSACTION = frozenset({"MAIL", "RCPT", "DATA"})


class Interrupt:
    """Triggered from any thread, it ends the SMTP session that is going on, and every later one."""

    def __init__(self) -> None:
        self.client: SmtpClient | None = None
        self.is_triggered = False

    def trigger(self) -> None:
        self.is_triggered = True
        if self.client and (sock := self.client.sock):
            with suppress(OSError):
                # Not the TLS socket's own, which takes the cipher away under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class SmtpClient(smtplib.SMTP):
    """smtplib's client, which here reads strictly, and keeps the last reply and how far the session has come.

    smtplib itself takes what is no reply for a refusal, and a 2xx other than 250 for one too.
    """

    last = Reply(0, ("",))
    greeting = ""
    """The server's greeting."""
    step = ""
    """How far the transaction has come: MAIL, RCPT or DATA was written, or "." answered."""

    def __init__(self, interrupt: Interrupt, host: str, port: int, **options: Any) -> None:
        self._interrupt = interrupt
        interrupt.client = self
        self._reader, self._unread = ReplyReader(), deque[Reply]()
        super().__init__(host, port, **options)

    def getreply(self) -> tuple[int, bytes]:
        """The next reply; raises ProtocolError for what is none."""
        if self._interrupt.is_triggered:
            self.close()
            raise smtplib.SMTPServerDisconnected("the press was stopped")
        try:
            while not self._unread:
                self._unread += self._reader.feed(self._receive())
        except ProtocolError:
            self.close()
            raise
        self.last = self._unread.popleft()
        return self.last.code, "\n".join(self.last.lines).encode()

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        """As smtplib's; ProtocolError for words slipped in before the encryption (CVE-2011-0411)."""
        answer = super().docmd(cmd, args)
        if cmd == "STARTTLS" and (self._unread or not self._reader.idle):
            self.close()
            raise ProtocolError("the server went on talking after STARTTLS")
        return answer

    def connect(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        code, text = super().connect(*args, **options)
        self.greeting = printable(text)
        return code, text

    def log_in(self, username: str, password: str) -> None:
        """Log in as issues do, so that a server takes both or refuses both in the same words."""
        self.ehlo_or_helo_if_needed()
        lines = self.ehlo_resp.split(b"\n") if self.does_esmtp and self.ehlo_resp else []
        extensions = Extensions.parse(Reply(250, tuple(map(printable, lines))))
        dialogue = protocol.log_in(extensions, username, password)
        with suppress(StopIteration):
            ask = next(dialogue)
            while True:
                self.send(ask.data)
                self.getreply()
                ask = dialogue.send([self.last])

    def putcmd(self, cmd: str, args: str = "") -> None:
        if (verb := cmd.partition(" ")[0].upper()) in _TRANSACTION:
            self.step = verb
        super().putcmd(cmd, args)

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """As smtplib's; ProtocolError if a reply is unread, which would pass for the answer to another command."""
        if self._unread:
            self.step = "MAIL"
            self.close()
            raise ProtocolError("replies to what was never asked")
        return self._as_250(super().mail(sender, options))

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        return self._as_250(super().rcpt(recip, options))

    def data(self, msg: Any) -> tuple[int, bytes]:
        answer = super().data(msg)
        self.step = "."
        return self._as_250(answer)

    def rset(self) -> tuple[int, bytes]:
        """As smtplib's; closes the connection if it is refused, or the next letter's MAIL would be refused for that."""
        answer = super().rset()
        if not self.last.positive:
            self.close()
        return answer

    def quit_and_close(self) -> None:
        """Send QUIT, and close the connection whatever the reply."""
        with suppress(smtplib.SMTPException, ProtocolError, OSError):
            if self.sock:
                self.sock.settimeout(_QUIT)
            self.quit()
        self.close()

    def _as_250(self, answer: tuple[int, bytes]) -> tuple[int, bytes]:
        return (250, answer[1]) if self.last.positive else answer

    def _receive(self) -> bytes:
        try:
            data: bytes = self.sock.recv(_AT_ONCE) if self.sock else b""
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"Connection unexpectedly closed: {error}") from error
        if not data:
            self.close()
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return data

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        sock = super()._get_socket(host, port, min(timeout, _OPENING))  # type: ignore[misc]
        sock.settimeout(timeout)
        return sock


class _SmtpsClient(SmtpClient, smtplib.SMTP_SSL):
    """The client over a connection that is encrypted from the first octet."""

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        try:
            return super()._get_socket(host, port, timeout)
        except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError) as error:
            raise tls_trust.tls_failed(error) from error


def open_session(
    server: MailServer, interrupt: Interrupt, timeout: float, tls: ssl.SSLContext | None = None
) -> SmtpClient:
    """A client that is connected, secured and logged in as the settings say; raises TransportDown if that fails."""
    context = tls or tls_trust.verified_context()
    options: dict[str, Any] = {"timeout": timeout, "local_hostname": server.own_name}
    try:
        if server.use_ssl:
            client: SmtpClient = _SmtpsClient(interrupt, server.host, server.port, context=context, **options)
        else:
            client = SmtpClient(interrupt, server.host, server.port, **options)
        try:
            _introduce(client, server, context)
        except BaseException:
            client.close()
            raise
    except UnicodeError as error:
        # The error's own words may quote the password.
        raise TransportDown("the mail server's name, user name or password cannot be written as text") from error
    except (smtplib.SMTPException, OSError) as error:
        raise TransportDown(error_text(error)) from error
    return client


def reply_from_error(error: Exception) -> Reply:
    """The reply inside an error of a session; a silence, and what is no reply or out of turn, counts as a 421."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        [(code, text)] = error.recipients.values()
        return _in_turn(code, text)
    if isinstance(error, smtplib.SMTPResponseException):
        return _in_turn(error.smtp_code, error.smtp_error)
    if isinstance(error, ProtocolError):
        return local_reply(421, f"4.5.0 {error}")
    return local_reply(421, f"4.4.2 {error_text(error)}")


class LocalReply(Reply):
    """A reply that we make where the server gave none."""


def local_reply(code: int, text: str) -> LocalReply:
    """A reply of one line that the server did not give."""
    return LocalReply(code, (text,))


def error_text(error: Exception) -> str:
    """An error's message, a server's reply as it was said, or the error's class if it has none."""
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        words = as_line(reply.decode(errors="replace") if isinstance(reply, bytes) else reply)
        return f"{error.smtp_code} {words}"
    return str(error) or type(error).__name__


def _introduce(client: SmtpClient, server: MailServer, tls: ssl.SSLContext) -> None:
    if server.use_tls and not server.use_ssl:
        _secure(client, tls)
    if server.username and server.password and client.sock:
        encrypted = isinstance(client.sock, ssl.SSLSocket)
        tls_trust.require_privacy(server.host, client.sock.getpeername()[0], encrypted=encrypted)
        client.log_in(server.username, server.password.get_secret_value())
    client.ehlo_or_helo_if_needed()


def _secure(client: SmtpClient, tls: ssl.SSLContext) -> None:
    try:
        client.starttls(context=tls)
    except (smtplib.SMTPResponseException, smtplib.SMTPNotSupportedError):
        raise
    except OSError as error:
        raise tls_trust.tls_failed(error) from error


def _in_turn(code: int, text: bytes | str) -> Reply:
    # No refusal is below 400, and a yes to the wrong question must not pass for "taken".
    reply = _reply(code, text)
    return reply if code >= 400 else local_reply(421, f"4.5.0 out of turn: {reply}")


def _reply(code: int, text: bytes | str) -> Reply:
    return Reply(code, (printable(text if isinstance(text, bytes) else text.encode()),))
