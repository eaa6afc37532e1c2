"""Golden files: what a mail was when it was last looked at. Look at the diff, then keep it with UPDATE_GOLDEN=1."""

import os
from pathlib import Path

from newsletter.editorial.rendering.render import Rendered

_FOLDER = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    """What a golden file holds."""
    return (_FOLDER / name).read_text()


def is_golden(name: str, text: str) -> bool:
    """Whether a text is what its golden file holds."""
    path = _FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, newline="\n")
    return golden(name) == text


def is_golden_mail(kind: str, mail: Rendered) -> bool:
    """Whether both parts of a mail are what their golden files hold."""
    text = f"Subject: {mail.subject}\nPreheader: {mail.preheader}\n\n{mail.text}"
    return is_golden(f"{kind}.html", mail.html) and is_golden(f"{kind}.txt", text)
