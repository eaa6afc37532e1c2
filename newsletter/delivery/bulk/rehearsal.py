"""A rehearsal: every copy of a letter is composed as if it were sent; nothing leaves, and nothing is written.

What it keeps does not grow with the number of readers, but for one count a domain.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.addresses.masking import mask_address
from newsletter.characters import as_text
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose, merge, mime
from newsletter.delivery.message.compose import MessageTemplate
from newsletter.delivery.message.content import LetterContent

LIMIT = 102_400
"""Bytes of a message beyond which large mailbox providers cut it off."""
_MAX_EXAMPLES = 5
"""How many of the affected readers are named."""


@dataclass(slots=True)
class AffectedReaders:
    """The readers whom a problem concerns: how many, and the first few of them."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)
    """Subscription and masked address."""

    def add(self, copy: ClaimedCopy) -> None:
        self.count += 1
        if len(self.first) < _MAX_EXAMPLES:
            self.first.append((copy.subscription_id, mask_address(copy.address)))


@dataclass(slots=True)
class Rehearsal:
    """The results of composing every copy."""

    sizes: Counter[int] = field(default_factory=Counter)
    """Copies by their size in bytes."""
    domains: Counter[str] = field(default_factory=Counter)
    """Sendable copies by domain."""
    blank: Counter[str] = field(default_factory=Counter)
    """Readers who leave a field empty that has no fallback, by field."""
    unsendable: AffectedReaders = field(default_factory=AffectedReaders)
    """Addresses that mail cannot be sent to."""
    international: AffectedReaders = field(default_factory=AffectedReaders)
    """Addresses that the mail server must know SMTPUTF8 for."""
    faults: dict[str, AffectedReaders] = field(default_factory=dict)
    """Copies that could not be composed, by the error's name: faults of ours."""

    @property
    def median(self) -> int:
        """The median size of a copy in bytes; 0 if there is none."""
        sizes = sorted(self.sizes)
        rest = self.sizes.total() / 2
        for size in sizes:
            rest -= self.sizes[size]
            if rest <= 0:
                return size
        return 0

    @property
    def oversized(self) -> int:
        """How many copies are larger than the limit."""
        return sum(count for size, count in self.sizes.items() if size > LIMIT)


def simulated_copies(
    readers: Iterable[tuple[int, str, str, datetime | None, str | None]], letter_id: int, after: int
) -> Iterator[ClaimedCopy]:
    """The copies that a fan-out would write for these readers (`subscribers.active_recipients`), from `after` on."""
    for number, (subscription_id, address, name, since, source) in enumerate(readers, after + 1):
        yield ClaimedCopy(number, letter_id, subscription_id, address, name, 0, source, since)


def compose_all(
    letter: LetterContent,
    template: MessageTemplate,
    made: Iterable[ClaimedCopy],
    return_path_domain: str | None,
    date: datetime,
) -> Rehearsal:
    """Compose each of these copies of a letter, from its template."""
    needed = _needed(letter)
    found = Rehearsal()
    for copy in made:
        for name in needed:
            if not as_text(copy.name if name == "name" else copy.address).strip():
                found.blank[name] += 1
        _compose(template, copy, return_path_domain, date, found)
    return found


def _compose(
    template: MessageTemplate, copy: ClaimedCopy, return_path_domain: str | None, date: datetime, found: Rehearsal
) -> None:
    try:
        size = len(template.message(copy, date))
        envelope = compose.envelope(template, copy, return_path_domain)
    except mime.NoAddress:
        found.unsendable.add(copy)
    except Exception as error:
        # Only the error's class: its message may hold an address.
        found.faults.setdefault(type(error).__name__, AffectedReaders()).add(copy)
    else:
        found.sizes[size] += 1
        found.domains[envelope.recipient.rpartition("@")[2].lower()] += 1
        if envelope.international:
            found.international.add(copy)


def _needed(letter: LetterContent) -> set[str]:
    """The fields that a reader may leave empty, and for which the letter gives no fallback somewhere."""
    parts = (merge.compile(text, compose.FIELDS) for text in (letter.subject, letter.html, letter.text))
    fields = {hole.name for part in parts for _, hole in part.holes if hole.fallback is None}
    return fields & merge.EDITORS
