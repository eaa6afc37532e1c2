"""A line: one SMTP connection of the press run, and the copies that go over it one after another."""

import asyncio
import contextlib
import random
import ssl
from asyncio import Event, Future
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog

from newsletter.config import MailServer
from newsletter.delivery import compose, outcomes, retry
from newsletter.delivery.ledger import Claimed
from newsletter.delivery.outcomes import Outcome
from newsletter.delivery.replies import ProtocolError, Reply
from newsletter.delivery.retry import Verdict
from newsletter.delivery.scribe import Scribe
from newsletter.delivery.smtp import Envelope, HungUp, Stuffed
from newsletter.delivery.throttle import Throttle
from newsletter.delivery.tray import Templates, Tray
from newsletter.delivery.wire import Wire
from newsletter.errors import Invalid, TransportDown

# Seconds between two looks for copies that fall due while other lines still work.
_LOOK = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """How this press sends: the same for all its lines and runs."""

    server: MailServer
    tls: ssl.SSLContext | None
    patience: float
    return_path_domain: str | None
    in_doubt: Literal["resend", "hold"]
    clock: Callable[[], datetime]
    templates: Templates
    throttle: Throttle
    hang_ups: Counter[int] = field(default_factory=Counter)
    """How often a server hung up on a copy, by its id."""


