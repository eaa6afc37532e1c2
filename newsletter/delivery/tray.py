"""The tray: copies that this worker has claimed and no line has taken yet, each with its letter's template."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session, undefer_group

from newsletter.delivery import compose, ledger
from newsletter.delivery.compose import Template
from newsletter.delivery.ledger import Claimed
from newsletter.delivery.models import Letter
from newsletter.delivery.scribe import Scribe
from newsletter.errors import Invalid, PressError
from newsletter.links import Links

_LARGEST = 500
# Seconds that one claim should last: short, so that a pause or another worker never waits long.
_ONE_CLAIM = 0.5
_MAX_TEMPLATES = 8

log = structlog.get_logger(__name__)


class Templates:
    """The compiled letters of late, and all of the newest claim; a letter is frozen, so none grows stale."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._compiled: dict[int, Template | PressError] = {}

    def prepare(self, session: Session, letter_ids: set[int]) -> None:
        """Compile what is not compiled yet; what cannot be is told by `of`."""
        for letter_id in letter_ids - self._compiled.keys():
            self._compiled[letter_id] = self._compile(session, letter_id)
        if len(self._compiled) > _MAX_TEMPLATES:
            self._compiled = {letter_id: self._compiled[letter_id] for letter_id in letter_ids}

    def of(self, letter_id: int) -> Template:
        """The letter's template; Invalid if the letter cannot be compiled."""
        compiled = self._compiled[letter_id]
        if isinstance(compiled, PressError):
            raise compiled
        return compiled

    def _compile(self, session: Session, letter_id: int) -> Template | PressError:
        letter = session.get_one(Letter, letter_id, options=[undefer_group("parts")])
        try:
            return compose.compile(letter, self._links)
        except Invalid as error:
            log.warning("letter cannot be compiled", letter=letter_id, reason=str(error))
            return error


@dataclass(frozen=True, slots=True)
class Claims:
    """How this worker claims."""

    worker: str
    templates: Templates
    clock: Callable[[], datetime]

    def take(self, session: Session, limit: int) -> list[Claimed]:
        """Lease up to so many copies, and have their templates ready."""
        copies = ledger.claim(session, self.worker, limit, self.clock())
        self.templates.prepare(session, {copy.letter_id for copy in copies})
        return copies

    def return_halted(self, session: Session, copies: list[Claimed]) -> set[int]:
        """Give back those whose letter was paused or cancelled; which letters those are."""
        halted = ledger.halted(session, {copy.letter_id for copy in copies})
        ledger.release(session, self.worker, self.clock(), [copy for copy in copies if copy.letter_id in halted])
        return halted

    def return_all(self, session: Session) -> None:
        """Give back all that was not begun."""
        ledger.release_unbegun(session, self.worker, self.clock())

    def extend(self, session: Session) -> None:
        ledger.extend_leases(session, self.worker, self.clock())


class Tray:
    """Filled by whichever line finds it empty; emptied copy by copy."""

    def __init__(self, claims: Claims, scribe: Scribe, first: list[Claimed], least: int) -> None:
        self._claims = claims
        self._scribe = scribe
        self._copies = deque(first)
        self._least = least
        self._room = least
        self._filled_at = time.monotonic()
        self._filling = asyncio.Lock()

    async def take(self) -> Claimed | None:
        """The next copy to send; None when no copy is due now."""
        if not self._copies:
            await self._fill()
        return self.at_hand()

    def at_hand(self) -> Claimed | None:
        """The next copy, if there is one already."""
        return self._copies.popleft() if self._copies else None

    async def sweep(self) -> None:
        """Give back the copies of letters that were paused or cancelled meanwhile."""
        copies = list(self._copies)
        if copies:
            halted = await self._scribe.write(lambda session: self._claims.return_halted(session, copies))
            self._copies = deque(copy for copy in self._copies if copy.letter_id not in halted)

    async def _fill(self) -> None:
        async with self._filling:
            if not self._copies:
                self._adapt()
                # What a line has just given back is among what is due.
                await self._scribe.flush()
                self._copies.extend(await self._scribe.write(lambda session: self._claims.take(session, self._room)))

    def _adapt(self) -> None:
        now = time.monotonic()
        lasted, self._filled_at = now - self._filled_at, now
        if lasted < _ONE_CLAIM / 2:
            self._room = min(_LARGEST, self._room * 2)
        elif lasted > _ONE_CLAIM:
            self._room = max(self._least, self._room // 2)
