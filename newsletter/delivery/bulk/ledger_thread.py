"""A thread for the writes that an event loop must not wait for."""

import asyncio
import contextlib
import threading
from asyncio import Future
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class LedgerThread:
    """Makes one call after the other.

    Leaner than an executor of one thread, because copies wait while a call goes there and its answer comes back.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        # A process that ends does not wait for a write that hangs.
        threading.Thread(target=self._work, name="ledger", daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns or raises; when cancelled, it is waited for all the same, for it cannot be stopped."""
        try:
            return await self._queue(call)
        except asyncio.CancelledError:
            await self._queue(lambda: None)
            raise

    def end(self) -> None:
        """End the thread once it has made all its calls."""
        self._calls.put(None)

    def _queue(self, call: Callable[[], T]) -> Future[T]:
        ended: Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((call, ended))
        return ended

    def _work(self) -> None:
        while queued := self._calls.get():
            call, ended = queued
            try:
                result, error = call(), None
            except BaseException as raised:
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
                ended.get_loop().call_soon_threadsafe(_answer, ended, result, error)


def _answer(ended: Future[Any], result: object, error: BaseException | None) -> None:
    if ended.done():
        return  # its wait was cancelled
    if error:
        ended.set_exception(error)
    else:
        ended.set_result(result)
