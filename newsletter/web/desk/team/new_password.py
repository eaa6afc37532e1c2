"""A new password as it was typed, twice: what is wrong with it stands beside its field."""

from flask import request

from newsletter.editors import Editor, passwords
from newsletter.errors import Invalid

_DIFFERENT = "The two do not match. Type the new password again in both."


def password_faults(editor: Editor) -> dict[str, str]:
    """For each field that is wrong, a sentence that says how to mend it."""
    typed = request.form.get("new", "")
    if typed != request.form.get("again", ""):
        return {"again": _DIFFERENT}
    try:
        passwords.require_strong(typed, editor.email)
    except Invalid as error:
        return {"new": str(error)}
    return {}


def lengths() -> dict[str, int]:
    """What a page says of how long it may be."""
    return {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
