"""The report on an issue: the outcome of its copies, clicks and unsubscribes, compared with earlier issues.

It reads from audience, editorial and delivery, and writes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import NamedTuple

from sqlalchemy.orm import Session

from newsletter.audience import unsubscribe
from newsletter.delivery.ledger import repeats, resent
from newsletter.delivery.models import Counts, Letter
from newsletter.delivery.reports import clicks, stats
from newsletter.delivery.reports.clicks import CountedLink
from newsletter.delivery.reports.stats import LetterStats
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import archive
from newsletter.editorial.models import Correction, Issue
from newsletter.engagement import helpfulness
from newsletter.engagement.helpfulness import Helpfulness
from newsletter.errors import NotFound

EARLIER = 8
"""How many earlier issues an issue is compared with."""


@dataclass(frozen=True, slots=True)
class IssueResult:
    """The outcome of one issue in a few numbers."""

    slug: str
    title: str
    began_at: datetime
    counts: Counts
    left: int
    """Readers who unsubscribed by its link."""
    clicks: int | None
    """None if they were not counted."""
    helpfulness: Helpfulness | None
    """None if nobody said whether it helped."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A rate that issues are compared by; None where its base is 0."""

    name: str
    value: float | None
    usual: float | None
    """The median of the earlier issues."""
    earlier: Sequence[tuple[IssueResult, float | None]]

    @property
    def run(self) -> str:
        """The points of a sparkline in a box of 100 by 30, this issue last."""
        shares = [share for _, share in self.earlier if share is not None]
        shares += [] if self.value is None else [self.value]
        if len(shares) < 2:
            return ""
        low, high = min(shares), max(shares)
        heights = [(high - share) / (high - low) if high > low else 0.5 for share in shares]
        return " ".join(
            f"{100 * place / (len(shares) - 1):.1f},{2 + 26 * height:.1f}" for place, height in enumerate(heights)
        )


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """A correction, and the counts of its copies if its letter was mailed."""

    correction: Correction
    counts: Counts | None


class SeriesResult(NamedTuple):
    """What became of the copies of an issue in the welcome series."""

    letter_ids: Sequence[int]
    """Its letters there: a new one for each version of the text."""
    audience: int
    waiting: int
    sent: int
    failed: int
    """Refused, or given up."""
    in_doubt: int
    bounced: int
    complained: int
    left: int
    """Readers who unsubscribed by the link in one."""
    clicks: int | None
    """None if they were not counted."""


@dataclass(frozen=True, slots=True)
class IssueReport:
    """Everything the report shows of one issue."""

    letter: Letter
    account: LetterStats
    result: IssueResult
    links: Sequence[CountedLink]
    earlier: Sequence[IssueResult]
    """Oldest first."""
    corrections: Sequence[CorrectionResult]
    series: SeriesResult | None = None
    """Its copies in the welcome series; None if there are none."""
    resent: int = 0
    """Copies that were sent again because they were in doubt; their readers may have got two."""

    @property
    def measures(self) -> list[Measure]:
        """The comparison with earlier issues; a measure without any value is left out."""
        made = [_measure(name, share, self.result, self.earlier) for name, share in _SHARES.items()]
        return [each for each in made if each.value is not None or each.usual is not None]


def issue_report(session: Session, issue: Issue, account: LetterStats | None = None) -> IssueReport:
    """The report of an issue that has started to go out; NotFound for any other.

    `account` is a recent one of a letter that is still being sent; its counts are refreshed.
    """
    letter = _started_letter(issue)
    found = (
        replace(account, counts=stats.copy_counts(session, letter)) if account else stats.letter_stats(session, letter)
    )
    links = clicks.counted_links(session, letter.id)
    left = unsubscribe.unsubscribes_by_letter(session, [letter.id])[letter.id]
    total = sum(link.clicks for link in links) if links else None
    answers = helpfulness.of_issues(session, [issue.id]).get(issue.id)
    began_at = letter.started_at or letter.due_at
    result = IssueResult(issue.slug, issue.title, began_at, found.counts, left, total, answers)
    before = session.scalars(posts.without_imports(archive.earlier(issue)).limit(EARLIER)).all()
    amended = [
        CorrectionResult(each, stats.copy_counts(session, each.letter) if each.letter else None)
        for each in issue.corrections
    ]
    return IssueReport(
        letter,
        found,
        result,
        links,
        results(session, before)[::-1],
        amended,
        series_result(session, issue),
        resent.count(session, letter.id),
    )


def series_result(session: Session, issue: Issue) -> SeriesResult | None:
    """What became of an issue's copies in the welcome series; None if there are none."""
    letters = [session.get_one(Letter, each) for each in repeats.with_repeats(session, issue.letter_id or 0)[1:]]
    counts = [stats.copy_counts(session, letter) for letter in letters]
    left = unsubscribe.unsubscribes_by_letter(session, [letter.id for letter in letters])
    clicked = clicks.total_clicks(session, [letter.id for letter in letters])
    found = SeriesResult(
        letter_ids=[letter.id for letter in letters],
        audience=sum(one.audience for one in counts),
        waiting=sum(one.pending + one.sending for one in counts),
        sent=sum(one.sent for one in counts),
        failed=sum(one.refused + one.failed for one in counts),
        in_doubt=sum(one.in_doubt for one in counts),
        bounced=sum(one.bounced for one in counts),
        complained=sum(one.complained for one in counts),
        left=sum(left.values()),
        clicks=sum(clicked.values()) if clicked else None,
    )
    return found if found.audience else None


def results(session: Session, issues: Iterable[Issue]) -> list[IssueResult]:
    """The outcomes of these issues, which have all started, in their order."""
    begun = [(issue, _started_letter(issue)) for issue in issues]
    ids = [letter.id for _, letter in begun]
    answers = helpfulness.of_issues(session, [issue.id for issue, _ in begun])
    left, clicked = unsubscribe.unsubscribes_by_letter(session, ids), clicks.total_clicks(session, ids)
    return [
        IssueResult(
            issue.slug,
            issue.title,
            letter.started_at or letter.due_at,
            stats.copy_counts(session, letter),
            left[letter.id],
            clicked.get(letter.id),
            answers.get(issue.id),
        )
        for issue, letter in begun
    ]


def _started_letter(issue: Issue) -> Letter:
    if issue.letter is None or issue.letter.started_at is None:
        raise NotFound(f"“{issue.title}” has not started to go out, so there is no report yet.")
    return issue.letter


def _share(part: int | None, whole: int) -> float | None:
    return None if part is None or not whole else part / whole


_SHARES: dict[str, Callable[[IssueResult], float | None]] = {
    "Delivered, of the audience": lambda one: _share(one.counts.sent, one.counts.audience),
    "Refused, of the audience": lambda one: _share(one.counts.refused, one.counts.audience),
    "Bounced, of those sent": lambda one: _share(one.counts.bounced, one.counts.sent),
    "Complaints, of those sent": lambda one: _share(one.counts.complained, one.counts.sent),
    "Unsubscribed, of those sent": lambda one: _share(one.left, one.counts.sent),
    "Said it helped, of those who answered": lambda one: (
        _share(one.helpfulness.yes, sum(one.helpfulness)) if one.helpfulness else None
    ),
    "Clicks, per copy sent": lambda one: _share(one.clicks, one.counts.sent),
}


def _measure(
    name: str, share: Callable[[IssueResult], float | None], this: IssueResult, earlier: Sequence[IssueResult]
) -> Measure:
    shares = [(one, share(one)) for one in earlier]
    known = [value for _, value in shares if value is not None]
    return Measure(name, share(this), median(known) if known else None, shares)
