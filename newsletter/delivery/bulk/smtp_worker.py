"""A line: one SMTP connection of the press run, and the copies that go over it one after another."""

import asyncio
import contextlib
import random
import ssl
from asyncio import Event
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, cast

import structlog

from newsletter.delivery import breaker
from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.bulk.prefetch import PrefetchQueue, QueuedCopy
from newsletter.delivery.ledger import ClaimedCopy, outcomes
from newsletter.delivery.ledger.outcomes import Outcome
from newsletter.delivery.message import compose, mime
from newsletter.delivery.message.compose import MessageTemplate
from newsletter.delivery.rate_limit.claim_limiter import ClaimLimiter
from newsletter.delivery.rate_limit.limits import SERVER
from newsletter.delivery.rate_limit.spacing import Spacing
from newsletter.delivery.smtp import refusals, retry
from newsletter.delivery.smtp.connection import SmtpConnection
from newsletter.delivery.smtp.outage import ServerStatus
from newsletter.delivery.smtp.protocol import ConnectionLost, Envelope, RateLimited, SenderRefused, Stuffed
from newsletter.delivery.smtp.replies import ProtocolError, Reply
from newsletter.delivery.smtp.retry import ReplyKind
from newsletter.errors import TransportDown
from newsletter.mail_settings import MailServer

# Seconds between two looks for copies that fall due while other lines still work.
_LOOK = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SendConfig:
    """How this press sends: the same for all its lines and runs."""

    server: MailServer
    tls: ssl.SSLContext | None
    patience: float
    return_path_domain: str | None
    in_doubt: Literal["resend", "hold"]
    clock: Callable[[], datetime]
    throttle: Spacing
    pacer: ClaimLimiter
    presence: ServerStatus
    hang_ups: Counter[int] = field(default_factory=Counter)
    """How often a server hung up on a copy, by its id."""
    sender_refusals: Counter[int] = field(default_factory=Counter)
    """How often a server refused the sender when a copy was offered, by its id."""
    slowed: set[int] = field(default_factory=set)
    """The copies to which a server has answered that it wants less."""


@dataclass(slots=True)
class RunState:
    """What the lines of one run share."""

    tray: PrefetchQueue
    scribe: BatchWriter
    halt: Event
    lines: int
    """How many lines may work now: this worker's share of the connections."""
    over: Event = field(default_factory=Event)
    """Set when nothing is due, and no line holds a copy that could come back."""
    is_silent: bool = False
    """Whether it was told that the server says nothing; until it says something."""
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


@dataclass(slots=True)
class OutgoingCopy:
    """A copy, the envelope that it goes in, and its message once that is composed."""

    copy: ClaimedCopy
    template: MessageTemplate
    envelope: Envelope
    content: Stuffed | None = None


