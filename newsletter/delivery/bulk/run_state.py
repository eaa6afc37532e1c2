"""What the connections of one run share, and what they wait for."""

import asyncio
import contextlib
from asyncio import Event
from dataclasses import dataclass, field

from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.bulk.prefetch import PrefetchQueue

# Seconds between two checks for copies that fall due while other connections still work.
_CHECK_EVERY = 0.5


@dataclass(slots=True)
class RunState:
    """What the connections of one run share."""

    queue: PrefetchQueue
    writer: BatchWriter
    halt: Event
    connections: int
    """How many connections may work now: this worker's share of all."""
    over: Event = field(default_factory=Event)
    """Set when nothing is due, and no connection holds a copy that could come back."""
    is_silent: bool = False
    """Whether the server's silence has been logged; reset when it replies."""
    open: int = 0
    """How many connections are open, or about to be."""
    has_sent: bool = False
    """Whether the server has answered to a copy in this run."""
    busy: int = 0
    """How many connections hold a copy now."""
    let_gos: int = 0
    """How often a connection has let go of a copy."""
    idle: Event = field(default_factory=Event)
    """Set when no connection holds a copy."""

    def hold(self) -> None:
        """Mark that a connection holds a copy, which may come back to the queue, so that the others wait for it."""
        self.busy += 1
        self.idle.clear()

    def let_go(self) -> None:
        """Mark that it holds it no more."""
        self.busy -= 1
        self.let_gos += 1
        if not self.busy:
            self.idle.set()

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until the run is to halt."""
        await _wait(self.halt, seconds)

    async def wait_for_copies(self) -> None:
        """Wait for more copies to fall due, or until no connection holds one."""
        await _wait(self.idle, _CHECK_EVERY)

    async def stand_by(self) -> None:
        """Wait for the share of connections to change, or until the run is over."""
        await _wait(self.over, _CHECK_EVERY)


async def _wait(event: Event, seconds: float) -> None:
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
