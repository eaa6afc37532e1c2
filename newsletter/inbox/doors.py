"""The ports of the inbox: bound before anything starts, and on this machine only unless told."""

import errno
import ipaddress
import socket

from newsletter.errors import Refused


def listen(host: str, port: int, setting: str, *, beyond_loopback: bool = False) -> socket.socket:
    """A listening socket; port 0 lets the system choose. `setting` is named when the port is taken."""
    if not (beyond_loopback or is_loopback(host)):
        raise Refused(f"the inbox shows every mail to whoever asks, so it does not listen on {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise _refusal(error, host, port, setting) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(error: OSError, host: str, port: int, setting: str) -> Refused:
    if error.errno == errno.EADDRINUSE:
        return Refused(f"port {port} is taken; set {setting} to a free one")
    return Refused(f"cannot listen on {host} port {port} ({error.strerror}); set {setting} to another")
