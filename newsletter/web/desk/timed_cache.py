"""A cache for slow queries: each runs once for all requests, and the more rarely the longer it takes."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from flask import current_app

from newsletter.audience import attribute_counts, growth, subscribers
from newsletter.audience.attribute_counts import Fit
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import KnownAttribute
from newsletter.audience.growth import MonthGrowth
from newsletter.audience.models import Status
from newsletter.audience.segments import rule as rules
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.audience.segments.store import Frozen
from newsletter.db import Session
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import archive
from newsletter.editorial.models import Issue
from newsletter.publications import Publication
from newsletter.workflows import correct_issue, issue_report
from newsletter.workflows.correct_issue import CorrectionAudience
from newsletter.workflows.issue_report import IssueResult
from newsletter.workflows.recipients import Recipients

T = TypeVar("T")

_KEY = "newsletter.audience"
_SHARE = 20
# Counting so many readers takes a few milliseconds. Of fewer nothing is kept, even where a busy machine took long.
_MANY = 50_000
_KEPT = 5.0
# Seconds; a segment that is counted faster is counted each time.
_QUICK = 0.02
_MOST_KEYS = 100
# Seconds that the past year and the last issues are kept, if working them out is not quick.
_SELDOM = 600.0


class TimedCache(Generic[T]):
    """A slow value, computed again only after twenty times as long as it took the last time.

    It is kept for at least `least` seconds; one that took less than `quick` seconds, or is not `large`, is not kept.
    """

    def __init__(
        self, least: float = 0.0, quick: float = 0.0, large: Callable[[T], bool] = lambda _answer: True
    ) -> None:
        self._least, self._quick, self._large = least, quick, large
        self._good_until = 0.0
        self._answer: T | None = None

    def unexpired(self) -> T | None:
        """The value that is kept; None if there is none, or its time is over."""
        return self._answer if time.monotonic() < self._good_until else None

    def get(self, ask: Callable[[], T], *, fresh: bool = False) -> T:
        if not fresh and (unexpired := self.unexpired()) is not None:
            return unexpired
        began = time.monotonic()
        answer = self._answer = ask()
        took = time.monotonic() - began
        is_kept = took >= self._quick and self._large(answer)
        self._good_until = began + max(self._least, _SHARE * took) if is_kept else began
        return answer


class _Audience:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.size: TimedCache[int] = TimedCache(_KEPT, large=lambda size: size >= _MANY)
        self.counts: TimedCache[Mapping[Status, int]] = TimedCache(
            _KEPT, large=lambda counts: sum(counts.values()) >= _MANY
        )
        # Locks of their own: what takes a second must not hold up every page.
        self.growth_lock = threading.Lock()
        self.results_lock = threading.Lock()
        self.corrections_lock = threading.Lock()
        self.attributes_lock = threading.Lock()
        self.growth: TimedCache[Sequence[MonthGrowth]] = TimedCache(_SELDOM, quick=_QUICK)
        self.results: TimedCache[Sequence[IssueResult]] = TimedCache(
            quick=_QUICK, large=lambda results: sum(one.counts.audience for one in results) >= _MANY
        )
        self.of_rules: dict[str, TimedCache[tuple[int, int]]] = {}
        self.of_corrections: dict[str, TimedCache[CorrectionAudience]] = {}
        self.of_attributes: dict[str, TimedCache[Mapping[int, int]]] = {}
        self.of_types: dict[str, TimedCache[Fit]] = {}


def audience_size(store: Session, publication_id: int) -> int:
    """How many readers an issue would go to; for a large audience as of a moment ago."""
    audience = _audience(publication_id)
    with audience.lock:
        return audience.size.get(lambda: subscribers.audience_size(store, publication_id))


def counts(store: Session, publication_id: int) -> Mapping[Status, int]:
    """The number of subscriptions in each status, from the cache."""
    audience = _audience(publication_id)
    with audience.lock:
        return audience.counts.get(lambda: subscribers.status_counts(store, publication_id))


def year_of_growth(store: Session, publication_id: int, now: datetime) -> Sequence[MonthGrowth]:
    """How the number of readers grew in a year, month by month; for a large audience as of some minutes ago."""
    audience, standing = _audience(publication_id), counts(store, publication_id)
    readers = sum(standing[status] for status in growth.READING)
    with audience.growth_lock:
        return audience.growth.get(
            lambda: growth.growth_in_a_year(store, publication_id, readers, now), fresh=readers < _MANY
        )


def latest_results(store: Session, publication_id: int, most: int) -> Sequence[IssueResult]:
    """The outcomes of the newest issues, the newest first; of large ones under way as of a moment ago."""
    mailed = posts.without_imports(archive.published(publication_id)).limit(most)
    audience = _audience(publication_id)
    with audience.results_lock:
        return audience.results.get(lambda: issue_report.results(store, store.scalars(mailed)))


def rule_counts(store: Session, publication: Publication, rule: Rule, now: datetime) -> tuple[int, int]:
    """How many readers belong to a rule, and how many of them an issue would go to, from the cache."""
    resolved = segments.resolve(store, publication.id, rule)
    # An attribute that is given another type is compared by that at once.
    known = segments.attributes_in(store, publication.id, resolved)
    audience = _audience(publication.id)
    with audience.lock:
        cache = _kept_under(audience.of_rules, str((rules.to_json(resolved), known)))
        return cache.get(
            lambda: segments.count(store, publication, resolved, now), fresh=not segments.is_slow_to_count(store)
        )


def issue_audience(store: Session, issue: Issue, now: datetime) -> int:
    """How many readers an issue would go to; for one with a segment that is slow to count, as of a moment ago."""
    wanted = Recipients.of_issue(store, issue)
    if wanted.is_everybody:
        return audience_size(store, issue.publication_id)
    if wanted.segment and wanted.is_of_segment_alone:
        return rule_counts(store, issue.publication, rules.from_json(wanted.segment["rule"]), now)[1]
    audience = _audience(issue.publication_id)
    with audience.lock:
        cache = _kept_under(audience.of_rules, str((wanted.segment, wanted.topics, wanted.pace)))
        return cache.get(lambda: (0, wanted.count(store, now)), fresh=not segments.is_slow_to_count(store))[1]


def correction_audience(
    store: Session,
    issue: Issue,
    made_at: datetime | None,
    now: datetime,
    segment: Frozen | None = None,
    *,
    waits: bool = False,
) -> CorrectionAudience | None:
    """Who would get a correction of an issue, made then or to be made now; of many readers as of a moment ago.

    None if nobody has counted many of them just now, unless the caller waits for it.
    """
    audience = _audience(issue.publication_id)
    cache = _kept_under(audience.of_corrections, str((issue.id, made_at, segment)))
    return _counted(
        store,
        cache,
        audience.corrections_lock,
        lambda: correct_issue.audience(store, issue, made_at or now, now, segment),
        waits=waits,
    )


def value_counts(
    store: Session, publication_id: int, known: Sequence[KnownAttribute], *, waits: bool
) -> Mapping[int, int] | None:
    """How many readers have a value of each of these attributes, by its position; of many as of a moment ago.

    None if nobody has counted many of them just now, unless the caller waits for it.
    """
    audience = _audience(publication_id)
    cache = _kept_under(audience.of_attributes, str([one.position for one in known]))
    return _counted(
        store,
        cache,
        audience.attributes_lock,
        lambda: attribute_counts.count_values(store, publication_id, known),
        waits=waits,
    )


def fit_of_type(
    store: Session, publication_id: int, known: KnownAttribute, type_: AttributeType, *, waits: bool
) -> Fit | None:
    """How many readers have a value of an attribute, and of how many a type cannot compare it; None as above."""
    audience = _audience(publication_id)
    cache = _kept_under(audience.of_types, str((known.position, type_)))
    return _counted(
        store,
        cache,
        audience.attributes_lock,
        lambda: attribute_counts.count_fitting(store, publication_id, known, type_),
        waits=waits,
    )


def _counted(
    store: Session, cache: TimedCache[T], lock: threading.Lock, count: Callable[[], T], *, waits: bool
) -> T | None:
    """The answer now, where few readers are counted; of many the one that is kept, else None unless `waits`."""
    is_slow = segments.is_slow_to_count(store)
    if is_slow and not waits:
        return cache.unexpired()
    with lock:
        return cache.get(count, fresh=not is_slow)


def _kept_under(known: dict[str, TimedCache[T]], key: str) -> TimedCache[T]:
    if len(known) > _MOST_KEYS:
        known.clear()
    return known.setdefault(key, TimedCache(quick=_QUICK))


def _audience(publication_id: int) -> _Audience:
    known: dict[int, _Audience] = current_app.extensions.setdefault(_KEY, {})
    return known.setdefault(publication_id, _Audience())
