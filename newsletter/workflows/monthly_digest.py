"""The monthly digest: written as issues come out, and sent in the month's first slot; readers choose it as their pace.

Writing, sending and the changes of pace that wait for it are one transaction, which a slot claim lets one worker make
once (docs/decisions/0026-when-a-change-of-pace-takes-effect.md).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import paces, preferences
from newsletter.audience.models import Pace, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.delivery.ledger import repeats
from newsletter.delivery.models import Copy, CopyState
from newsletter.editorial.issues import digests
from newsletter.editorial.models import Issue, SlotStep
from newsletter.editorial.schedule import digest_slots, slot_claims
from newsletter.editorial.schedule.occurrences import Occurrence
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.i18n.messages import lazy_gettext
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import calendar, issue_readiness, publish, warn_editors
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.calendar import OpenSlot
from newsletter.workflows.publish import Started
from newsletter.workflows.warn_editors import SlotProblem

log = structlog.get_logger()

_NEVER_CAME = (CopyState.SKIPPED, CopyState.REFUSED, CopyState.FAILED)


def due_digests(session: Session, grace: timedelta, now: datetime) -> list[OpenSlot]:
    """The slots in which a digest is due and was not dealt with; none from before sending was allowed."""
    return calendar.open_slots(session, grace, now, _unhandled)


def send_due(
    session: Session,
    audience: AudienceServices,
    letters: LetterSettings,
    due: OpenSlot,
    grace: timedelta,
    now: datetime,
) -> Started | None:
    """Send the digest of a slot, unless nothing has come out; or tell the editors why it is not sent.

    Safe with two workers. A digest that is not sent stays open: it can be sent from its page, or goes next month.
    """
    publication = session.get_one(Publication, due.publication_id)
    # Whatever begins to go out meanwhile waits, or is in this digest.
    publications.block_unsubscribes(session, publication.id)
    if not slot_claims.claim(session, publication.id, due.at, SlotStep.DIGEST):
        return None
    digest = digests.write_digest(session, publication, audience.links, now)
    if digest is None:
        paces.change_due(session, publication)
        return None
    if why := _hindrance(digest, audience.links, late=now - due.at > grace):
        _tell(session, audience, digest, due, why, now)
        return None
    return publish.send_digest(session, letters, digest, due.at, now)


def write_waiting(session: Session, links: Links, publication_id: int, now: datetime) -> Issue | None:
    """Write the digest that an issue has joined, so that the desk shows it, checks it and can have it approved."""
    publication = session.get_one(Publication, publication_id)
    # Two workers that write at once would make two digests.
    publications.block_unsubscribes(session, publication_id)
    return digests.write_digest(session, publication, links, now)


def is_offered(subscription: Subscription) -> bool:
    """Whether a reader may choose the digest, or leave it."""
    publication = subscription.publication
    return bool(publication.slots) and (publication.offers_digest or subscription.pace is Pace.MONTHLY)


def next_time(session: Session, publication: Publication, now: datetime) -> datetime | None:
    """The next slot in which a digest goes out, if there is an issue for it; None if there is no such slot."""
    return next(iter(digest_slots.coming(session, publication, now)), None)


def choose_pace(
    session: Session,
    audience: AudienceServices,
    subscription: Subscription,
    wanted: Pace,
    client: str | None,
    now: datetime,
) -> None:
    """Let a reader have this pace: at once if that brings no issue twice and none never, else from the next digest on.

    Conflict if the publication has no digest, or the reader is not subscribed.
    """
    preferences.require_reader(subscription)
    publication = subscription.publication
    if wanted is Pace.MONTHLY and not is_offered(subscription):
        raise Conflict(lazy_gettext("There is no monthly email at the moment. Please take a break instead."))
    # The copies of an issue that is being fanned out have to be seen.
    publications.wait_for_fan_out(session, publication.id)
    session.refresh(subscription, ["pace", "next_pace"])
    at_once = wanted is subscription.pace or not _is_bound(session, subscription)
    paces.change_pace(session, audience, subscription, wanted, client, now, at_once=at_once)


def _is_bound(session: Session, subscription: Subscription) -> bool:
    """Whether a change at once would bring an issue of the next digest twice, or never.

    A reader of single issues has had one of them; a reader of digests has not.
    """
    letters = digests.unmailed_letters(session, subscription.publication_id)
    if subscription.pace is Pace.MONTHLY:
        return bool(letters)
    # In the welcome series, an issue comes by a letter of its own.
    ids = [repeated for letter_id in letters for repeated in repeats.with_repeats(session, letter_id)]
    theirs = select(Copy.id).where(Copy.letter_id.in_(ids), Copy.subscription_id == subscription.id)
    return session.scalar(theirs.where(Copy.state.not_in(_NEVER_CAME)).limit(1)) is not None


def _unhandled(session: Session, publication: Publication, after: datetime, now: datetime) -> Iterable[Occurrence]:
    return digest_slots.due(session, publication, after, now) if paces.is_used(session, publication) else ()


def _hindrance(digest: Issue, links: Links, *, late: bool) -> str:
    if late:
        return "No worker was running when its time came, and it is now too late to send it without asking."
    blocker = issue_readiness.blocker(digest, links)
    return f"It {blocker.lack}. {blocker.why}." if blocker else ""


def _tell(session: Session, audience: AudienceServices, digest: Issue, due: OpenSlot, why: str, now: datetime) -> None:
    problem = SlotProblem(
        f"{formats.brief(due.at, due.time_zone)} passed without the digest “{digest.title}”",
        why,
        "Send it now, from its page; or leave it, and it goes out next month with what comes out until then.",
    )
    slot = formats.moment(due.at, due.time_zone)
    warn_editors.send_warning(session, audience, digest.publication, slot, problem, now)
    log.warning("digest not sent", issue=digest.id)
