"""The desk's start page."""

from newsletter.audience import growth
from newsletter.db import Session
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import listing
from newsletter.editorial.issues.listing import Criteria
from newsletter.publications import Publication
from newsletter.web.context import now, services
from newsletter.web.desk import fill_offer, frame, setup_guide, timed_cache
from newsletter.web.desk.setup_guide import Guide
from newsletter.web.desk.start import charts, tasks

_ISSUES = 8


def home() -> str:
    """Today: what goes out next, what waits for a person, the last issues, and the readers of a year."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        results = timed_cache.latest_results(store, publication.id, _ISSUES)
        months = timed_cache.year_of_growth(store, publication.id, now())
        counts = timed_cache.counts(store, publication.id)
        return frame.page(
            store,
            "start.html",
            "start",
            publication,
            today=now(),
            zone=publication.time_zone,
            tasks=tasks.open_tasks(store, publication),
            results=results,
            columns=charts.columns([one.counts.sent for one in reversed(results)]),
            months=months,
            growth_line=charts.line([one.readers for one in months]),
            readers=sum(counts[status] for status in growth.READING),
            offer=fill_offer.of_publication(store, publication),
            has_issues=bool(results) or _has_issues(store, publication),
            guide=_guide(store, publication),
        )


def _guide(store: Session, publication: Publication) -> Guide | None:
    """The setup guide, until it is complete or hidden."""
    guide = setup_guide.read_guide(store, publication) if publication.offers_setup else None
    return guide if guide and not guide.is_complete else None


def _has_issues(store: Session, publication: Publication) -> bool:
    written = sum(listing.count_by_state(store, publication, Criteria()).values())
    return written > (posts.sample_issue(store, publication.id) is not None)
