"""Validation of a new password, typed twice."""

from flask import request

from newsletter.editors import Editor, passwords
from newsletter.errors import Invalid
from newsletter.web.desk import words

_DIFFERENT = "The two do not match. Type the new password again in both."


def password_faults(editor: Editor) -> dict[str, str]:
    """For each invalid field, a sentence that says how to correct it."""
    typed = request.form.get("new", "")
    if typed != request.form.get("again", ""):
        return {"again": _DIFFERENT}
    try:
        passwords.require_strong(typed, editor.email)
    except Invalid as error:
        return {"new": words.as_sentence(error)}
    return {}


def lengths() -> dict[str, int]:
    """The allowed lengths, for the page."""
    return {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
