"""What a mail server must show before we trust it: a verified certificate, and no password in the clear."""

import smtplib
import ssl
from functools import cache

from newsletter.errors import TransportDown
from newsletter.system.ports import is_loopback


@cache
def verified_context() -> ssl.SSLContext:
    """A TLS context that verifies certificate and host name, 1.2 or newer; cached, because making one takes 20 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_failed(error: Exception) -> TransportDown:
    """The error for a connection that could not be secured, with the reason."""
    if isinstance(error, ssl.SSLEOFError | EOFError | ConnectionError | smtplib.SMTPServerDisconnected):
        return TransportDown("TLS failed: the server dropped the connection in mid-handshake")
    if isinstance(error, TimeoutError):
        return TransportDown("TLS failed: the server fell silent in mid-handshake")
    return TransportDown(f"TLS failed: {error or type(error).__name__}")


def require_privacy(host: str, peer: str, *, encrypted: bool) -> None:
    """Raise TransportDown, saying what to set, if a password would cross the network in the clear."""
    if not encrypted and not is_loopback(peer):
        raise TransportDown(f"the password for {host} is not sent without TLS; set MAIL_USE_TLS or MAIL_USE_SSL")
