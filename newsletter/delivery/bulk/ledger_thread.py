"""A thread for the writes that an event loop must not wait for."""

import asyncio
import contextlib
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from queue import SimpleQueue


class LedgerThread:
    """Makes one call after the other.

    Leaner than an executor of one thread, because copies wait while a call goes there and its answer comes back.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], None], AbstractEventLoop, Callable[[], None]] | None]
        self._calls = SimpleQueue()
        # A process that ends does not wait for a write that hangs.
        threading.Thread(target=self._work, name="ledger", daemon=True).start()

    def start(self, call: Callable[[], None], ended: Callable[[], None]) -> None:
        """Have the thread make this call, which raises nothing; the running loop then calls `ended`."""
        self._calls.put((call, asyncio.get_running_loop(), ended))

    async def end(self) -> None:
        """End the thread once it has made all its calls, and wait for that."""
        ended = asyncio.Event()
        self.start(lambda: None, ended.set)
        self._calls.put(None)
        await ended.wait()

    def _work(self) -> None:
        while queued := self._calls.get():
            call, loop, ended = queued
            call()
            with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
                loop.call_soon_threadsafe(ended)
