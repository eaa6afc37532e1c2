"""The prefetch queue: copies that this worker has claimed but no connection has taken yet, each with its template."""

import asyncio
import time
from asyncio import Task
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from sqlalchemy.orm import Session, undefer_group

from newsletter.clock import Clock
from newsletter.delivery import ledger
from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose
from newsletter.delivery.message.compose import MessageTemplate
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.models import Letter
from newsletter.delivery.rate_limit.claim_limiter import Batch, ClaimLimiter
from newsletter.delivery.rate_limit.spacing import Spacing
from newsletter.errors import Invalid, PressError
from newsletter.links import Links

_LARGEST_BATCH = 500
# Seconds that one claim should last: short, so that a pause or another worker never waits long.
_CLAIM_LASTS = 0.5
_MAX_TEMPLATES = 8

log = structlog.get_logger(__name__)


class QueuedCopy(NamedTuple):
    """A claimed copy with its letter's template, or the error why there is none."""

    copy: ClaimedCopy
    template: MessageTemplate | PressError

    def require_template(self) -> MessageTemplate:
        """The template; raises Invalid if the letter could not be compiled."""
        if isinstance(self.template, PressError):
            raise self.template
        return self.template


class TemplateCache:
    """The letters compiled most recently; a letter is frozen, so no entry goes stale."""

    def __init__(self, links: Links, keyring: Keyring = NO_KEYS) -> None:
        self._links = links
        self._keyring = keyring
        self._compiled: dict[int, MessageTemplate | PressError] = {}

    def attach(self, session: Session, copies: Sequence[ClaimedCopy]) -> list[QueuedCopy]:
        """Each copy with its letter's template; keeps at most the templates of these copies once the cache is full."""
        letter_ids = {copy.letter_id for copy in copies}
        for letter_id in letter_ids - self._compiled.keys():
            self._compiled[letter_id] = self._compile(session, letter_id)
        queued = [QueuedCopy(copy, self._compiled[copy.letter_id]) for copy in copies]
        if len(self._compiled) > _MAX_TEMPLATES:
            self._compiled = {letter_id: self._compiled[letter_id] for letter_id in letter_ids}
        return queued

    def _compile(self, session: Session, letter_id: int) -> MessageTemplate | PressError:
        letter = session.get_one(Letter, letter_id, options=[undefer_group("parts")])
        try:
            return compose.compile(letter.content, self._links, self._keyring)
        except Invalid as error:
            log.warning("letter cannot be compiled", letter=letter_id, reason=str(error))
            return error


@dataclass(frozen=True, slots=True)
class Claimer:
    """Claims copies for one worker, and gives them back."""

    worker: str
    templates: TemplateCache
    clock: Clock
    limiter: ClaimLimiter

    def take(self, session: Session, limit: int) -> Batch[QueuedCopy]:
        """Lease up to so many copies, each with its template."""
        batch = self.limiter.claim(session, limit, self.clock())
        return batch.with_copies(self.templates.attach(session, batch.copies))

    def slow_down(self, session: Session, key: str, copies: list[ClaimedCopy]) -> list[ClaimedCopy]:
        """Slow down one rate limit; returns those of these claimed copies that may still go out."""
        self.limiter.slow_down(session, key, self.clock())
        if key:
            mine = [copy for copy in copies if self.limiter.group_of(copy) == key]
            self.limiter.hold_back(session, mine, self.clock())
            return [copy for copy in copies if self.limiter.group_of(copy) != key]
        ledger.release(session, self.worker, self.clock(), copies)
        self.limiter.unsent += len(copies)
        return []

    def return_halted(self, session: Session, copies: list[ClaimedCopy]) -> set[int]:
        """Give back copies of paused or cancelled letters, or that a breaker holds; returns the other copies' ids."""
        halted = ledger.halted_letters(session, {copy.letter_id for copy in copies})
        theirs = [copy for copy in copies if copy.letter_id in halted]
        ledger.release(session, self.worker, self.clock(), theirs)
        rest = [copy for copy in copies if copy.letter_id not in halted]
        sendable = {copy.id for copy in self.limiter.put_aside(session, rest, self.clock())}
        self.limiter.unsent += len(copies) - len(sendable)
        return sendable

    def return_all(self, session: Session) -> None:
        """Give back every copy that this worker has not begun."""
        self.limiter.unsent += ledger.release_unbegun(session, self.worker, self.clock())
        self.limiter.refund(session, self.clock())

    def extend(self, session: Session) -> None:
        """Extend the lease of each copy that this worker holds."""
        ledger.extend_leases(session, self.worker, self.clock())


