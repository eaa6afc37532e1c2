"""Comment on a published issue, and report a comment: under the limits of readers' forms and the publication's rule."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from sqlalchemy.orm import Session

from newsletter.addresses.masking import mask_address
from newsletter.audience import client_ip, signup_limits, statuses, subscribers
from newsletter.audience.address import Address
from newsletter.audience.models import Subscription
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.services import AudienceServices
from newsletter.characters import clean_name, fold
from newsletter.editorial.issues import archive
from newsletter.editorial.models import Issue
from newsletter.engagement import comments, comments_moderation, comments_text
from newsletter.engagement.comments import MAX_NAME, Comment, CommentState, NewComment, ReplyMail
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import CommentPolicy, Publication

_CLOSED = lazy_gettext("Comments on this issue are closed. What you typed has not been sent.")
_PARENT_HIDDEN = lazy_gettext(
    "The comment that you replied to is no longer shown. You can send yours as a new comment."
)
_OURS = lazy_gettext("Please choose another name: this one is ours, and people would take your comment for one of ours")
_ADDRESS = lazy_gettext("Please give a name, not an address: everybody can read it")


class CommentPlace(NamedTuple):
    """The issue that is commented on; read before the comment is written, because it comes with its whole letter."""

    issue_id: int
    publication_id: int
    policy: CommentPolicy
    own_names: frozenset[str]
    """The names of the publication, which nobody else may take."""

    @classmethod
    def open(cls, session: Session, slug: str, now: datetime) -> Self:
        """The published issue of that slug; NotFound if there is none, Conflict if it takes no comments."""
        issue = archive.find(session, slug)
        if not takes_comments(issue, now):
            raise Conflict(_CLOSED)
        publication = issue.publication
        names = frozenset(map(_bare, (publication.name, publication.sender_name)))
        return cls(issue.id, publication.id, publication.comments, names)


@dataclass(frozen=True, slots=True)
class TypedComment:
    """A comment as it was typed."""

    name: str = ""
    email: str = ""
    text: str = ""
    parent_id: int | None = None
    wants_reply_mail: bool = False


class Posted(NamedTuple):
    """What became of a comment that was sent."""

    is_shown: bool
    refusal: Reason | None
    """Why it is taken for spam, to be counted; never shown."""


def takes_comments(issue: Issue, now: datetime) -> bool:
    """Whether a published issue may be commented on now."""
    published_at, _ = archive.published_text(issue)
    return issue.publication.takes_comments(published_at, now)


def parse_name(typed: str, own_names: frozenset[str] = frozenset()) -> str:
    """The name that is shown; Invalid if it is empty, holds an address, or is one of these."""
    name = clean_name(typed)
    if not _bare(name):
        raise Invalid(lazy_gettext("Please give the name that is shown above your comment"))
    if "@" in name or "://" in name or "www." in name.lower():
        raise Invalid(_ADDRESS)
    if _bare(name) in own_names:
        raise Invalid(_OURS)
    return name


def open_signing_link(session: Session, audience: AudienceServices, slug: str, token: str) -> Subscription | None:
    """The subscription that signs with this link below that issue; None for one that has ended.

    Invalid if forged, or of another publication.
    """
    subscription_id = audience.links.open_comment(token)
    publication_id = archive.find(session, slug).publication_id
    try:
        subscription = subscribers.get(session, subscription_id)
    except NotFound:
        return None
    if subscription.publication_id != publication_id:
        raise Invalid("this link is of another publication")
    return subscription if subscription.status in statuses.SUBSCRIBED else None


def masked_signer(subscription: Subscription) -> str:
    """The address that signs, for a page that somebody else may see whom the letter was forwarded to."""
    return mask_address(subscription.subscriber.email)


def post_comment(
    session: Session,
    audience: AudienceServices,
    place: CommentPlace,
    typed: TypedComment,
    signer_id: int | None,
    client: str | None,
    now: datetime,
) -> Posted:
    """Store a comment: held, published or taken for spam; one that was sent before is not stored again.

    Invalid for a malformed field, Conflict for a reply to what is not shown, TooManyRequests over the limits.
    """
    signer = subscribers.get(session, signer_id) if signer_id is not None else None
    address = Address.parse(signer.subscriber.email if signer else typed.email)
    text = comments_text.parse_text(typed.text)
    parent_id = None if typed.parent_id is None else _thread_of(session, place, typed.parent_id)
    refusal = signup_limits.count_and_check(session, audience, address, client, now, FormKind.COMMENT)
    is_suspicious = bool(refusal) or comments_text.count_links(text) > comments_text.UNSUSPICIOUS_LINKS
    state = _state(place.policy, is_signed=signer is not None, is_suspicious=is_suspicious)
    new = NewComment(
        publication_id=place.publication_id,
        issue_id=place.issue_id,
        parent_id=parent_id,
        name=parse_name(typed.name, place.own_names),
        text=text,
        state=state,
        email="" if signer else address.email,
        key="" if signer else address.key,
        subscription_id=signer_id,
        reply_mail=_reply_mail(wanted=typed.wants_reply_mail, is_proven=signer is not None),
    )
    comments.add(session, new, now)
    return Posted(state is CommentState.APPROVED, refusal)


def reply_as_team(session: Session, publication: Publication, comment: Comment, typed: str, now: datetime) -> None:
    """Reply in the publication's name, which is shown at once, and approve the comment if it waits.

    Invalid for a text that no comment may have, Conflict for a comment that is spam or deleted.
    """
    text = comments_text.parse_text(typed)
    if comment.state not in {CommentState.WAITING, CommentState.APPROVED}:
        raise Conflict("Approve the comment first, then reply to it.")
    comments_moderation.move_comments(
        session, publication.id, [comment.id], CommentState.WAITING, CommentState.APPROVED, now
    )
    new = NewComment(
        publication_id=publication.id,
        issue_id=comment.issue_id,
        parent_id=comment.parent_id or comment.id,
        name=publication.sender_name[:MAX_NAME],
        text=text,
        state=CommentState.APPROVED,
        is_team=True,
    )
    comments.add(session, new, now)


def report_comment(
    session: Session,
    audience: AudienceServices,
    issue_id: int,
    comment_id: int,
    client: str | None,
    now: datetime,
) -> None:
    """Count a report, one a day of each client; NotFound if it is not shown, TooManyRequests over the limit."""
    signup_limits.count_client(session, audience, client, now, FormKind.REPORT)
    found = comments.find_shown(session, issue_id, comment_id)
    who = client_ip.one_client(client) or ""
    if signup_limits.is_first_today(session, audience, f"report-{found.id}", who, now):
        comments.report(session, found.id, now)


def _thread_of(session: Session, place: CommentPlace, comment_id: int) -> int:
    """The comment that a reply to this one stands below: itself, or the one that it replies to."""
    try:
        found = comments.find_shown(session, place.issue_id, comment_id)
    except NotFound:
        raise Conflict(_PARENT_HIDDEN) from None
    return found.parent_id or found.id


def _state(policy: CommentPolicy, *, is_signed: bool, is_suspicious: bool) -> CommentState:
    if is_suspicious:
        return CommentState.SPAM
    return CommentState.APPROVED if is_signed and policy == CommentPolicy.READERS else CommentState.WAITING


def _reply_mail(*, wanted: bool, is_proven: bool) -> ReplyMail:
    if not wanted:
        return ReplyMail.NONE
    return ReplyMail.CONFIRMED if is_proven else ReplyMail.ASKED


def _bare(name: str) -> str:
    """A name without what one does not see or easily overlooks: case, accents, spaces and marks."""
    return "".join(filter(str.isalnum, fold(name)))
