"""Listening sockets, bound before anything starts, and only to the loopback interface unless told otherwise."""

import socket

from newsletter.errors import Refused
from newsletter.system import ports


def listen(host: str, port: int, setting: str, *, beyond_loopback: bool = False) -> socket.socket:
    """A listening socket; port 0 lets the system choose. `setting` is named in the error if the port is taken."""
    if not (beyond_loopback or ports.is_loopback(host)):
        raise Refused(f"the inbox shows every email to whoever asks, so it does not listen on {host}")
    return ports.listen(host, port, setting)
