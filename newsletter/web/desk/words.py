"""The desk's words for numbers and states."""

from collections.abc import Sequence

from newsletter.addresses import masking
from newsletter.audience.importing.uploads.models import UploadState
from newsletter.delivery.models import LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.editors import Role
from newsletter.errors import Invalid, NotFound
from newsletter.i18n import formats
from newsletter.web import auth, error_pages
from newsletter.web.desk import lookup, previews
from newsletter.workflows import build_letter, issue_readiness
from newsletter.workflows.calendar import PassedOver

# In the order that matters to editors: what needs a person first, what is over last.
GROUPS: dict[IssueState, str] = {
    IssueState.PAUSED: "Needs you",
    IssueState.SENDING: "Going out now",
    IssueState.SCHEDULED: "Scheduled",
    IssueState.READY: "Ready",
    IssueState.DRAFT: "Drafts",
    IssueState.SENT: "Sent",
    IssueState.CANCELLED: "Cancelled",
}

WAITING_UPLOADS = {
    UploadState.FAILED: "The import of “{}” failed. See why, and upload it again.",
    UploadState.PAUSED: "The import of “{}” is paused. Continue it, or cancel it.",
    UploadState.CHECKED: "The dry run of “{}” is done. Look at it, then import the readers.",
}
"""What a person has to do about an import that does not go on by itself; `{}` is its file's name."""

_NAMED = 2


def context() -> dict[str, object]:
    """The functions and names for every template of the desk."""
    return {
        "state": issue_store.state,
        "is_held": is_held,
        "is_open": build_letter.is_open,
        "can_be_scheduled": issue_readiness.can_be_scheduled,
        "lacking": _queue_obstacles,
        "may": may,
        "version_of": lookup.version,
        "segment_name": segment_name,
        "mail_of": _shown_address,
        "veiled": masked_text,
        "groups": GROUPS,
        "views": previews.VIEWS,
        "sample": previews.SAMPLE,
    }


def _queue_obstacles(passed: Sequence[PassedOver]) -> str:
    """Why the issues of the queue cannot fill a slot: the first two, and the number of others."""
    reasons = [f"“{one.issue.title}” {one.blocker.lack}" for one in passed[:_NAMED]]
    more = len(passed) - len(reasons)
    return "; ".join([*reasons, *([f"and {more} more"] if more else [])])


def stopped(spared: int, *, was_going: bool) -> str:
    """The result of stopping; after a running letter with a note that copies in flight may have been delivered."""
    sentence = f"Stopped. {formats.counted(spared, 'copy')} will not be sent."
    return f"{sentence} Copies that were being sent at that moment may still arrive." if was_going else sentence


def as_sentence(fault: object) -> str:
    """A fault or an error beside a field: with a capital first and a full stop last."""
    return f"{error_pages.sentence_of(fault).removesuffix('.')}."


def is_held(issue: Issue) -> bool:
    """Whether the issue missed its scheduled time, so that a person has to decide."""
    return issue.letter is not None and issue.letter.state is LetterState.HELD


def segment_name(issue: Issue) -> str:
    """The name of the segment that an issue goes to, or went to; empty for everybody."""
    try:
        return str((build_letter.segment_of(issue) or {"name": ""})["name"])
    except (Invalid, NotFound):
        return "which was deleted"


def _shown_address(address: str) -> str:
    """A reader's address, masked for people who may only write or look."""
    return address if sees_addresses() else masking.mask_address(address)


def masked_text(text: str | None) -> str:
    """A text that may contain an address, such as a server's reply, masked for the same people."""
    return (text or "") if sees_addresses() else masking.mask_all_in_text(text or "")


def sees_addresses() -> bool:
    """Whether this person may see readers' addresses: those who send mail may, authors and viewers may not."""
    return may(Role.EDITOR)


def may(role: str) -> bool:
    """Whether this person has that role or a higher one."""
    person = auth.person()
    return person is not None and person.may(Role(role))
