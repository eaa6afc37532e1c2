"""A catalogue for tests: every message in Arabic letters, so that whatever is still in Latin ones was not translated.

The words mean nothing; values, merge fields and tags are kept.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages import pofile
from babel.messages.catalog import Catalog

from newsletter.editorial.rendering import render
from newsletter.i18n import formats, messages

LANGUAGE = "ar"
_COMPLETE = messages.CATALOGUES / "de" / "LC_MESSAGES" / "messages.po"
# Values, tags, and merge fields, whose fallbacks are words as well.
_KEPT = re.compile(r"(%\(\w+\)s|%%|<[^<>]*>|\{\{\s*\w+\s*\|?|\}\})")
_LETTERS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ابجدهوزحطيكلمنسعفصقرشتثخذض")


def arabic(sentence: str) -> str:
    """The sentence with each of its own letters replaced by an Arabic one."""
    parts = _KEPT.split(sentence)
    return "".join(part if place % 2 else part.lower().translate(_LETTERS) for place, part in enumerate(parts))


@contextmanager
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, Arabic is the only translation."""
    made = Catalog(locale=LANGUAGE)
    for message in pofile.read_po(BytesIO(_COMPLETE.read_bytes())):
        if message.id:
            forms = [arabic(message.id)] if isinstance(message.id, str) else [arabic(message.id[1])] * made.num_plurals
            made.add(message.id, tuple(forms) if len(forms) > 1 else forms[0], context=message.context)
    place = folder / LANGUAGE / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "messages.po").open("wb") as file:
        pofile.write_po(file, made)
    monkeypatch.setattr(messages, "CATALOGUES", folder)
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for remembered in (messages.catalogue, messages.catalogue_of, formats._weekly, render.single_mail):
        remembered.cache_clear()
