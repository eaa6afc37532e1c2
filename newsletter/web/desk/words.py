"""The desk's words for numbers and states."""

from collections.abc import Sequence

from newsletter.addresses import masking
from newsletter.delivery.models import LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.editors import Role
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.desk import previews
from newsletter.workflows import build_letter
from newsletter.workflows.calendar import PassedOver

# Sorted as an editor's eye goes: what needs a person first, what is past last.
GROUPS: dict[IssueState, str] = {
    IssueState.PAUSED: "Needs you",
    IssueState.SENDING: "Going out now",
    IssueState.SCHEDULED: "Scheduled",
    IssueState.READY: "Ready",
    IssueState.DRAFT: "Drafts",
    IssueState.SENT: "Sent",
    IssueState.CANCELLED: "Cancelled",
}


_NAMED = 2


def context() -> dict[str, object]:
    """What every template of the desk can say."""
    return {
        "state": issue_store.state,
        "is_held": is_held,
        "is_open": build_letter.is_open,
        "can_be_scheduled": build_letter.can_be_scheduled,
        "lacking": queue_obstacles,
        "may": may,
        "mail_of": shown_address,
        "veiled": masked_text,
        "groups": GROUPS,
        "views": previews.VIEWS,
        "sample": previews.SAMPLE,
    }


def queue_obstacles(passed: Sequence[PassedOver]) -> str:
    """What keeps the issues of the queue from a slot: of the first two, and how many there are besides."""
    told = [f"“{one.issue.title}” {one.blocker.lack}" for one in passed[:_NAMED]]
    more = len(passed) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])])


def stopped(spared: int, *, was_going: bool) -> str:
    """What a stop did; of a letter that was going out, that what was just being handed over may have gone."""
    sentence = f"Stopped. {formats.counted(spared, 'copy')} will not be sent."
    return f"{sentence} Copies that were being sent at that moment may still arrive." if was_going else sentence


def is_held(issue: Issue) -> bool:
    """Whether the issue missed its hour, so that a person has to decide."""
    return issue.letter is not None and issue.letter.state is LetterState.HELD


def shown_address(address: str) -> str:
    """A reader's address, for whoever may see it; masked for those who only write or look."""
    return address if sees_addresses() else masking.mask_address(address)


def masked_text(text: str | None) -> str:
    """What may hold a reader's address, such as a server's reply, for the same people."""
    return (text or "") if sees_addresses() else masking.mask_all_in_text(text or "")


def sees_addresses() -> bool:
    """Whether readers' addresses are shown to who is here: to those who send to them, and not to author and viewer."""
    return may(Role.EDITOR)


def may(role: str) -> bool:
    """Whether whoever reads this page has that role or a higher one."""
    person = auth.person()
    return person is not None and person.may(Role(role))
