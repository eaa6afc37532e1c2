"""Digests: an issue of its own kind that lists the issues of a month, for readers who chose one email a month.

Each issue that begins to go out is noted for the digest in the same transaction, and stands in exactly one digest. The
digest that has not begun yet is written anew whenever an issue joins it, until an editor changes it; from then on, only
what is new is added at its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.characters import label_key
from newsletter.db import Base, insert
from newsletter.delivery.models import Letter
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.issues.slugs import free_slug
from newsletter.editorial.models import Issue, IssueKind, Readiness
from newsletter.editorial.rendering import render
from newsletter.editorial.source import issue_file, issue_form, markdown
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.i18n.messages import gettext
from newsletter.links import Links
from newsletter.publications import Publication

AUTHOR = "monthly digest"
"""Who wrote the revisions that no person wrote."""

_SUBJECT = 60
"""What a phone shows of a subject."""
_PREHEADER = 110
_LEAD = 300
_NO_PICTURES: Mapping[str, str] = MappingProxyType({})


class DigestEntry(Base):
    """An issue that readers of the digest have not been mailed: it is in a digest, or the next one has to list it."""

    __tablename__ = "digest_entries"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), index=True)
    digest_id: Mapped[int | None] = mapped_column(ForeignKey("issues.id"), index=True)
    """The digest that lists it; None until that is written."""


def note_issue(session: Session, letter: Letter) -> None:
    """Note the issue of a letter that begins to go out, for the digest."""
    issue = select(Issue.id, Issue.publication_id).where(Issue.letter_id == letter.id)
    entry = insert(session, DigestEntry).from_select(["issue_id", "publication_id"], issue)
    session.execute(entry.on_conflict_do_nothing())


def require_issue(issue: Issue) -> None:
    """Raise Conflict, saying what happens instead, if a digest is to be scheduled."""
    if issue.kind is IssueKind.DIGEST:
        raise Conflict(
            f"“{issue.title}” goes out by itself, in the first weekly slot of the month; or send it now, from its page"
        )


def publications_to_write(session: Session) -> Sequence[int]:
    """The publications of which an issue waits for a digest to list it."""
    waiting = select(DigestEntry.publication_id).where(DigestEntry.digest_id.is_(None)).distinct()
    return session.scalars(waiting).all()


def open_digest(session: Session, publication_id: int) -> Issue | None:
    """The digest that has not begun to go out; None until there is an issue for it."""
    digests = select(Issue).outerjoin(Issue.letter).where(Issue.kind == IssueKind.DIGEST, Letter.started_at.is_(None))
    return session.scalar(digests.where(Issue.publication_id == publication_id).order_by(Issue.id).limit(1))


def unmailed_letters(session: Session, publication_id: int) -> Sequence[int]:
    """The letters of the issues that no digest has brought yet: those of the open digest, and of the next."""
    digest = open_digest(session, publication_id)
    theirs = DigestEntry.digest_id.is_(None)
    entries = select(DigestEntry.issue_id).where(DigestEntry.publication_id == publication_id)
    entries = entries.where(or_(theirs, DigestEntry.digest_id == digest.id) if digest else theirs)
    found = session.scalars(select(Issue.letter_id).where(Issue.id.in_(entries)))
    return [letter_id for letter_id in found if letter_id is not None]


def find_entry(session: Session, letter_id: int) -> DigestEntry | None:
    """The entry for the digest of the issue of a letter; None if readers of the digest get it like all others."""
    return session.scalar(
        select(DigestEntry).join(Issue, Issue.id == DigestEntry.issue_id).filter_by(letter_id=letter_id)
    )


def letters_with(session: Session, letter_id: int) -> Sequence[int]:
    """The letter of the digest that lists the issue of this letter; empty until that goes out."""
    own = select(Issue.id).where(Issue.letter_id == letter_id).scalar_subquery()
    digest = select(DigestEntry.digest_id).where(DigestEntry.issue_id == own).scalar_subquery()
    found = session.scalar(select(Issue.letter_id).where(Issue.id == digest))
    return [] if found is None else [found]


def write_digest(session: Session, publication: Publication, links: Links, now: datetime) -> Issue | None:
    """The open digest with every issue that was noted for it, as last corrected; None if there is none.

    It is ready, unless an editor has changed it or made it a draft; whether it may go out is judged when it is sent.
    """
    waiting = select(DigestEntry).where(DigestEntry.publication_id == publication.id, DigestEntry.digest_id.is_(None))
    entries = session.scalars(waiting.order_by(DigestEntry.issue_id)).all()
    digest = open_digest(session, publication.id)
    if not entries and (digest is None or not _is_untouched(session, digest)):
        return digest
    new = _in_order(session.scalars(select(Issue).where(Issue.id.in_([entry.issue_id for entry in entries]))))
    readiness = digest.readiness if digest else Readiness.READY
    digest = _revised(session, digest, new, links, now) if digest else _create(session, publication, new, links, now)
    issue_store.set_readiness(digest, readiness)
    for entry in entries:
        entry.digest_id = digest.id
    session.flush()
    return digest


def issues_of(session: Session, digest: Issue) -> list[Issue]:
    """The issues that a digest lists, in the order in which they went out."""
    of_it = select(DigestEntry.issue_id).where(DigestEntry.digest_id == digest.id)
    return _in_order(session.scalars(select(Issue).where(Issue.id.in_(of_it))))


def _create(session: Session, publication: Publication, issues: Sequence[Issue], links: Links, now: datetime) -> Issue:
    day = now.astimezone(ZoneInfo(publication.time_zone)).date()
    slug = free_slug(session, f"{publication.slug}-digest-{day:%Y-%m}")
    text = _text(_composed(publication, issues, links), slug, f"{day.isoformat()}-{slug}.md")
    digest = issue_store.create(session, publication, text, AUTHOR, now)
    digest.kind = IssueKind.DIGEST
    return digest


def _revised(session: Session, digest: Issue, new: Sequence[Issue], links: Links, now: datetime) -> Issue:
    if _is_untouched(session, digest):
        form = _composed(digest.publication, [*issues_of(session, digest), *new], links)
    else:
        form = issue_form.parse_form(digest.revision.source, digest.slug)
        form = replace(form, body=f"{form.body.rstrip()}\n\n{_blocks(new, links)}\n")
    text = _text(form, digest.slug, digest.file_name, dict(issue_store.picture_names(digest.revision)))
    issue_store.revise(session, digest, text, digest.revision_number, AUTHOR, now)
    return digest


def _is_untouched(session: Session, digest: Issue) -> bool:
    """Whether no person has ever changed its text."""
    return set(session.scalars(issue_store.authors(digest))) == {AUTHOR}


def _text(form: IssueForm, slug: str, file_name: str, pictures: Mapping[str, str] = _NO_PICTURES) -> Text:
    source = issue_form.new_file(replace(form, slug=slug))
    return Text(issue_file.parse_draft(source, file_name), file_name, pictures)


def _composed(publication: Publication, issues: Sequence[Issue], links: Links) -> IssueForm:
    language, months = publication.language, _months(publication, issues)
    titles = [issue.title for issue in reversed(issues)]
    intro = gettext("Here is what came out in %(month)s. Each title links to the full issue.", language, month=months)
    hello = gettext("Hello {{ name | friend }},", language)
    return IssueForm(
        title=f"{publication.name}: {months}",
        subject=_shortened(f"{months}: {' · '.join(titles)}", _SUBJECT),
        preheader=_shortened(render.summary(_published(issues[-1])), _PREHEADER),
        tags=", ".join(_common_topics(publication, issues)),
        body=f"{hello}\n\n{markdown.escaped(intro)}\n\n{_blocks(issues, links)}\n",
    )


def _blocks(issues: Sequence[Issue], links: Links) -> str:
    return "\n\n".join(_block(issue, links) for issue in issues)


def _block(issue: Issue, links: Links) -> str:
    began, revision = archive.published_text(issue)
    file = issue_store.parse_revision(issue, revision)
    day = formats.plain_day(began.astimezone(ZoneInfo(issue.publication.time_zone)).date(), issue.publication.language)
    parts = [f"## [{markdown.escaped(file.title)}]({links.archive(issue.slug)})"]
    parts += [markdown.escaped(lead)] if (lead := _shortened(render.summary(file), _LEAD)) else []
    return "\n\n".join([*parts, markdown.escaped(" · ".join(filter(None, (file.category, day))))])


def _common_topics(publication: Publication, issues: Sequence[Issue]) -> list[str]:
    """The topics that a reader has to have turned off to want none of these issues; none if one goes to everybody."""
    topics = [publication.topic_keys(_published(issue).tags) for issue in issues]
    wanted = set(chain.from_iterable(topics)) if all(topics) else set()
    return [topic for topic in publication.topics if label_key(topic) in wanted]


def _published(issue: Issue) -> IssueFile:
    return issue_store.parse_revision(issue, archive.published_text(issue)[1])


def _months(publication: Publication, issues: Sequence[Issue]) -> str:
    """`November 2026`, or the first and the last month, where the publication is."""
    began = [archive.published_text(issue)[0] for issue in issues]
    named = [formats.month(at, publication.time_zone, publication.language) for at in (began[0], began[-1])]
    return " – ".join(dict.fromkeys(named))


def _in_order(issues: Iterable[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: (archive.published_text(issue)[0], issue.id))


def _shortened(text: str, most: int) -> str:
    """At most so many characters, cut between words where there are some, as in Chinese there are not."""
    if len(text) <= most:
        return text
    cut = text[: most - len(" …")]
    words = cut.rpartition(" ")[0]
    return f"{(words if len(words) > most // 2 else cut).rstrip(' ·:,')} …"
