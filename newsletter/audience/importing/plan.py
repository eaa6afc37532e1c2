"""The plan of an import: a verdict on each row before anything is written."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

from newsletter import characters
from newsletter.audience import statuses
from newsletter.audience.consent import Proof
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.models import Status
from newsletter.delivery.message.permission_reminder import MAX_SOURCE
from newsletter.errors import Invalid


class Verdict(StrEnum):
    """What happens to a row."""

    # In C, where an enum's own is written in Python: it is looked up for each one of a million imported rows.
    __hash__ = str.__hash__

    ADDED = "added"
    ALREADY = "already there"
    LEFT_ALONE = "left alone"
    """It left, complained, was erased or is suppressed here; or the file says it left, but it has confirmed here."""
    ENDED = "ended"
    """The file says that it left, bounced or complained, and so it is ended here as well."""
    SKIPPED = "skipped"
    """The row cannot be a reader."""


class RowFate(NamedTuple):
    """What becomes of one row, and why."""

    line: int
    email: str
    fate: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """How readers are imported: pending (each gets a confirm letter), or active with a proof of consent."""

    status: Status = Status.PENDING
    consent: str = ""
    file_id: int | None = None
    """The file that they come from, once it is stored (`consent.store_file`)."""
    vouched: bool = False
    """Whether somebody vouches that nobody in the file has left, although the file does not say so."""

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
        if row.status is None or row.status is self.status or row.status is Status.ACTIVE:
            return self.status
        return Status.PENDING if row.status is Status.PAUSED and self.status is Status.PENDING else row.status

    def proof_of(self, row: ImportRow) -> Proof:
        """The evidence that is stored with this reader's consent."""
        return Proof(note=self.note_on(row), file_id=self.file_id, line=row.line)

    def note_on(self, row: ImportRow) -> str | None:
        """Where the reader's consent came from, since when, and the peer's own proof of it."""
        joined = f"there since {row.joined}" if row.joined else ""
        return "; ".join(filter(None, [self.consent.strip(), joined, row.proof])) or None


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
    repeated: Sequence[ImportRow]
    """Rows of an address of which another row counts."""
    skipped: Sequence[ImportRow]
    suppressed: Collection[str]
    erased: Collection[str]
    moved: Collection[str]
    """Addresses that their readers have changed for others."""

    def rows_with(self, *verdicts: Verdict) -> list[ImportRow]:
        """The rows with one of these verdicts, in their order."""
        return [row for key, row in self.rows.items() if self.verdicts[key] in verdicts]

    def fates(self, terms: ImportTerms) -> list[RowFate]:
        """What becomes of each row, in the order of their lines."""
        fates = [_fate(row, self.verdicts[key], self._reason(key, row), terms) for key, row in self.rows.items()]
        for row in self.repeated:
            reason = f"the address is in line {self.rows[row.key].line}, too, which counts"
            fates.append(_fate(row, Verdict.ALREADY, reason, terms))
        fates += [_fate(row, Verdict.SKIPPED, row.skipped, terms) for row in self.skipped]
        return sorted(fates)

    def _reason(self, key: str, row: ImportRow) -> str:
        known = self.known.get(key)
        match self.verdicts[key]:
            case Verdict.ALREADY:
                return f"{known.status} here" if known else ""
            case Verdict.LEFT_ALONE if known is None and key in self.erased:
                return "erased here"
            case Verdict.LEFT_ALONE if known is None and key in self.moved:
                return "changed for another address here"
            case Verdict.LEFT_ALONE if row.is_ended:
                return "has confirmed here"
            case Verdict.LEFT_ALONE:
                return "suppressed here" if known is None or key in self.suppressed else f"{known.status} here"
            case _:
                return row.remark


def _fate(row: ImportRow, verdict: Verdict, reason: str, terms: ImportTerms) -> RowFate:
    has_status = verdict in {Verdict.ADDED, Verdict.ENDED}
    return RowFate(row.line, row.email, verdict.value, terms.status_of(row) if has_status else "", reason)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows got each verdict; tallies can be added."""

    added: int = 0
    already: int = 0
    left_alone: int = 0
    ended: int = 0
    refused: int = 0
    skipped: int = 0
    statuses: Mapping[str, int] = field(default_factory=Counter, compare=False)
    """Of the added and the ended, how many came in with which status."""
    remarks: Mapping[str, int] = field(default_factory=Counter, compare=False)
    """Each remark on the proof of consent, with the number of rows it is about."""

    @classmethod
    def from_plan(cls, plan: ImportPlan, terms: ImportTerms) -> Self:
        """The counts of a plan."""
        counts = Counter(plan.verdicts.values())
        written = plan.rows_with(Verdict.ADDED, Verdict.ENDED)
        return cls(
            added=counts[Verdict.ADDED],
            already=counts[Verdict.ALREADY] + len(plan.repeated),
            left_alone=counts[Verdict.LEFT_ALONE],
            ended=counts[Verdict.ENDED],
            skipped=len(plan.skipped),
            statuses={status.value: count for status, count in Counter(map(terms.status_of, written)).items()},
            remarks=Counter([row.remark for row in written if row.remark]),
        )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.added + other.added,
            self.already + other.already,
            self.left_alone + other.left_alone,
            self.ended + other.ended,
            self.refused + other.refused,
            self.skipped + other.skipped,
            Counter(self.statuses) + Counter(other.statuses),
            Counter(self.remarks) + Counter(other.remarks),
        )


@dataclass(frozen=True, slots=True)
class ImportStep:
    """A part of the import: how many rows, their tally, those refused, and the position in the file."""

    rows: int
    tally: Tally
    problems: Sequence[RefusedRow]
    position: int
    fates: Sequence[RowFate] = ()
    """What becomes of each row that was not refused; filled only on request."""
    list_number: int = 0
    """Which list of the file it is, from 0."""
    list_size: int = 0
    """The size of that list, in the unit of `position`."""
    resumed: bool = False
    """Whether this is the tally of what an earlier run did."""


def judge(row: ImportRow, known: ExistingSubscription | None, suppressed: bool) -> Verdict:
    """The verdict on a row, given its existing subscription and whether its address is suppressed."""
    if known is None:
        if row.is_ended:
            return Verdict.ENDED
        return Verdict.LEFT_ALONE if suppressed else Verdict.ADDED
    if row.is_ended:
        return _judge_ended(row, known)
    return Verdict.LEFT_ALONE if suppressed or known.status in statuses.ENDED else Verdict.ALREADY


def _judge_ended(row: ImportRow, known: ExistingSubscription) -> Verdict:
    if known.status in statuses.ENDED:
        is_news = row.status is Status.COMPLAINED and known.status is not Status.COMPLAINED
        return Verdict.ENDED if is_news else Verdict.ALREADY
    # What a reader did here themself outranks a file that may be older.
    return Verdict.LEFT_ALONE if known.confirmed else Verdict.ENDED
