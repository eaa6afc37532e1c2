"""Recipients: which readers an issue goes to, for whoever counts, rehearses or sends it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from newsletter.audience import subscribers, topics
from newsletter.audience.models import Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.delivery import ledger
from newsletter.delivery.ledger import repeats
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Issue
from newsletter.publications import Publication
from newsletter.workflows import build_letter


@dataclass(frozen=True)
class Recipients:
    """Whom a mailing goes to: the active readers, not suppressed, who meet its `conditions`."""

    publication: Publication
    segment: Frozen | None = None
    topics: tuple[str, ...] = ()
    """The keys of its topics, of which a reader has turned off all or not; none if it goes to everybody."""
    corrects_id: int | None = None
    """The letter that it corrects, which they got or may have got."""

    @classmethod
    def of_issue(cls, issue: Issue) -> "Recipients":
        """Of an issue: as frozen with its letter, else as it is now. NotFound or Invalid as `segment_of`."""
        return cls(issue.publication, build_letter.segment_of(issue), tuple(build_letter.topics_of(issue)))

    @classmethod
    def of_letter(cls, session: Session, letter: Letter) -> "Recipients":
        """Of a letter, as it was frozen."""
        publication = session.get_one(Publication, letter.publication_id)
        return cls(publication, letter.segment, tuple(letter.topics), letter.corrects_id)

    @property
    def is_everybody(self) -> bool:
        """Whether every active reader gets it."""
        return self.segment is None and self.is_of_segment_alone

    @property
    def is_of_segment_alone(self) -> bool:
        """Whether every active reader of its segment gets it."""
        return not self.topics and self.corrects_id is None

    def conditions(self, session: Session, now: datetime) -> tuple[ColumnElement[bool], ...]:
        """What subscriptions have to meet; Invalid, saying why, if the segment can no longer be resolved."""
        chosen = segments.frozen_conditions(session, self.publication, self.segment, now)
        if self.corrects_id is not None:
            ids = repeats.with_repeats(session, self.corrects_id)
            return (*chosen, Subscription.id.in_(ledger.reached_subscriptions(ids)))
        return (*chosen, *topics.wants_any(session, self.topics))

    def count(self, session: Session, now: datetime) -> int:
        """How many they are now."""
        return subscribers.audience_size(session, self.publication.id, *self.conditions(session, now))
