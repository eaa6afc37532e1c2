"""The connection for single letters, by Flask-Mail, whose gaps it closes.

Flask-Mail 0.10 opens SMTP without a time-out, does not verify certificates, and builds messages with
lines that are too long. So the connection is opened here, and the bytes are `compose`'s. The Flask
application is only what Flask-Mail keeps its settings in; nothing else sees it.
"""

import smtplib
import ssl
from functools import lru_cache

from flask import Flask
from flask_mail import Connection, Mail, Message

from newsletter.delivery.smtp import protocol, smtplib_client
from newsletter.delivery.smtp.protocol import Envelope
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.smtplib_client import Interrupt, SmtpClient
from newsletter.errors import TransportDown
from newsletter.mail_settings import MailServer


class MailConnection(Connection):
    """A connection with a time-out, a verified certificate, and no password in the clear."""

    def __init__(self, server: MailServer) -> None:
        self._app = _application(server)
        super().__init__(Mail(self._app))
        self._server = server

    @property
    def client(self) -> SmtpClient:
        """The smtplib client below Flask-Mail's connection."""
        if not isinstance(self.host, SmtpClient):
            raise TransportDown("the connection is not open")
        return self.host

    def open(self, interrupt: Interrupt, timeout: float, tls: ssl.SSLContext | None) -> None:
        """Connect, secure and log in; raises TransportDown if that fails."""
        self.host = smtplib_client.open_session(self._server, interrupt, timeout, tls)

    def hand_over(self, envelope: Envelope, content: bytes) -> Reply:
        """Send one letter; returns the server's positive reply, else raises smtplib's error."""
        try:
            return self._send(envelope, content)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused) as error:
            is_of_parameters = protocol.refuses_parameters(smtplib_client.reply_from_error(error))
            # A proxy may offer reports that the server behind it does not know: then none is asked for.
            if not (envelope.id and is_of_parameters and self.client.esmtp_features.pop("dsn", None) is not None):
                raise
        return self._send(envelope, content)

    def _send(self, envelope: Envelope, content: bytes) -> Reply:
        of_mail, of_rcpt = protocol.dsn_parameters(envelope) if self.client.has_extn("DSN") else ([], [])
        if not envelope.international:
            with self._app.app_context():
                self.send(_Ready(envelope, content, of_mail, of_rcpt), envelope_from=envelope.sender)
        elif self.client.has_extn("SMTPUTF8"):
            # Flask-Mail would turn the address into an encoded word, which changes it.
            options = ["SMTPUTF8", "BODY=8BITMIME", *of_mail]
            self.client.sendmail(envelope.sender, [envelope.recipient], content, options, of_rcpt)
        else:
            return smtplib_client.local_reply(553, "5.6.7 the address needs SMTPUTF8, which the server has not")
        return self.client.last


class _Ready(Message):
    """A Flask-Mail message whose bytes are composed already."""

    def __init__(self, envelope: Envelope, content: bytes, of_mail: list[str], of_rcpt: list[str]) -> None:
        super().__init__(
            sender=envelope.sender,
            recipients=[envelope.recipient],
            mail_options=of_mail,
            rcpt_options=of_rcpt,
        )
        self._content = content

    def as_bytes(self) -> bytes:
        return self._content


@lru_cache(maxsize=1)
def _application(server: MailServer) -> Flask:
    app = Flask(__name__)
    app.config.update(
        MAIL_SERVER=server.host,
        MAIL_PORT=server.port,
        MAIL_USE_TLS=server.use_tls,
        MAIL_USE_SSL=server.use_ssl,
        MAIL_USERNAME=server.username,
        MAIL_PASSWORD=server.password and server.password.get_secret_value(),
    )
    return app
