"""The states of the steps to a publication's first issue, as they follow from what is there; nothing is stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.addresses import example_domains, freemail
from newsletter.audience import growth
from newsletter.audience.importing.uploads import models as imports
from newsletter.audience.importing.uploads.models import ImportUpload, UploadState
from newsletter.audience.models import Status
from newsletter.db import Session
from newsletter.delivery.models import OutboxState
from newsletter.delivery.smtp.outage import UnreachableServer
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.doctor import Level, report
from newsletter.doctor.report import Report
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import archive
from newsletter.editorial.schedule import occurrences
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import timed_cache, words
from newsletter.workflows import test_mail
from newsletter.workflows.test_mail import SentTestStatus

EXAMPLE = {"name": "BackPainHelp", "postal_address": "BackPainHelp\n1 Example Street\n00-000 Sampleton"}
"""The name and other values of the example publication, as in issues/publication.toml."""


class StepKind(StrEnum):
    """The steps, in their order."""

    NAME = "name"
    SENDER = "sender"
    ADDRESS = "address"
    LOOK = "look"
    SLOT = "slot"
    READERS = "readers"
    TEST = "test"
    DOCTOR = "doctor"


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    OPEN = "to do"
    OPTIONAL = "optional"
    """Not done, and not needed either."""
    UNDER_WAY = "under way"
    FAULTY = "needs attention"

    @property
    def is_wanting(self) -> bool:
        """Whether a person has to do something before it is done."""
        return self in {StepState.OPEN, StepState.FAULTY}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the states of the steps follow from."""

    publication: Publication
    issue_sender: str
    """The address that issues are sent from."""
    next_slot: datetime | None
    readers: int
    unconfirmed: int
    upload: ImportUpload | None
    """The newest import."""
    test: SentTestStatus | None
    """The newest test mail to this person."""
    unreachable: Sequence[UnreachableServer]
    """The mail servers that cannot be reached now."""
    has_mailed: bool
    """Whether an issue has gone out."""
    report: Report | None


Finding = tuple[StepState, str]


def read_situation(store: Session, publication: Publication) -> Situation:
    """What there is now, for the person of this request."""
    counts = timed_cache.counts(store, publication.id)
    return Situation(
        publication=publication,
        issue_sender=services().letters.sender_of(publication),
        next_slot=next(occurrences.moments(publication, now()), None),
        readers=sum(counts[status] for status in growth.READING),
        unconfirmed=counts[Status.PENDING],
        upload=next(iter(imports.latest_uploads(store, publication, 1)), None),
        test=test_mail.latest_to(store, publication, auth.email()),
        unreachable=heartbeat.unreachable_servers(store, MailKind.LETTERS, now()),
        has_mailed=store.scalar(posts.without_imports(archive.published(publication.id)).limit(1)) is not None,
        report=report.last_report(services().settings.data_dir),
    )


def judge(kind: StepKind, at: Situation) -> Finding:
    """The state of a step, and the reason for it in a sentence."""
    return _JUDGES[kind](at)


def _judge_name(at: Situation) -> Finding:
    publication = at.publication
    if publication.name == EXAMPLE["name"] and example_domains.is_example(publication.sender_address):
        return (
            StepState.OPEN,
            f"{publication.name} is the example that comes with Newsletter Press. Give yours its own name.",
        )
    return StepState.DONE, f"{publication.name}: {publication.tagline}" if publication.tagline else publication.name


def _judge_sender(at: Situation) -> Finding:
    own = at.publication
    for address in (own.sender_address, at.issue_sender):
        if example_domains.is_example(address):
            return StepState.OPEN, f"{address} is only an example. Use an address at a domain of your own."
        if trouble := freemail.warning(address):
            return StepState.FAULTY, trouble
    return StepState.DONE, f"{own.sender_name} <{at.issue_sender}>"


def _judge_address(at: Situation) -> Finding:
    lines = [line.strip() for line in at.publication.postal_address.strip().splitlines()]
    if "\n".join(lines) == EXAMPLE["postal_address"]:
        return StepState.OPEN, "It is still the example address. The law requires a real one in every email."
    if not lines:
        return StepState.OPEN, "There is none yet. The law requires one in every email."
    return StepState.DONE, ", ".join(lines)


