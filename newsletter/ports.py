"""TCP ports of this machine: find a free one, or say that one is taken."""

import socket

from newsletter.errors import Refused


def free_port() -> int:
    """A port of the loopback address that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(host: str, port: int, setting: str) -> None:
    """Refused, naming the setting to change, when somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise Refused(f"port {port} is taken; set {setting} to a free one: `make run {setting}=…`") from None
