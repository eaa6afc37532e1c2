"""How many submitted forms were refused, and why: counts by the hour, kept for a week, without anybody's address."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import SignupCount, hour_of
from newsletter.db import insert

KEPT = timedelta(days=7)
PREFIX = "refused:"


class FormKind(StrEnum):
    """A form that anybody may send; each has counts and limits of its own."""

    SIGN_UP = "sign_up"
    LINK = "link"
    HELPED = "helped"
    COMMENT = "comment"
    REPORT = "report"
    ASK = "ask"

    @property
    def prefix(self) -> str:
        """What the names of its counts begin with; nothing for sign-ups, which were the only ones once."""
        return "" if self is FormKind.SIGN_UP else f"{self}."

    @property
    def words(self) -> str:
        """What is sent by it, for a heading."""
        return _SENT_BY[self]


_SENT_BY = {
    FormKind.SIGN_UP: "sign-ups",
    FormKind.LINK: "requests for a link",
    FormKind.HELPED: "answers",
    FormKind.COMMENT: "comments",
    FormKind.REPORT: "reports of comments",
    FormKind.ASK: "questions and bookings",
}


class Reason(StrEnum):
    """Why a form caused no email."""

    TRAP = "trap"
    TOO_QUICK = "too_quick"
    WAIT = "wait"
    PROOF_REFUSED = "proof_refused"
    PROOF_REUSED = "proof_reused"
    DOMAIN_REFUSED = "domain_refused"
    ADDRESS_CAP = "address_cap"
    DOMAIN_CAP = "domain_cap"
    CLIENT_CAP = "client_cap"
    TOTAL_CAP = "total_cap"
    BREAKER = "breaker"

    @property
    def words(self) -> str:
        """The reason for a table."""
        return _WORDS[self]


_WORDS = {
    Reason.TRAP: "Filled in the field that people cannot see",
    Reason.TOO_QUICK: "Sent too soon after the form was shown",
    Reason.WAIT: "Asked to wait while many signed up",
    Reason.PROOF_REFUSED: "Sent a false proof of work instead of waiting",
    Reason.PROOF_REUSED: "Sent a proof of work a second time",
    Reason.DOMAIN_REFUSED: "An email domain that you refuse",
    Reason.ADDRESS_CAP: "Too many for one mailbox",
    Reason.DOMAIN_CAP: "Too many for one email domain",
    Reason.CLIENT_CAP: "Too many from one network address",
    Reason.TOTAL_CAP: "Too many in all",
    Reason.BREAKER: "Too many while sign-ups are slowed",
}


def add(session: Session, counted: Mapping[Reason, int], now: datetime, form: FormKind = FormKind.SIGN_UP) -> None:
    """Add to the counts of this hour."""
    window = hour_of(now)
    for reason in sorted(counted):
        row = insert(session, SignupCount).values(
            bucket=f"{PREFIX}{form.prefix}{reason}", window=window, hits=counted[reason]
        )
        more = {"hits": SignupCount.hits + counted[reason]}
        session.execute(row.on_conflict_do_update(index_elements=["bucket", "window"], set_=more))


def of_last_week(session: Session, now: datetime, form: FormKind = FormKind.SIGN_UP) -> dict[Reason, int]:
    """The counts of the last seven days, the most frequent first."""
    reasons = {f"{PREFIX}{form.prefix}{reason}": reason for reason in Reason}
    since = hour_of(now - KEPT)
    found = select(SignupCount.bucket, func.sum(SignupCount.hits))
    found = found.where(SignupCount.bucket.in_(reasons), SignupCount.window > since).group_by(SignupCount.bucket)
    found = found.order_by(SignupCount.bucket)
    counts = Counter({reasons[bucket]: int(hits) for bucket, hits in session.execute(found)})
    return dict(counts.most_common())