@dataclass(slots=True)
class Floor:
    """What the lines of one run share."""

    tray: Tray
    scribe: Scribe
    halt: Event
    busy: int = 0
    """Lines that hold a copy now."""
    quiet: Event = field(default_factory=Event)
    """Set when the last of them has settled its copy."""

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """While a line holds a copy, it may come back to the tray, so the others stay."""
        self.busy += 1
        self.quiet.clear()
        try:
            yield
        finally:
            self.busy -= 1
            if not self.busy:
                self.quiet.set()

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the run is to halt."""
        await _wait(self.halt, seconds)

    async def look_again(self) -> None:
        """Wait for more copies to fall due, but no longer than until nobody holds one."""
        await _wait(self.quiet, _LOOK)


class Line:
    """Carries copy after copy, and settles each, whatever happens to it."""

    def __init__(self, way: Way, floor: Floor) -> None:
        self._way = way
        self._floor = floor
        self._wire: Wire | None = None
        self._failures = 0

    async def run(self) -> None:
        """Carry copies until none is due and no other line holds one, or the run is to halt."""
        try:
            while not self._floor.halt.is_set():
                await self._floor.pause(self._way.throttle.reserve())
                if copy := await self._next():
                    with self._floor.holding():
                        await self._carry(copy)
                elif self._floor.busy:
                    await self._floor.look_again()
                else:
                    return
        finally:
            await self._hang_up()

    async def _next(self) -> Claimed | None:
        return None if self._floor.halt.is_set() else await self._floor.tray.take()

    async def _carry(self, copy: Claimed) -> None:
        try:
            self._settle(await self._attempt(copy))
            self._failures = 0
        except TransportDown as error:
            self._settle(self._after_trouble(copy, str(error), blame=isinstance(error, HungUp | ProtocolError)))
            await self._sit_out(error)
        except asyncio.CancelledError:
            self._settle(self._after_trouble(copy, "the press was stopped", blame=False))
            raise
        except Exception as error:
            log.exception("copy failed", copy=copy.id, letter=copy.letter_id)
            self._settle(outcomes.faulty(copy.id, error))

    async def _attempt(self, copy: Claimed) -> Outcome:
        """Send one copy; TransportDown, and no outcome, when that says nothing about the copy."""
        template = self._way.templates.of(copy.letter_id)
        try:
            content = template.message(copy, self._way.clock())
            envelope = compose.envelope(template, copy, self._way.return_path_domain, len(content))
        except Invalid as error:
            return outcomes.refused_here(copy.id, "5.1.3", str(error))
        wire = await self._connected()
        if envelope.international and "SMTPUTF8" not in wire.extensions:
            return outcomes.refused_here(copy.id, "5.6.7", "the address needs SMTPUTF8, which the server has not")
        begun = self._floor.scribe.begin(copy.id)
        try:
            return await self._transact(wire, copy, envelope, content, begun)
        except HungUp:
            if wire.awaiting_verdict or not wire.served:
                raise
        # A server may close after so many messages; that is no outage, and no copy's fault.
        return await self._transact(await self._connected(), copy, envelope, content, begun)

    async def _transact(
        self, wire: Wire, copy: Claimed, envelope: Envelope, content: Stuffed, begun: Future[bool]
    ) -> Outcome:
        reply = await wire.offer(envelope)
        if reply.code != 354:
            return self._judged(copy, reply)
        if not await begun:
            wire.drop()
            await self._floor.tray.sweep()
            return outcomes.given_back(copy.id)
        return self._judged(copy, await wire.deliver(content), charged=True)

    def _judged(self, copy: Claimed, reply: Reply, *, charged: bool = False) -> Outcome:
        verdict = retry.classify(reply)
        if verdict is Verdict.SERVER and not charged:
            self._drop()
            raise TransportDown(f"the server answers {reply}")
        if verdict is Verdict.TAKEN:
            return outcomes.sent(copy.id, reply)
        if verdict is Verdict.NEVER:
            log.info("copy refused", copy=copy.id, letter=copy.letter_id, code=reply.code, status=reply.status)
            return outcomes.refused(copy.id, reply)
        return self._put_off(copy, reply)

    def _put_off(self, copy: Claimed, reply: Reply) -> Outcome:
        wait = retry.COPIES.after(copy.attempts + 1, random.random())  # noqa: S311  (spreads load, keeps no secret)
        if wait is None:
            log.info("copy given up", copy=copy.id, letter=copy.letter_id, code=reply.code, status=reply.status)
            return outcomes.gave_up(copy.id, reply)
        return outcomes.put_off(copy.id, reply, self._way.clock() + wait)

    def _after_trouble(self, copy: Claimed, why: str, *, blame: bool) -> Outcome:
        """What a try that got no answer means for its copy."""
        if self._wire and self._wire.awaiting_verdict:
            return self._doubted(copy, why)
        if not (blame and self._hung_up_before(copy)):
            return outcomes.given_back(copy.id)
        return self._tried_in_vain(copy, why)

    def _doubted(self, copy: Claimed, why: str) -> Outcome:
        log.warning("copy in doubt", copy=copy.id, letter=copy.letter_id, policy=self._way.in_doubt, why=why)
        if self._way.in_doubt == "hold" or self._hung_up_before(copy):
            return outcomes.in_doubt(copy.id, f"in doubt: {why} after the final dot")
        return self._tried_in_vain(copy, f"in doubt: {why} after the final dot")

    def _hung_up_before(self, copy: Claimed) -> bool:
        # The first time it may be the server that fell over; the second time it is this copy that fells it.
        self._way.hang_ups[copy.id] += 1
        return self._way.hang_ups[copy.id] > 1

    def _tried_in_vain(self, copy: Claimed, why: str) -> Outcome:
        wait = retry.COPIES.after(copy.attempts + 1, random.random())  # noqa: S311
        if wait is None:
            return outcomes.unheard(copy.id, why)
        return outcomes.unanswered(copy.id, why, self._way.clock() + wait)

    def _settle(self, outcome: Outcome) -> None:
        self._floor.scribe.record(outcome)

    async def _connected(self) -> Wire:
        if self._wire is None or not self._wire.usable:
            self._drop()
            self._wire = await Wire.open(self._way.server, self._way.tls, self._way.patience)
        return self._wire

    async def _sit_out(self, error: TransportDown) -> None:
        """Wait before the server is troubled again, longer each time in a row."""
        self._drop()
        self._failures += 1
        if self._failures == 1:
            log.warning("the mail server cannot be used; trying again", reason=str(error))
        wait = retry.outage(self._failures, random.random())  # noqa: S311
        await self._floor.pause(wait * self._way.patience)

    async def _hang_up(self) -> None:
        if self._wire:
            await self._wire.close()

    def _drop(self) -> None:
        if self._wire:
            self._wire.drop()
        self._wire = None


async def _wait(event: Event, seconds: float) -> None:
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
