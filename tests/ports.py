"""Ports for servers that a test starts, and that no other program on the machine is given meanwhile."""

import itertools
import os
import socket

# Below those that the system hands out by itself; each worker of a run has a part, and begins anywhere in it.
_FIRST, _MANY, _PARTS = 20_000, 1_500, 8
_part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PARTS
_turns = itertools.count(os.getpid() * 61)


def free_port() -> int:
    """A port of the loopback address that nobody listens on, and that this process has not given away lately."""
    while True:
        port = _FIRST + _part * _MANY + next(_turns) % _MANY
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