def _judge_look(at: Situation) -> Finding:
    has_colours = at.publication.accent or at.publication.accent_dark
    if not at.publication.logo and not has_colours:
        return StepState.OPTIONAL, "The default colours, and the name in place of a logo."
    logo = "Your logo" if at.publication.logo else "The name in place of a logo"
    return StepState.DONE, f"{logo}, and {'your own' if has_colours else 'the default'} colours."


def _judge_slot(at: Situation) -> Finding:
    if at.next_slot is None:
        return StepState.OPEN, "None yet. With one, the queue sends an issue every week at that time."
    every = formats.word_list([formats.weekly(slot) for slot in at.publication.slots])
    return StepState.DONE, f"Every {every}. The next is {formats.day(at.next_slot, at.publication.time_zone)}."


_IMPORTS = {
    UploadState.DRAFT: (StepState.FAULTY, "“{}” is uploaded. Say what it holds."),
    UploadState.CHECKING: (StepState.UNDER_WAY, "“{}” is being checked."),
    UploadState.IMPORTING: (StepState.UNDER_WAY, "“{}” is being imported."),
    **{state: (StepState.FAULTY, sentence) for state, sentence in words.WAITING_UPLOADS.items()},
}


def _judge_readers(at: Situation) -> Finding:
    if at.upload and at.upload.state in _IMPORTS:
        state, sentence = _IMPORTS[at.upload.state]
        return state, sentence.format(at.upload.file_name)
    if at.readers:
        return StepState.DONE, f"{formats.counted(at.readers, 'reader')}."
    if at.unconfirmed:
        waiting = formats.counted(at.unconfirmed, "reader")
        return StepState.DONE, f"{waiting} {formats.plural(at.unconfirmed, 'has', 'have')} still to confirm."
    return StepState.OPTIONAL, "None yet. If you have a list elsewhere, import it; others sign up with the form."


def _judge_test(at: Situation) -> Finding:
    post = at.test.post if at.test else None
    if post is None:
        if at.has_mailed:
            return StepState.DONE, "Issues have gone out already."
        return StepState.OPEN, "See an issue in your own inbox, and how your mail server responds."
    reply = words.masked_text(post.reply)
    match post.state:
        case OutboxState.SENT if post.sender_address != at.issue_sender:
            return StepState.OPEN, f"The last one was from {post.sender_address}, which is no longer the sender."
        case OutboxState.SENT | OutboxState.FAILED if at.test and at.test.bounce is not None:
            return StepState.FAULTY, f"It came back: {words.masked_text(at.test.bounce)}"
        case OutboxState.SENT:
            return StepState.DONE, f"The mail server accepted it. It said: {reply}"
        case OutboxState.FAILED:
            return StepState.FAULTY, f"The mail server refused it. It said: {reply}"
        case OutboxState.SKIPPED:
            return StepState.FAULTY, "Your address is suppressed: it gets no email from here."
        case OutboxState.PENDING if reply:
            return StepState.FAULTY, f"The mail server has not accepted it yet. It said: {reply}"
    if at.unreachable:
        return StepState.FAULTY, f"The mail server cannot be reached: {words.masked_text(at.unreachable[0].why)}"
    return StepState.UNDER_WAY, "It is on its way to you."


def _judge_doctor(at: Situation) -> Finding:
    if at.report is None:
        return StepState.OPEN, "Not asked yet. It checks DNS, mail servers and this server."
    found = [one.level for one in at.report.findings]
    worst = [
        formats.counted(found.count(level), level.value) for level in (Level.ERROR, Level.WARNING) if level in found
    ]
    when = formats.moment(at.report.at, at.publication.time_zone)
    sentence = f"{formats.word_list(worst) if worst else 'Nothing to fix'}, as of {when}."
    return (StepState.FAULTY if Level.ERROR in found else StepState.DONE), sentence


_JUDGES: Mapping[StepKind, Callable[[Situation], Finding]] = {
    StepKind.NAME: _judge_name,
    StepKind.SENDER: _judge_sender,
    StepKind.ADDRESS: _judge_address,
    StepKind.LOOK: _judge_look,
    StepKind.SLOT: _judge_slot,
    StepKind.READERS: _judge_readers,
    StepKind.TEST: _judge_test,
    StepKind.DOCTOR: _judge_doctor,
}
