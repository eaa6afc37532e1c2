"""The tray: copies that this worker has claimed and no line has taken yet, each with its letter's template."""

import asyncio
import time
from asyncio import Task
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy.orm import Session, undefer_group

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

_LARGEST = 500
# Seconds that one claim should last: short, so that a pause or another worker never waits long.
_ONE_CLAIM = 0.5
_MAX_TEMPLATES = 8

log = structlog.get_logger(__name__)


class QueuedCopy(NamedTuple):
    """A copy as it lies on the tray, with its letter's template, or why there is none."""

    copy: ClaimedCopy
    template: MessageTemplate | PressError

    def require_template(self) -> MessageTemplate:
        """The template; Invalid if the letter cannot be compiled."""
        if isinstance(self.template, PressError):
            raise self.template
        return self.template


class TemplateCache:
    """The compiled letters of late; a letter is frozen, so none grows stale."""

    def __init__(self, links: Links, keyring: Keyring = NO_KEYS) -> None:
        self._links = links
        self._keyring = keyring
        self._compiled: dict[int, MessageTemplate | PressError] = {}

    def lay(self, session: Session, copies: Sequence[ClaimedCopy]) -> list[QueuedCopy]:
        """Each copy with its letter's template; that of none is forgotten as long as a copy lies somewhere."""
        letter_ids = {copy.letter_id for copy in copies}
        for letter_id in letter_ids - self._compiled.keys():
            self._compiled[letter_id] = self._compile(session, letter_id)
        laid = [QueuedCopy(copy, self._compiled[copy.letter_id]) for copy in copies]
        if len(self._compiled) > _MAX_TEMPLATES:
            self._compiled = {letter_id: self._compiled[letter_id] for letter_id in letter_ids}
        return laid

    def _compile(self, session: Session, letter_id: int) -> MessageTemplate | PressError:
        letter = session.get_one(Letter, letter_id, options=[undefer_group("parts")])
        try:
            return compose.compile(letter, self._links, self._keyring)
        except Invalid as error:
            log.warning("letter cannot be compiled", letter=letter_id, reason=str(error))
            return error


@dataclass(frozen=True, slots=True)
class Claimer:
    """How this worker claims."""

    worker: str
    templates: TemplateCache
    clock: Callable[[], datetime]
    pacer: ClaimLimiter

    def take(self, session: Session, limit: int) -> Batch[QueuedCopy]:
        """Lease up to so many copies, each with its template."""
        batch = self.pacer.claim(session, limit, self.clock())
        return batch.laid(self.templates.lay(session, batch.copies))

    def slow_down(self, session: Session, key: str, copies: list[ClaimedCopy]) -> list[ClaimedCopy]:
        """Pause a pace; of these claimed copies, those that may still go out."""
        self.pacer.told_off(session, key, self.clock())
        if key:
            mine = [copy for copy in copies if self.pacer.lane(copy) == key]
            self.pacer.hold_back(session, mine, self.clock())
            return [copy for copy in copies if self.pacer.lane(copy) != key]
        ledger.release(session, self.worker, self.clock(), copies)
        self.pacer.unsent += len(copies)
        return []

    def return_halted(self, session: Session, copies: list[ClaimedCopy]) -> set[int]:
        """Give back those whose letter was paused or cancelled, or which a breaker holds; the ids of the others."""
        halted = ledger.halted_letters(session, {copy.letter_id for copy in copies})
        theirs = [copy for copy in copies if copy.letter_id in halted]
        ledger.release(session, self.worker, self.clock(), theirs)
        rest = [copy for copy in copies if copy.letter_id not in halted]
        kept = {copy.id for copy in self.pacer.put_aside(session, rest, self.clock())}
        self.pacer.unsent += len(copies) - len(kept)
        return kept

    def return_all(self, session: Session) -> None:
        """Give back all that was not begun."""
        self.pacer.unsent += ledger.release_unbegun(session, self.worker, self.clock())
        self.pacer.refund(session, self.clock())

    def extend(self, session: Session) -> None:
        ledger.extend_leases(session, self.worker, self.clock())


class PrefetchQueue:
    """Filled before it is empty, or by whichever line finds it so; emptied copy by copy."""

    def __init__(
        self, claims: Claimer, scribe: BatchWriter, throttle: Spacing, first: Batch[QueuedCopy], least: int
    ) -> None:
        self._claims = claims
        self._scribe = scribe
        self._throttle = throttle
        self._laid: deque[QueuedCopy] = deque()
        self._least = least
        self._room = least
        self._filled_at = time.monotonic()
        self._filling = asyncio.Lock()
        self._ahead: Task[None] | None = None
        self._paced = False
        self._lay_out(first)

    async def take(self) -> QueuedCopy | None:
        """The next copy to send; None when no copy is due now."""
        if not self._laid:
            await self._fill()
        return self.at_hand()

    def at_hand(self) -> QueuedCopy | None:
        """The next copy, if there is one already."""
        laid = self._laid.popleft() if self._laid else None
        if laid and len(self._laid) == self._least and not self._paced:
            self._fill_ahead()
        return laid

    async def sweep(self) -> None:
        """Give back the copies of letters that were paused or cancelled meanwhile."""
        copies = [laid.copy for laid in self._laid]
        if copies:
            kept = await self._scribe.write(lambda session: self._claims.return_halted(session, copies))
            # Others were laid out meanwhile, and nobody asked about those.
            back = {copy.id for copy in copies} - kept
            self._laid = deque(laid for laid in self._laid if laid.copy.id not in back)

    async def close(self) -> None:
        """Claim no more."""
        if self._ahead:
            self._ahead.cancel()
            await asyncio.wait({self._ahead})

    def _fill_ahead(self) -> None:
        # Once the tray is empty, no envelope rides behind a message, and each line loses a round trip.
        if self._ahead is None or self._ahead.done():
            self._ahead = asyncio.create_task(self._fill(self._least))

    async def _fill(self, least: int = 0) -> None:
        async with self._filling:
            if len(self._laid) <= least:
                self._adapt()
                # What a line has just given back is among what is due.
                await self._scribe.flush()
                self._lay_out(await self._scribe.write(lambda session: self._claims.take(session, self._room)))

    def _lay_out(self, batch: Batch[QueuedCopy]) -> None:
        self._throttle.space(batch.wait, batch.gap)
        # The moments of a paced batch are its own: the next one is claimed when they are used up.
        self._paced = bool(batch.wait or batch.gap)
        self._laid.extend(batch.copies)

    async def slow_down(self, key: str) -> None:
        """The server asked for less: pause a pace, and put back what would go by it."""
        before, self._laid = self._laid, deque()
        copies = [laid.copy for laid in before]
        kept = set(await self._scribe.write(lambda session: self._claims.slow_down(session, key, copies)))
        self._laid.extend(laid for laid in before if laid.copy in kept)

    def _adapt(self) -> None:
        now = time.monotonic()
        lasted, self._filled_at = now - self._filled_at, now
        if lasted < _ONE_CLAIM / 2:
            self._room = min(_LARGEST, self._room * 2)
        elif lasted > _ONE_CLAIM:
            self._room = max(self._least, self._room // 2)
