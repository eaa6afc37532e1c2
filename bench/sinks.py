"""Servers that take mail and throw it away: Postfix's own, and one that is far away."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from newsletter.system.ports import free_port

NEEDED = ("smtp-sink", "smtp-source")
"""Both come with Debian's package postfix."""
_SOURCE_HEAD = 112
"""Octets: about as large as the header that smtp-source adds to the length it is told."""


class Missing(Exception):
    """This machine has not all that a benchmark needs; says what."""


@contextmanager
def near() -> Iterator[int]:
    """The port of smtp-sink, written in C; Missing where Postfix is not installed."""
    if absent := [name for name in NEEDED if not _path(name)]:
        raise Missing(f"{absent[0]} is missing (Debian: postfix)")
    port = free_port()
    with _running([_path("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "1000"], port):
        yield port


@contextmanager
def far(round_trip: float) -> Iterator[int]:
    """The port of a server that answers so many seconds late, whatever it is told."""
    port = free_port()
    with _running([sys.executable, "-m", "bench.sinks", str(port), str(round_trip)], port):
        yield port


def source_seconds(port: int, copies: int, connections: int, octets: int) -> float:
    """What smtp-source takes: Postfix's generator, with kept connections, no ledger, and one text for all."""
    length = str(octets - _SOURCE_HEAD)
    command = [_path("smtp-source"), "-d", "-s", str(connections), "-m", str(copies), "-l", length]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True)
    return time.perf_counter() - began


class _Late(asyncio.Protocol):
    """Takes all, and says so a while later."""

    def __init__(self, round_trip: float) -> None:
        self._late = round_trip
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._reading = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._say(b"220 far ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        answers = b""
        while step := self._step():
            answers += step
        if answers:
            self._say(answers)

    def _step(self) -> bytes:
        if self._reading:
            end = self._rest.find(b"\r\n.\r\n")
            if end < 0:
                self._rest = self._rest[-4:]
                return b""
            self._rest, self._reading = self._rest[end + 5 :], False
            return b"250 2.0.0 Ok\r\n"
        line, end_of_line, rest = self._rest.partition(b"\r\n")
        if not end_of_line:
            return b""
        self._rest = rest
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-far\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        self._reading = verb == b"DATA"
        return b"354 Go on\r\n" if self._reading else b"250 2.1.0 Ok\r\n"

    def _say(self, words: bytes) -> None:
        self._loop.call_later(self._late, self._transport.write, words)


async def _serve(port: int, round_trip: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Late(round_trip), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(port)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_until_open(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the sink did not start")


def _path(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin") or ""


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
