"""The tags and attributes of imported rows, written in a few statements for a whole group."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from newsletter.audience import tags
from newsletter.audience.importing.plan import ImportRow
from newsletter.publications import Publication


def add(session: Session, publication: Publication, given: Sequence[tuple[int, ImportRow]]) -> None:
    """Give each subscription the tags of its row, and those of its attributes that it does not have yet."""
    _add_tags(session, publication, [(one, row) for one, row in given if row.tags])
    _add_attributes(session, publication, [(one, row) for one, row in given if row.attributes])


def _add_tags(session: Session, publication: Publication, given: Sequence[tuple[int, ImportRow]]) -> None:
    names = {name: tags.folded_name(name) for _, row in given for name in row.tags}
    ids = tags.ensure_tags(session, publication.id, names)
    tags.add_tags(session, [(one, ids[names[name]]) for one, row in given for name in row.tags])


def _add_attributes(session: Session, publication: Publication, given: Sequence[tuple[int, ImportRow]]) -> None:
    names = {name: tags.folded_name(name) for _, row in given for name in row.attributes}
    known = tags.known_attributes(session, publication.id, set(names.values()))
    # Of one that is new, the type is guessed by the first values that come.
    if new := [name for name, key in names.items() if key not in known]:
        types = {name: tags.guess_type(row.attributes.get(name, "") for _, row in given) for name in new}
        known |= tags.ensure_attributes(session, publication.id, types)
    values = [(one, known[names[name]], text) for one, row in given for name, text in row.attributes.items()]
    tags.set_attributes(session, values, replace=False)
