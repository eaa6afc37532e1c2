"""TCP ports of this machine: find a free one, check that one is free, and check whether a server responds."""

import errno
import ipaddress
import socket
import urllib.request

from newsletter.errors import Refused


def free_port() -> int:
    """A port of the loopback address that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Refused, naming the setting, if the port is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise refusal(error, host, port, setting) from error


def require_free(host: str, port: int, setting: str) -> None:
    """Refused, naming the setting to change, if the port is not available."""
    listen(host, port, setting).close()


def refusal(error: OSError, host: str, port: int, setting: str) -> Refused:
    """The error for a port that is not available."""
    if error.errno == errno.EADDRINUSE:
        return Refused(f"port {port} is taken; set {setting} to a free one")
    return Refused(f"cannot listen on {host} port {port} ({error.strerror}); set {setting} to another")


def host_and_port(text: str) -> tuple[str, int]:
    """The two halves of `127.0.0.1:8024` or `[::1]:8024`; ValueError if it is neither."""
    host, separator, port = text.rpartition(":")
    if not (separator and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(text)
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by a name or an address that no other machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def responds(url: str) -> bool:
    """Whether a web server of ours answers there with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  (our own address)
            return bool(response.status == 200)
    except OSError:
        return False
