"""The lifeline: a pipe by which child processes end when their parent does, for whatever reason.

It is a child's standard input, and is closed when the parent ends, even by kill -9. What comes through it before that
is for the child to read before it calls a function of this module.
Signals that a terminal sends to the whole process group reach only the parent, which then ends the children in order.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping

# Seconds. Longer than any orderly stop takes.
_LONGEST_STOP = 20.0

_STDIN = 0
# The signals that a terminal sends to its whole process group: Ctrl-C, and that it was closed.
_TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)
STOP_SIGNALS = (signal.SIGTERM, *_TERMINAL_SIGNALS)
"""Those that ask a process to stop."""


def watch_stop_signals() -> list[int]:
    """From now on, collect SIGTERM, Ctrl-C and the terminal's hang-up in the list that is returned."""
    asked: list[int] = []
    for number in STOP_SIGNALS:
        # `nohup` sets HUP to be ignored, which is respected.
        if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN):
            # No event is set here: the signal may have interrupted the very code that holds its lock.
            signal.signal(number, lambda number, _frame: asked.append(number))
    return asked


class Lifeline:
    """The parent's end: every process started with it ends with this process."""

    def __init__(self) -> None:
        self._end, self._held = os.pipe()  # our end of the pipe closes when this process ends, for whatever reason

    def start(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        inherited: Collection[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Run a module, which has to call `stop_with_holder`, as a child process."""
        return start_module(module, *arguments, stdin=self._end, environment=environment, inherited=inherited)


def start_module(
    module: str,
    *arguments: str,
    stdin: int,
    stdout: int | None = None,
    environment: Mapping[str, str] | None = None,
    inherited: Collection[int] = (),
    blocked: Collection[int] = _TERMINAL_SIGNALS,
) -> subprocess.Popen[bytes]:
    """Run a module, which has to call `stop_with_holder` or `end_with_holder`, as a child whose lifeline is `stdin`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)  # the child process inherits it
    try:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, stdin=stdin, stdout=stdout, env=environment, pass_fds=inherited)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_with_holder() -> None:
    """Stop this process once its parent is gone. To be called first, in a child's main thread."""
    threading.Thread(target=_leave_with_holder, args=[threading.get_ident()], daemon=True).start()


def _leave_with_holder(main_thread: int) -> None:
    _wait_for_its_end()
    signal.pthread_kill(main_thread, signal.SIGTERM)
    time.sleep(_LONGEST_STOP)
    os._exit(1)  # it hangs, and nothing else would end it


def end_with_holder() -> None:
    """End this process at once when its parent is gone, for one that has nothing to put in order."""
    threading.Thread(target=_end_with_holder, daemon=True).start()


def _end_with_holder() -> None:
    _wait_for_its_end()
    os._exit(1)


def _wait_for_its_end() -> None:
    while os.read(_STDIN, 1):
        pass