class SmtpWorker:
    """Carries copy after copy, and settles each, whatever happens to it."""

    def __init__(self, way: SendConfig, floor: RunState, number: int) -> None:
        self._way = way
        self._floor = floor
        self._number = number
        self._wire: SmtpConnection | None = None
        self._failures = 0
        self._following: OutgoingCopy | None = None
        """The sheet whose envelope may ride behind the message that is being sent."""

    async def run(self) -> None:
        """Carry copies until none is due and no other line holds one, or the run is to halt."""
        try:
            while not (self._floor.halt.is_set() or self._floor.over.is_set()):
                if self._number >= self._floor.lines:
                    await self._stand_by()
                elif sheet := await self._next():
                    with self._floor.holding():
                        await self._carry(sheet)
                elif self._floor.busy:
                    await self._floor.look_again()
                else:
                    self._floor.over.set()
        except asyncio.CancelledError:
            self._drop()  # there is no time to take leave
            raise
        finally:
            self._give_back_following()
            await self._hang_up()

    async def _stand_by(self) -> None:
        # This line's place is another worker's now; it may come back.
        self._give_back_following()
        await self._hang_up()
        self._wire = None
        await _wait(self._floor.over, _LOOK)

    async def _next(self) -> OutgoingCopy | None:
        """The next sheet to send; None when no copy is due now, or none may be sent any more."""
        if sheet := self._following:
            self._following = None
            return sheet
        await self._floor.pause(self._way.throttle.reserve())
        while not self._floor.halt.is_set() and (laid := await self._floor.tray.take()):
            if (sheet := self._addressed(laid)) and self._compose(sheet):
                return sheet
        return None

    def _look_ahead(self) -> Envelope | None:
        """Have the sheet after this one at hand, if that takes no waiting; its envelope."""
        while not self._floor.halt.is_set() and self._way.throttle.open and (laid := self._floor.tray.at_hand()):
            self._way.throttle.reserve()
            if sheet := self._addressed(laid):
                self._following = sheet
                return sheet.envelope
        return None

    def _compose_following(self) -> None:
        # While the server reads the message before it, which is when there is time.
        if self._following and not self._compose(self._following):
            self._following = None

    def _addressed(self, laid: QueuedCopy) -> OutgoingCopy | None:
        """The copy with its envelope; None, and the copy settled, if it cannot go anywhere."""
        copy = laid.copy
        if self._way.pacer.breaker.holds(copy):
            self._settle(outcomes.released(copy))
            return None
        try:
            template = laid.require_template()
            return OutgoingCopy(copy, template, compose.envelope(template, copy, self._way.return_path_domain))
        except mime.NoAddress as error:
            self._settle(outcomes.undeliverable(copy, "5.1.3", str(error)))
        except Exception as error:
            self._fail(copy, error)
        return None

    def _compose(self, sheet: OutgoingCopy) -> bool:
        """Give the sheet its message; False, and the copy settled, if there is none to be made."""
        try:
            sheet.content = sheet.template.message(sheet.copy, self._way.clock())
        except Exception as error:
            self._fail(sheet.copy, error)
        return sheet.content is not None

    def _fail(self, copy: ClaimedCopy, error: Exception) -> None:
        log.error("copy failed", copy=copy.id, letter=copy.letter_id, exc_info=error)
        self._settle(outcomes.not_composed(copy, error))

    async def _carry(self, sheet: OutgoingCopy) -> None:
        copy = sheet.copy
        try:
            self._settle(await self._attempt(sheet))
            self._failures, self._floor.is_silent = 0, False
            self._way.presence.met()
        except RateLimited:
            self._drop()
            self._settle(outcomes.released(copy))
            await self._floor.tray.slow_down(SERVER)
        except SenderRefused as error:
            log.warning("the server refuses the sender", copy=copy.id, letter=copy.letter_id, reason=str(error))
            self._drop()
            self._settle(self._without_sender(copy, error.reply))
        except TransportDown as error:
            self._settle(self._after_trouble(copy, str(error), blame=isinstance(error, ConnectionLost | ProtocolError)))
            await self._sit_out(error)
        except asyncio.CancelledError:
            self._settle(self._after_trouble(copy, "the press was stopped", blame=False))
            raise
        except Exception as error:
            log.exception("copy not sent", copy=copy.id, letter=copy.letter_id)
            awaiting = self._wire and self._wire.awaiting_verdict
            why = f"a fault of ours ({type(error).__name__})"
            self._settle(self._doubted(copy, why) if awaiting else self._tried_in_vain(copy, why))
            self._drop()

    async def _attempt(self, sheet: OutgoingCopy) -> Outcome:
        """Send one copy; TransportDown, and no outcome, when that says nothing about the copy."""
        wire = await self._connected(sheet.envelope)
        if sheet.envelope.international and "SMTPUTF8" not in wire.extensions:
            why = "the address needs SMTPUTF8, which the server has not"
            return outcomes.undeliverable(sheet.copy, "5.6.7", why)
        try:
            return await self._transact(wire, sheet)
        except ConnectionLost:
            if wire.awaiting_verdict or not wire.served:
                raise
        # A server may close after so many messages; that is no outage, and no copy's fault.
        return await self._transact(await self._connected(sheet.envelope), sheet)

    async def _transact(self, wire: SmtpConnection, sheet: OutgoingCopy) -> Outcome:
        reply = await wire.offer(sheet.envelope)
        if reply.code != 354:
            return await self._judged(sheet.copy, reply)
        # Only now, for a reader who leaves before this moment is to get nothing.
        if not await self._floor.scribe.begin(sheet.copy):
            wire.drop()
            await self._floor.tray.sweep()
            return outcomes.released(sheet.copy)
        content = cast("Stuffed", sheet.content)
        reply = await wire.deliver(content, self._look_ahead(), self._compose_following)
        return await self._judged(sheet.copy, reply, charged=True)

    async def _judged(self, copy: ClaimedCopy, reply: Reply, *, charged: bool = False) -> Outcome:
        if retry.is_rate_limited(reply) and copy.id not in self._way.slowed:
            # Once it is about our rate; said to the same copy again, it is about this reader.
            self._way.slowed.add(copy.id)
            if reply.code == 421:
                self._drop()
            await self._floor.tray.slow_down(self._way.pacer.lane(copy) if retry.limits_one_group(reply) else SERVER)
            return outcomes.released(copy)
        verdict = retry.classify(reply)
        if verdict is ReplyKind.SERVER and not charged:
            if reply.code >= 500:
                raise SenderRefused(reply)
            self._drop()
            # It took the sender, so what it says now may be about this reader, and is as good as hanging up.
            raise ConnectionLost(f"the server answers {reply}")
        if verdict is ReplyKind.TAKEN:
            return outcomes.sent(copy, reply)
        if verdict is ReplyKind.NEVER:
            log.info("copy refused", copy=copy.id, letter=copy.letter_id, code=reply.code, status=reply.status)
            return outcomes.refused(copy, reply, about_us=refusals.is_our_fault(reply, after_data=charged))
        return self._put_off(copy, reply)

    def _put_off(self, copy: ClaimedCopy, reply: Reply) -> Outcome:
        again = self._again(copy)
        if again is None:
            log.info("copy given up", copy=copy.id, letter=copy.letter_id, code=reply.code, status=reply.status)
            return outcomes.gave_up(copy, reply)
        return outcomes.deferred(copy, reply, again, about_us=refusals.is_our_fault(reply))

    def _without_sender(self, copy: ClaimedCopy, reply: Reply) -> Outcome:
        """What it means for a copy that the server would not hear of its sender."""
        self._way.sender_refusals[copy.id] += 1
        if self._way.sender_refusals[copy.id] <= breaker.STRIKES:
            return outcomes.sender_refused(copy, reply)
        # Others go out meanwhile, or the breaker would have paused the letter: then it may be this copy after all.
        return self._put_off(copy, reply)._replace(about_us=True)

    def _after_trouble(self, copy: ClaimedCopy, why: str, *, blame: bool) -> Outcome:
        """What a try that got no answer means for its copy."""
        if self._wire and self._wire.awaiting_verdict:
            return self._doubted(copy, why)
        if not (blame and self._hung_up_before(copy)):
            return outcomes.released(copy)
        return self._tried_in_vain(copy, why)

    def _doubted(self, copy: ClaimedCopy, why: str) -> Outcome:
        log.warning("copy in doubt", copy=copy.id, letter=copy.letter_id, policy=self._way.in_doubt, why=why)
        told = f"in doubt: {why} after the final dot"
        again = None if self._way.in_doubt == "hold" or self._hung_up_before(copy) else self._again(copy)
        return outcomes.in_doubt(copy, told) if again is None else outcomes.doubt_resent(copy, told, again)

    def _hung_up_before(self, copy: ClaimedCopy) -> bool:
        # The first time it may be the server that fell over; the second time it is this copy that fells it.
        self._way.hang_ups[copy.id] += 1
        return self._way.hang_ups[copy.id] > 1

    def _tried_in_vain(self, copy: ClaimedCopy, why: str) -> Outcome:
        again = self._again(copy)
        return outcomes.gave_up_unanswered(copy, why) if again is None else outcomes.no_answer(copy, why, again)

    def _again(self, copy: ClaimedCopy) -> datetime | None:
        """When a copy that was tried once more is tried next; None after the last time."""
        wait = retry.COPIES.after(copy.attempts + 1, random.random())  # noqa: S311  (spreads load, keeps no secret)
        return self._way.clock() + wait if wait is not None else None

    def _give_back_following(self) -> None:
        if self._following:
            self._settle(outcomes.released(self._following.copy))
            self._following = None

    def _settle(self, outcome: Outcome) -> None:
        self._way.pacer.unsent += outcome.goes_back and outcome.not_before is None
        if not outcome.goes_back:
            self._way.hang_ups.pop(outcome.copy.id, None)
            self._way.sender_refusals.pop(outcome.copy.id, None)
            self._way.slowed.discard(outcome.copy.id)
        self._floor.scribe.record(outcome)

    async def _connected(self, envelope: Envelope) -> SmtpConnection:
        if self._wire is None or not self._wire.usable(envelope):
            self._drop()
            self._wire = await SmtpConnection.open(
                self._way.server, self._way.tls, self._way.patience, self._tell_of_silence
            )
        return self._wire

    def _tell_of_silence(self) -> None:
        # Once for all lines, for they wait for one server.
        if not self._floor.is_silent:
            self._floor.is_silent = True
            self._way.presence.missed("it has said nothing for half a minute")
            silence = "the mail server has said nothing for half a minute; waiting for its answer"
            log.warning(silence, server=self._way.server.door)

    async def _sit_out(self, error: TransportDown) -> None:
        """Wait before the server is troubled again, longer each time in a row."""
        self._drop()
        self._failures += 1
        self._way.presence.missed(str(error))
        if self._failures == 1:
            log.warning("the mail server cannot be used; trying again", reason=str(error))
        wait = retry.outage_wait(self._failures, random.random())  # noqa: S311
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
