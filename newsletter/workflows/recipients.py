"""Recipients: which readers an issue goes to, for whoever counts, rehearses or sends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from newsletter.audience import paces, subscribers, topics
from newsletter.audience.models import Pace, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.delivery import ledger
from newsletter.delivery.ledger import repeats
from newsletter.delivery.models import Copy, Letter
from newsletter.editorial.issues import corrections, digests
from newsletter.editorial.models import Issue, IssueKind
from newsletter.publications import Publication
from newsletter.workflows import build_letter


@dataclass(frozen=True)
class Recipients:
    """Whom a mailing goes to: the active readers, not suppressed, who meet its `conditions`."""

    publication: Publication
    segment: Frozen | None = None
    topics: tuple[str, ...] = ()
    """The keys of its topics, of which a reader has turned off all or not; none if it goes to everybody."""
    pace: Pace | None = None
    """The pace of those whom it goes to; None where there is but one."""
    corrects: tuple[int, ...] | None = None
    """The letters that it corrects, one of which they got or may have got; None if it is no correction."""

    @classmethod
    def of_issue(cls, session: Session, issue: Issue) -> "Recipients":
        """Of an issue: as frozen with its letter, else as it is now. NotFound or Invalid as `segment_of`."""
        chosen, keys = build_letter.segment_of(issue), tuple(build_letter.topics_of(issue))
        return cls(issue.publication, chosen, keys, _pace(session, issue.publication, issue.kind))

    @classmethod
    def of_letter(cls, session: Session, letter: Letter) -> "Recipients":
        """Of an issue's letter, or of one about a correction, as it was frozen."""
        publication = session.get_one(Publication, letter.publication_id)
        if letter.corrects_id is not None:
            made = corrections.with_letter(session, letter.id)
            wrong = wrong_letters(session, letter.corrects_id, made.made_at if made else letter.created_at)
            return cls(publication, letter.segment, corrects=tuple(wrong))
        kind = session.scalar(select(Issue.kind).where(Issue.letter_id == letter.id)) or IssueKind.ISSUE
        return cls(publication, letter.segment, tuple(letter.topics), _pace(session, publication, kind))

    @property
    def is_everybody(self) -> bool:
        """Whether every active reader gets it."""
        return self.segment is None and self.is_of_segment_alone

    @property
    def is_of_segment_alone(self) -> bool:
        """Whether every active reader of its segment gets it."""
        return not self.topics and self.pace is None and self.corrects is None

    def conditions(self, session: Session, now: datetime) -> tuple[ColumnElement[bool], ...]:
        """What subscriptions have to meet; Invalid, saying why, if the segment can no longer be resolved."""
        chosen = segments.frozen_conditions(session, self.publication, self.segment, now)
        if self.corrects is not None:
            return (*chosen, Subscription.id.in_(ledger.reached_subscriptions(self.corrects)))
        return (*chosen, *self._at_pace, *topics.wants_any(session, self.topics))

    def count(self, session: Session, now: datetime) -> int:
        """How many they are now."""
        if self.corrects is not None:
            return segments.count_reached(session, self.publication, self.segment, self.corrects, now).recipients
        if self.segment is not None and not self.topics:
            return segments.count_recipients(session, self.publication, self.segment, now, *self._at_pace)
        return subscribers.audience_size(session, self.publication.id, *self.conditions(session, now))

    @property
    def _at_pace(self) -> tuple[ColumnElement[bool], ...]:
        return () if self.pace is None else (Subscription.pace == self.pace,)


def wrong_letters(session: Session, letter_id: int, corrected_at: datetime) -> Sequence[int]:
    """The letters that brought an issue as it was until then: its own, those of the series, and the digest's."""
    ids = [*repeats.with_repeats(session, letter_id), *digests.letters_with(session, letter_id)]
    # A letter that was frozen later carries the corrected text already.
    return session.scalars(select(Letter.id).where(Letter.id.in_(ids), Letter.created_at <= corrected_at)).all()


def not_by_digest(session: Session, publication: Publication, letter_id: int) -> tuple[ColumnElement[bool], ...]:
    """What a subscription has to meet so that no digest has brought it the issue of this letter, or will."""
    entry = digests.find_entry(session, letter_id)
    if entry is None:
        return ()
    digest = select(Letter.id).join(Issue, Issue.letter_id == Letter.id).where(Issue.id == entry.digest_id)
    digest_id = session.scalar(digest.where(Letter.started_at.is_not(None)))
    if digest_id is not None:
        return (~exists().where(Copy.letter_id == digest_id, Copy.subscription_id == Subscription.id),)
    return (Subscription.pace != Pace.MONTHLY,) if paces.is_used(session, publication) else ()


def _pace(session: Session, publication: Publication, kind: IssueKind) -> Pace | None:
    if kind is IssueKind.DIGEST:
        return Pace.MONTHLY
    return Pace.EACH if paces.is_used(session, publication) else None
