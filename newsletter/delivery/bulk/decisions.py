"""Delivery decisions: the outcome of a try, from the server's reply and the copy's history.

No socket, no clock and no database: a table can test every case.
"""

from collections import Counter
from datetime import datetime
from enum import Enum, auto
from typing import Literal, NamedTuple

from newsletter.delivery import breaker
from newsletter.delivery.bounces import fault
from newsletter.delivery.ledger import outcomes
from newsletter.delivery.ledger.outcomes import HeldCopy, Outcome
from newsletter.delivery.smtp import refusals, retry
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.retry import ReplyKind


class Blame(Enum):
    """What a try that ended without a reply says about the copy."""

    NOBODY = auto()
    """Nothing: the server could not be reached, or the worker was stopped."""
    PERHAPS_COPY = auto()
    """The server hung up, or answered with what is not SMTP: once by chance, twice because of this copy."""
    OUR_FAULT = auto()
    """Our own code failed at it."""


class Answered(NamedTuple):
    """The server replied to the recipient or, `after_data`, to the whole message."""

    reply: Reply
    after_data: bool = False


class SenderRejected(NamedTuple):
    """The server refused the sender, before it heard of the recipient."""

    reply: Reply


class NoReply(NamedTuple):
    """The try ended without a reply; `begun`: the final dot may have been written."""

    why: str
    begun: bool
    blame: Blame


Event = Answered | SenderRejected | NoReply


class History(NamedTuple):
    """A copy's history when a try has ended; the counts include this try."""

    copy: HeldCopy
    next_try: datetime | None
    """When to try again if this try counts; None if it was the last."""
    lost_connections: int = 0
    sender_rejections: int = 0
    was_rate_limited: bool = False
    """Whether a server has answered this copy with a rate limit before."""


def asks_for_less(reply: Reply, history: History) -> bool:
    """Whether the reply is about our rate; a second one for the same copy is about its reader."""
    if refusals.applies_to_all(reply.status, reply.text):
        return False
    return retry.is_rate_limited(reply) and not history.was_rate_limited


def decide(event: Event, history: History, in_doubt: Literal["resend", "hold"] = "resend") -> Outcome:
    """The outcome of a try; `in_doubt` says whether a copy that may have arrived is sent again."""
    match event:
        case Answered(reply, after_data):
            return _answered(reply, history, after_data=after_data)
        case SenderRejected(reply):
            return _sender_rejected(reply, history)
        case NoReply(why, begun, blame):
            return _in_doubt(why, history, in_doubt) if begun else _without_reply(why, blame, history)


def _answered(reply: Reply, history: History, *, after_data: bool) -> Outcome:
    copy = history.copy
    if asks_for_less(reply, history):
        return outcomes.released(copy)
    kind = retry.classify(reply)
    if kind is ReplyKind.ACCEPTED:
        return outcomes.sent(copy, reply)
    if kind is ReplyKind.PERMANENT:
        about_us = fault.is_our_fault(reply, after_data=after_data)
        return outcomes.refused(copy, reply, about_us=about_us)._replace(after_data=after_data)
    return _later(reply, history)


def _sender_rejected(reply: Reply, history: History) -> Outcome:
    if history.sender_rejections <= breaker.STRIKES:
        return outcomes.sender_refused(history.copy, reply)
    # Other copies go out meanwhile, or the breaker would have paused the letter: so it may be about this copy.
    return _later(reply, history)._replace(about_us=True)


def _later(reply: Reply, history: History) -> Outcome:
    if history.next_try is None:
        return outcomes.gave_up(history.copy, reply)
    return outcomes.deferred(history.copy, reply, history.next_try, about_us=fault.is_our_fault(reply))


def _without_reply(why: str, blame: Blame, history: History) -> Outcome:
    by_chance = blame is Blame.PERHAPS_COPY and history.lost_connections <= 1
    if blame is Blame.NOBODY or by_chance:
        return outcomes.released(history.copy)
    if history.next_try is None:
        return outcomes.gave_up_unanswered(history.copy, why)
    return outcomes.no_answer(history.copy, why, history.next_try)


def _in_doubt(why: str, history: History, policy: Literal["resend", "hold"]) -> Outcome:
    reason = f"in doubt: {why} after the final dot"
    if policy == "hold" or history.lost_connections > 1 or history.next_try is None:
        return outcomes.in_doubt(history.copy, reason)
    return outcomes.doubt_resent(history.copy, reason, history.next_try)


class Histories:
    """The histories of the copies that one worker still tries, by id."""

    def __init__(self) -> None:
        self._lost_connections: Counter[int] = Counter()
        self._sender_rejections: Counter[int] = Counter()
        self._rate_limited: set[int] = set()

    def history(self, copy: HeldCopy, next_try: datetime | None) -> History:
        """The history of one copy."""
        lost, rejected = self._lost_connections[copy.id], self._sender_rejections[copy.id]
        return History(copy, next_try, lost, rejected, copy.id in self._rate_limited)

    def count(self, copy: HeldCopy, event: Event) -> None:
        """Add an event to the copy's history; to be called before `decide`."""
        if isinstance(event, SenderRejected):
            self._sender_rejections[copy.id] += 1
        elif isinstance(event, NoReply) and (event.begun or event.blame is Blame.PERHAPS_COPY):
            self._lost_connections[copy.id] += 1

    def mark_rate_limited(self, copy: HeldCopy) -> None:
        """Record that a server answered this copy with a rate limit."""
        self._rate_limited.add(copy.id)

    def drop(self, copy: HeldCopy) -> None:
        """Forget a copy that is not tried again."""
        self._lost_connections.pop(copy.id, None)
        self._sender_rejections.pop(copy.id, None)
        self._rate_limited.discard(copy.id)
