"""Run preflight on an issue with all facts from the database, and request link and spam checks.

This is for editors at work; whether an issue is blocked depends on the text alone (`build_letter`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Letter, LetterState
from newsletter.editorial import preflight
from newsletter.editorial.external_checks import link_checks, spam_checks
from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.drafts import ParsedText
from newsletter.editorial.models import Issue, Picture, Readiness, Revision
from newsletter.editorial.preflight import CheckContext, Facts, Finding, Level, PictureSize, SpamVerdict, weight
from newsletter.editorial.preflight.rules import links as rules_links
from newsletter.editorial.preflight.weight import Weight
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.links import Links
from newsletter.workflows import build_letter, prepare_issue
from newsletter.workflows.build_letter import LetterSettings

_LOOKED_AFTER = timedelta(days=30)
"""The links of a draft that was not changed for this long are no longer checked."""

_NOT_AN_ISSUE = "A text that cannot be read as an issue cannot be shown or sent."
_NO_MAIL = Rendered("", "", "", "")


@dataclass(frozen=True, slots=True)
class Questions:
    """The state of an issue's link checks and spam check."""

    allowed: bool
    """Whether links may be checked (LINK_CHECKS)."""
    links: int = 0
    answered: int = 0
    waiting: int = 0
    verdict: SpamVerdict | None = None
    """The spam verdict, or the reason why there is none; None for an unsaved text."""
    spam_waiting: bool = False

    @property
    def are_open(self) -> bool:
        """Whether any check is pending."""
        return bool(self.spam_waiting or (self.allowed and self.waiting))

    @property
    def can_be_asked(self) -> bool:
        """Whether checks can be requested: there is something to check, and nothing is pending."""
        return not self.are_open and ((self.allowed and self.links > 0) or self._has_no_verdict)

    @property
    def are_new(self) -> bool:
        """Whether something has never been checked."""
        unasked = self.allowed and self.answered + self.waiting < self.links
        return bool(unasked or (self._has_no_verdict and not self.spam_waiting))

    @property
    def _has_no_verdict(self) -> bool:
        """Whether a spam check could give a verdict that is missing."""
        return self.verdict is not None and bool(self.verdict.fault) and self.verdict != spam_checks.NOT_INSTALLED


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one rule."""

    findings: Sequence[Finding]

    @property
    def why(self) -> str:
        return self.findings[0].why

    @property
    def source(self) -> str:
        return self.findings[0].source


@dataclass(frozen=True, slots=True)
class Inspection:
    """The findings for a text and the size of its mail, None if it cannot be rendered."""

    findings: Sequence[Finding]
    weight: Weight | None
    questions: Questions

    def of_level(self, level: str) -> list[Finding]:
        """The findings of one level."""
        return [finding for finding in self.findings if finding.level == level]

    def groups(self, level: str) -> list[Group]:
        """The findings of one level grouped by rule, in the order of each rule's first finding."""
        rules: dict[str, list[Finding]] = {}
        for finding in self.of_level(level):
            rules.setdefault(finding.rule, []).append(finding)
        return [Group(findings) for findings in rules.values()]

    @property
    def is_blocked(self) -> bool:
        return bool(self.of_level(Level.BLOCKING))


def inspect(session: Session, issue: Issue, links: Links, *, may_ask: bool) -> Inspection:
    """Check the newest revision of an issue; `may_ask` says whether links may be checked."""
    prepared, pictures = prepare_issue.prepare(issue, links), issue_store.picture_names(issue.revision)
    content = prepared.mail.content_hash
    verdict, waits = spam_checks.verdict(session, content), spam_checks.is_waiting(session, content)
    facts = gather_facts(session, issue, prepared.source, pictures, links, may_ask=may_ask)
    context = CheckContext(prepared.source, prepared.mail, replace(facts, spam=verdict))
    questions = replace(_questions(session, context), verdict=verdict, spam_waiting=waits)
    return Inspection(preflight.run_rules(context), weight.measure(context), questions)


def inspect_text(
    session: Session, issue: Issue, read: ParsedText, mail: Rendered | None, links: Links, *, may_ask: bool
) -> Inspection:
    """Check an unsaved text, including its faults, with the mail rendered from it."""
    faults = [
        Finding(Level.BLOCKING, fault.text, line=fault.line, why=_NOT_AN_ISSUE, rule="the text is an issue")
        for fault in issue_file.lasting(read.faults)
    ]
    facts = gather_facts(session, issue, read.file, read.pictures, links, may_ask=may_ask)
    context = CheckContext(read.file, mail or _NO_MAIL, facts)
    heavy = weight.measure(context) if mail else None
    return Inspection([*faults, *preflight.run_rules(context)], heavy, _questions(session, context))


