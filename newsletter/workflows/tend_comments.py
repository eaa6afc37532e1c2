"""Looking after comments: mail to the team and to those who asked to hear of replies, and pruning.

The team hears of comments that wait at most once every six hours. Nothing is mailed to an address that somebody typed
before a moderator has approved the comment, and then once, to ask for a confirmation.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from newsletter.audience import statuses, subscribers
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee
from newsletter.delivery.workers.context import WorkerContext, run_in_groups
from newsletter.editorial.models import Issue
from newsletter.editors import emails
from newsletter.editors.emails import EmailContext
from newsletter.engagement import comments_moderation, comments_replies
from newsletter.engagement.comments import Comment, ReplyMail
from newsletter.errors import NotFound
from newsletter.i18n import formats
from newsletter.publications import Publication

_TEAM_KIND = "comments_waiting"
_CONFIRM = "comment_confirm"
_REPLY = "comment_reply"


def work(sessions: Sessions, audience: AudienceServices, worker: WorkerContext) -> None:
    """Do what is due, group by group, each in a transaction of its own."""
    run_in_groups(sessions, worker, partial(_tell_team, audience), comments_moderation.unannounced)
    run_in_groups(sessions, worker, partial(_mail_replies, audience), comments_replies.are_due)
    run_in_groups(sessions, worker, comments_moderation.prune, comments_moderation.is_prunable)


def _tell_team(audience: AudienceServices, session: Session, now: datetime) -> int:
    """Mail the editors of one publication how many comments wait, and on which issues; how many."""
    for publication_id in comments_moderation.unannounced(session, now)[:1]:
        counts = comments_moderation.announce(session, publication_id, now)
        if counts:
            _mail_team(session, audience, session.get_one(Publication, publication_id), counts, now)
        return sum(counts.values())
    return 0


def _mail_replies(audience: AudienceServices, session: Session, now: datetime) -> int:
    """Mail about some approved comments: ask their writers to confirm, and tell of replies; how many comments."""
    approved = comments_replies.claim_approved(session, now)
    names: dict[int, list[str]] = defaultdict(list)
    for comment in approved:
        if comment.reply_mail is ReplyMail.ASKED:
            _ask_to_confirm(session, audience, comment, now)
        for watcher in comments_replies.watchers(session, comment):
            names[watcher.id].append(comment.name)
    for watcher_id, repliers in names.items():
        _tell_of_replies(session, audience, session.get_one(Comment, watcher_id), repliers, now)
    return len(approved)


def _mail_team(
    session: Session, audience: AudienceServices, publication: Publication, counts: Mapping[str, int], now: datetime
) -> None:
    total = sum(counts.values())
    fields = {
        "headline": f"{formats.counted(total, 'comment')} {formats.plural(total, 'is waiting', 'are waiting')}",
        "issues": ", ".join(f"{count} on “{title}”" for title, count in counts.items()),
        "comments_url": audience.links.desk("comments", publication.slug),
    }
    context = EmailContext(publication, audience.compose, audience.links)
    emails.mail_editors(session, context, _TEAM_KIND, fields, now)


def _ask_to_confirm(session: Session, audience: AudienceServices, comment: Comment, now: datetime) -> None:
    publication = session.get_one(Publication, comment.publication_id)
    fields = {"email": comment.email, "confirm_url": audience.links.confirm_reply_mail(comment.id, now)}
    composed = audience.compose(_CONFIRM, publication, _thread(session, audience, comment) | fields)
    outbox.post(session, publication, Addressee(comment.email), composed, now)


def _tell_of_replies(
    session: Session, audience: AudienceServices, comment: Comment, names: list[str], now: datetime
) -> None:
    stop_url = audience.links.stop_reply_mail(comment.id)
    address, language = _address_and_language(session, comment)
    if address:
        publication = session.get_one(Publication, comment.publication_id)
        fields = {"email": address, "names": ", ".join(dict.fromkeys(names)), "stop_url": stop_url}
        composed = audience.compose(_REPLY, publication, _thread(session, audience, comment) | fields, language)
        # With the subscription, so that it is skipped if the reader leaves while it waits.
        to = Addressee(address, unsubscribe_url=stop_url, subscription_id=comment.subscription_id)
        outbox.post(session, publication, to, composed, now)


def _address_and_language(session: Session, comment: Comment) -> tuple[str, str | None]:
    """The writer’s address, empty for a reader who has left and gets no more mail; and the language they chose."""
    if comment.subscription_id is None:
        return comment.email, None
    try:
        subscription = subscribers.get(session, comment.subscription_id)
    except NotFound:
        return "", None
    reader, gets_mail = subscription.subscriber, subscription.status in statuses.SUBSCRIBED
    return reader.email if gets_mail else "", reader.language


def _thread(session: Session, audience: AudienceServices, comment: Comment) -> dict[str, str]:
    """The fields that tell which comments a mail is about."""
    issue = session.get_one(Issue, comment.issue_id)
    url = f"{audience.links.archive(issue.slug)}comments#comment-{comment.parent_id or comment.id}"
    return {"issue_title": issue.title, "comments_url": url}
