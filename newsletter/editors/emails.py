"""Mails to the team: invitations, password reset links, and notices of changed sign-in settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.editors import accounts
from newsletter.editors.models import Editor, Role
from newsletter.editors.names import TeamNames
from newsletter.i18n import formats
from newsletter.links import RESET_HOURS, SIGN_IN_HOURS, Links
from newsletter.publications import Publication

_ROLES = {
    Role.OWNER: "an owner, who may do everything and manages the team",
    Role.EDITOR: "an editor, who writes, schedules and sends",
    Role.AUTHOR: "an author, who writes",
    Role.VIEWER: "a viewer, who reads and changes nothing",
}

_SEE_TO_IT = {Role.OWNER, Role.EDITOR}


@dataclass(frozen=True, slots=True)
class EmailContext:
    """What a mail to the team needs: the publication that sends it, the template renderer, and the links."""

    publication: Publication
    compose: Callable[[str, Publication, Mapping[str, str]], Composed]
    links: Links


def invite(session: Session, by: EmailContext, editor: Editor, inviter: str, now: datetime) -> None:
    """Send a one-time sign-in link to a new person; it names the person who invites them, and the role."""
    fields = {
        "sign_in_url": by.links.sign_in(editor.id, editor.nonce, now),
        "valid_for": formats.counted(SIGN_IN_HOURS, "hour"),
        "invited_by": TeamNames(session).find(inviter).full,
        "role": _ROLES[editor.role],
    }
    _post(session, by, "sign_in", editor.email, fields, now)


def reset(session: Session, by: EmailContext, email: str, editor: Editor | None, now: datetime) -> None:
    """Send a password reset link; without an editor nothing is sent, but the same work is done, so timing is equal."""
    who, nonce = (editor.id, editor.nonce) if editor else (0, 0)
    fields = {"reset_url": by.links.reset(who, nonce, now), "valid_for": formats.counted(RESET_HOURS, "hour")}
    attempt = session.begin_nested()
    _post(session, by, "reset", editor.email if editor else email[:254], fields, now)
    session.flush()
    if editor:
        attempt.commit()
    else:
        attempt.rollback()


def notify_change(session: Session, by: EmailContext, editor: Editor, changed: str, now: datetime) -> None:
    """Tell a person what was changed about how they sign in, in case it was not them."""
    _post(session, by, "changed", editor.email, {"changed": changed, "desk_url": by.links.desk()}, now)


def mail_editors(session: Session, by: EmailContext, kind: str, fields: Mapping[str, str], now: datetime) -> None:
    """Mail every owner and editor about something that they have to deal with."""
    for editor in session.scalars(accounts.team()):
        if editor.role in _SEE_TO_IT:
            _post(session, by, kind, editor.email, {"name": "", **fields}, now)


def _post(session: Session, by: EmailContext, kind: str, email: str, fields: Mapping[str, str], now: datetime) -> None:
    composed = by.compose(kind, by.publication, {"email": email, **fields})
    outbox.post(session, by.publication, Addressee(email), composed, now)
