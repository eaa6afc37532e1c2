"""The leash: what ties processes of ours together, so that they end in order and none outlives its holder.

A part's standard input is its leash. Nothing is ever written to it, and it ends when its holder does, even by kill -9.
What a terminal tells its whole process group reaches the holder alone, which then ends the parts one by one.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

# Seconds. Longer than any stop in good order takes.
_LONGEST_STOP = 20.0

_STDIN = 0
# What a terminal tells its whole process group at once: Ctrl-C, and that it was closed.
_TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)


def watch_stop_signals() -> list[int]:
    """Where TERM, Ctrl-C and the terminal's end are noted from now on, as they come."""
    asked: list[int] = []
    for number in (signal.SIGTERM, *_TERMINAL_SIGNALS):
        # `nohup` has HUP ignored, and means it.
        if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN):
            # No event is set here: its lock may be held by the very code that a signal interrupts.
            signal.signal(number, lambda number, _frame: asked.append(number))
    return asked


class Lifeline:
    """The holder's end: whatever is started on it ends with this process."""

    def __init__(self) -> None:
        self._end, self._held = os.pipe()  # what we hold closes when this process ends, however it does

    def start(
        self, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Run this module, which has to `follow`, as a part."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)  # which the part inherits
        try:
            return subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=self._end, env=environment)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_with_holder() -> None:
    """Have this process stop once the holder of its leash is gone. For a part's main thread, at its start."""
    threading.Thread(target=_leave_with_holder, args=[threading.get_ident()], daemon=True).start()


def _leave_with_holder(main_thread: int) -> None:
    while os.read(_STDIN, 1):
        pass
    signal.pthread_kill(main_thread, signal.SIGTERM)
    time.sleep(_LONGEST_STOP)
    os._exit(1)  # it hangs, and nobody is left who would end it