class PrefetchQueue:
    """The claimed copies that wait for a connection; refilled before it is empty, or by whoever finds it empty."""

    def __init__(
        self, claimer: Claimer, writer: BatchWriter, spacing: Spacing, first: Batch[QueuedCopy], least: int
    ) -> None:
        self._claimer = claimer
        self._writer = writer
        self._spacing = spacing
        self._queued: deque[QueuedCopy] = deque()
        self._least = least
        self._batch_size = least
        self._filled_at = time.monotonic()
        self._filling = asyncio.Lock()
        self._refill: Task[None] | None = None
        self._is_rate_limited = False
        self._add(first)

    async def take(self) -> QueuedCopy | None:
        """The next copy to send; None when no copy is due now."""
        if not self._queued:
            await self._fill()
        return self.take_ready()

    def take_ready(self) -> QueuedCopy | None:
        """The next copy, if one is in the queue already."""
        queued = self._queued.popleft() if self._queued else None
        if queued and len(self._queued) == self._least and not self._is_rate_limited:
            self._refill_ahead()
        return queued

    async def return_halted(self) -> None:
        """Give back the copies of letters that were paused or cancelled meanwhile, or that a breaker holds."""
        copies = [queued.copy for queued in self._queued]
        if copies:
            sendable = await self._writer.write(lambda session: self._claimer.return_halted(session, copies))
            # Not the copies that were added meanwhile: they were not checked.
            back = {copy.id for copy in copies} - sendable
            self._queued = deque(queued for queued in self._queued if queued.copy.id not in back)

    async def close(self) -> None:
        """Claim no more."""
        if self._refill:
            self._refill.cancel()
            await asyncio.wait({self._refill})

    def _refill_ahead(self) -> None:
        # Once the queue is empty, no envelope is pipelined behind a message, and each connection loses a round trip.
        if self._refill is None or self._refill.done():
            self._refill = asyncio.create_task(self._fill(self._least))

    async def _fill(self, least: int = 0) -> None:
        async with self._filling:
            if len(self._queued) <= least:
                self._adapt()
                # What connections have given back is written before, so that it can be claimed again.
                self._add(await self._writer.write(lambda session: self._claimer.take(session, self._batch_size)))

    def _add(self, batch: Batch[QueuedCopy]) -> None:
        self._spacing.space(batch.wait, batch.gap)
        # The send times of a rate-limited batch are its own: the next one is claimed when they are used up.
        self._is_rate_limited = bool(batch.wait or batch.gap)
        self._queued.extend(batch.copies)

    async def slow_down(self, key: str) -> None:
        """After a rate-limit reply: slow down the limit of `key`, and put back the copies that it holds up."""
        before, self._queued = self._queued, deque()
        copies = [queued.copy for queued in before]
        sendable = set(await self._writer.write(lambda session: self._claimer.slow_down(session, key, copies)))
        self._queued.extend(queued for queued in before if queued.copy in sendable)

    def _adapt(self) -> None:
        now = time.monotonic()
        lasted, self._filled_at = now - self._filled_at, now
        if lasted < _CLAIM_LASTS / 2:
            self._batch_size = min(_LARGEST_BATCH, self._batch_size * 2)
        elif lasted > _CLAIM_LASTS:
            self._batch_size = max(self._least, self._batch_size // 2)