def gather_facts(
    session: Session,
    issue: Issue,
    file: IssueFile,
    pictures: Mapping[str, str],
    links: Links,
    *,
    may_ask: bool,
) -> Facts:
    """All facts about a text that the database has; `pictures` maps names in the text to stored file names."""
    facts = Facts.for_publication(issue.publication, links)
    others = select(Issue.title).where(
        Issue.publication_id == issue.publication_id, Issue.id != issue.id, Issue.subject != ""
    )
    return replace(
        facts,
        same_subject=session.scalar(others.where(func.lower(Issue.subject) == file.subject.lower()).limit(1)),
        issues=_linked_issues(session, file, facts),
        pictures=_sizes(session, pictures),
        links_asked=may_ask,
        answers=link_checks.answers(session, _addresses(file, facts)) if may_ask else {},
    )


def addresses(issue: Issue, links: Links) -> list[str]:
    """The web URLs that the newest revision links to, except the publication's own."""
    return _addresses(
        issue_store.parse_revision(issue, issue.revision), Facts.for_publication(issue.publication, links)
    )


def request_checks(session: Session, issue: Issue, links: Links, now: datetime, *, may_ask: bool) -> None:
    """Request link checks and a spam check of the newest revision, to be run by the worker."""
    prepared = prepare_issue.prepare(issue, links)
    spam_checks.request_check(session, issue.id, prepared.mail.content_hash, now)
    if may_ask:
        urls = _addresses(prepared.source, Facts.for_publication(issue.publication, links))
        link_checks.request_checks(session, urls, now, older=link_checks.AT_ONCE)


def request_link_checks(session: Session, links: Links, now: datetime) -> None:
    """Request checks of the links of every issue that is still to go out, where the result is unknown or stale."""
    for issue in session.scalars(_upcoming_issues(now)):
        link_checks.request_checks(session, addresses(issue, links), now, older=link_checks.FRESH)


def mail_for_spam_check(
    session: Session, issue_id: int, content: str, letters: LetterSettings, now: datetime
) -> bytes | None:
    """An issue's mail for the spam filter; None if its content has changed since the request."""
    issue = session.get(Issue, issue_id)
    if issue is None:
        return None
    letter = build_letter.draft_letter(issue, letters, now)
    return build_letter.sample_mail(letter, letters.links, now)["issue.eml"] if letter.content_hash == content else None


def _addresses(file: IssueFile, facts: Facts) -> list[str]:
    return list(dict.fromkeys(rules_links.web_links(CheckContext(file, _NO_MAIL, facts))))


def _questions(session: Session, context: CheckContext) -> Questions:
    urls = list(dict.fromkeys(rules_links.web_links(context)))
    allowed = bool(context.facts.links_asked)
    waiting = link_checks.count_pending(session, urls) if allowed else 0
    return Questions(allowed, len(urls), sum(url in context.facts.answers for url in urls), waiting)


def _upcoming_issues(now: datetime) -> Select[Issue]:
    newest = (Revision.issue_id == Issue.id) & (Revision.number == Issue.revision_number)
    waits = or_(Issue.letter_id.is_(None), Letter.state == LetterState.WAITING)
    alive = or_(
        Issue.readiness == Readiness.READY, Issue.letter_id.is_not(None), Revision.created_at > now - _LOOKED_AFTER
    )
    return select(Issue).join(Revision, newest).outerjoin(Letter, Letter.id == Issue.letter_id).where(waits, alive)


def _linked_issues(session: Session, file: IssueFile, facts: Facts) -> dict[str, bool]:
    """Whether each linked issue is published, by slug; issues that do not exist are missing."""
    slugs = {slug for slug in rules_links.archived_slugs(CheckContext(file, _NO_MAIL, facts)) if "\0" not in slug}
    if not slugs:
        return {}
    found = select(Issue.slug, Letter.started_at.is_not(None)).outerjoin(Issue.letter).where(Issue.slug.in_(slugs))
    return {slug: bool(is_out) for slug, is_out in session.execute(found)}


def _sizes(session: Session, pictures: Mapping[str, str]) -> dict[str, PictureSize]:
    found = session.scalars(select(Picture).where(Picture.file_name.in_(set(pictures.values()))))
    files = {picture.file_name: picture for picture in found}
    return {
        name: PictureSize(files[file].width, files[file].height, files[file].size, files[file].developed)
        for name, file in pictures.items()
        if file in files
    }
