"""Ports for servers that a test starts, and that no other program on the machine is given meanwhile."""

import itertools
import os
import socket

# Below those that the system hands out by itself; each process of ours begins somewhere else.
_FIRST, _MANY = 20_000, 12_000
_turns = itertools.count(os.getpid() * 61)


def free_port() -> int:
    """A port of the loopback address that nobody listens on, and that this process has not given away lately."""
    while True:
        port = _FIRST + next(_turns) % _MANY
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
