"""The plan of an import: a verdict on each row before anything is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from newsletter import characters
from newsletter.audience import status_transitions
from newsletter.audience.address import Address
from newsletter.audience.consent import Proof
from newsletter.audience.importing.csv_reader import RefusedRow
from newsletter.audience.models import Status
from newsletter.delivery.message.permission_reminder import MAX_SOURCE
from newsletter.errors import Invalid


class Verdict(StrEnum):
    """What happens to a row."""

    ADDED = "added"
    ALREADY = "already there"
    LEFT_ALONE = "left alone"
    """It left, complained, was erased or is suppressed here; or the file says it left, but it has confirmed here."""
    ENDED = "ended"
    """The file says that it left, bounced or complained, and so it is ended here as well."""


class ImportRow(NamedTuple):
    """A row of the file; `status` and `joined` are as the file states them."""

    address: Address
    name: str
    status: Status | None
    joined: str
    line: int | None = None
    """Where it stands in the file, from 1."""

    @property
    def gone(self) -> bool:
        return self.status in status_transitions.ENDED

    def says_worse_than(self, other: "ImportRow") -> bool:
        """Whether this row states a worse status than another row of the same address."""
        return (
            self.status is not other.status
            and status_transitions.worse_status(other.status, self.status) is self.status
        )


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """How readers are imported: pending (each gets a confirm letter), or active with a proof of consent."""

    status: Status = Status.PENDING
    consent: str = ""
    file_id: int | None = None
    """The file that they come from, once it is stored (`consent.store_file`)."""

    def __post_init__(self) -> None:
        if self.status not in {Status.PENDING, Status.ACTIVE}:
            raise Invalid(f"readers can be imported as pending or active, not as {self.status}")
        if self.status is Status.ACTIVE and not self.consent.strip():
            raise Invalid("readers imported as active must have consented somewhere: say where, with --consent")
        if len(self.source) > MAX_SOURCE:
            raise Invalid(
                f"--consent has {len(self.source)} characters, and {MAX_SOURCE} fit: "
                "each mail tells its reader in these words where they were moved from"
            )

    @property
    def source(self) -> str:
        """Where the readers come from, in one line; Invalid if it contains a control character."""
        return characters.line(self.consent, "the proof of consent")

    def status_of(self, row: ImportRow) -> Status:
        """The status in which a reader is imported."""
        # A reader who never confirmed elsewhere is not confirmed here either, whatever the terms for the others.
        return self.status if row.status is None or row.status is Status.ACTIVE else row.status

    def proof_of(self, row: ImportRow) -> Proof:
        """The evidence that is stored with this reader's consent."""
        joined = f"there since {row.joined}" if row.joined else ""
        note = "; ".join(filter(None, [self.consent.strip(), joined])) or None
        return Proof(note=note, file_id=self.file_id, line=row.line)


class ExistingSubscription(NamedTuple):
    """A subscription that existed before the import."""

    subscription_id: int
    status: Status
    confirmed: bool


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The rows of a group and their verdicts; `known` are the existing subscriptions."""

    verdicts: Mapping[str, Verdict]
    rows: Mapping[str, ImportRow]
    known: Mapping[str, ExistingSubscription]
    repeated: int

    def of(self, verdict: Verdict) -> list[ImportRow]:
        return [row for key, row in self.rows.items() if self.verdicts[key] is verdict]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows got each verdict; tallies can be added."""

    added: int = 0
    already: int = 0
    left_alone: int = 0
    ended: int = 0
    refused: int = 0

    @classmethod
    def of(cls, plan: ImportPlan) -> Self:
        """The counts of a plan."""
        counts = Counter(plan.verdicts.values())
        already = counts[Verdict.ALREADY] + plan.repeated
        return cls(counts[Verdict.ADDED], already, counts[Verdict.LEFT_ALONE], counts[Verdict.ENDED])

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.added + other.added,
            self.already + other.already,
            self.left_alone + other.left_alone,
            self.ended + other.ended,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class ImportStep:
    """A part of the import: how many rows, their tally, those refused, and the position in the file."""

    rows: int
    tally: Tally
    problems: Sequence[RefusedRow]
    position: int


def judge(row: ImportRow, known: ExistingSubscription | None, suppressed: bool) -> Verdict:
    """The verdict on a row, given its existing subscription and whether its address is suppressed."""
    if known is None:
        if row.gone:
            return Verdict.ENDED
        return Verdict.LEFT_ALONE if suppressed else Verdict.ADDED
    if row.gone:
        return _judge_gone(row, known)
    return Verdict.LEFT_ALONE if suppressed or known.status in status_transitions.ENDED else Verdict.ALREADY


def _judge_gone(row: ImportRow, known: ExistingSubscription) -> Verdict:
    if known.status in status_transitions.ENDED:
        is_news = row.status is Status.COMPLAINED and known.status is not Status.COMPLAINED
        return Verdict.ENDED if is_news else Verdict.ALREADY
    # What a reader did here themself outranks a file that may be older.
    return Verdict.LEFT_ALONE if known.confirmed else Verdict.ENDED
