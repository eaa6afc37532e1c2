"""An issue's details on the writing page: the line that they fold into, and what the text proposes for them."""

from collections.abc import Sequence

from newsletter.editorial.source import proposals
from newsletter.editorial.source.issue_form import FormPlace, IssueForm
from newsletter.i18n import formats
from newsletter.web.desk.writing.editor_form import FieldFault

_BESIDE_THEM = {"", "body"}


def details_line(title: str, subject: str, preheader: str) -> dict[str, str]:
    """The line in two parts, such as `Unwind a tight back` and `· subject 42, preheader 98 characters`."""
    lengths = {"subject": proposals.shown_length(subject), "preheader": proposals.shown_length(preheader)}
    counted = [f"{name} {formats.number(length)}" for name, length in lengths.items() if length]
    missing = [name for name, length in lengths.items() if not length]
    parts = [
        f"{', '.join(counted)} {formats.plural(sum(lengths.values()), 'character', 'characters')}" if counted else "",
        f"{' and '.join(missing)} missing" if missing else "",
    ]
    return {"title": title or "No title yet", "rest": "".join(f"· {part} " for part in parts if part).strip()}


def proposed(form: IssueForm) -> dict[str, str]:
    """What the text proposes for each field that is still empty; an empty string for the others."""
    proposal = proposals.propose(form.title, form.body)
    return {name: "" if getattr(form, name) else getattr(proposal, name) for name in proposals.PROPOSED}


def are_needed(complaints: Sequence[FieldFault], goto: FormPlace | None) -> bool:
    """Whether the details are to be shown open: a fault is in them, or the page was opened at one of them."""
    return any(one.field not in _BESIDE_THEM for one in complaints) or bool(goto and goto.field not in _BESIDE_THEM)
