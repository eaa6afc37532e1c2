"""The merge view: two versions of a text in one, with choices for each passage that both changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import render_template

from newsletter.db import Session
from newsletter.editorial.issues import diff, drafts
from newsletter.editorial.issues.diff import Kind, Piece
from newsletter.editorial.issues.drafts import MergeConflict, OtherTabConflict
from newsletter.editorial.issues.merge import Clash, Merged
from newsletter.editorial.models import Issue
from newsletter.web import auth
from newsletter.web.desk import editor_names
from newsletter.web.desk.writing import save_state


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to resolve a conflict: the author, the text, and its diff."""

    label: str
    text: str
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Question:
    """A conflict, and its number among the passages."""

    place: int
    number: int
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class MergeView:
    """All that the merge view shows and sends back."""

    issue: Issue
    why: str
    base: int
    draft: int
    settled: dict[int, str]
    """The passages that need no answer, by their number."""
    folded: list[Piece | Question]
    """Merged text, folded, with the questions in it."""

    @property
    def questions(self) -> list[Question]:
        """The conflicts to resolve."""
        return [one for one in self.folded if isinstance(one, Question)]

    @property
    def passages(self) -> int:
        """The number of passages, with and without conflict."""
        return len(self.settled) + len(self.questions)


def merge_view(store: Session, found: Issue, error: MergeConflict) -> MergeView:
    """The merge view of two versions of an issue's text."""
    last = drafts.latest_draft(store, found, auth.email())
    is_own = isinstance(error, OtherTabConflict)
    author = (
        "You, in another window" if is_own else f"{save_state.author(store, found)}, revision {found.revision_number}"
    )
    settled = {place: piece for place, piece in enumerate(error.merged.pieces) if isinstance(piece, str)}
    folded = list(_pieces(error.merged, author))
    editor_names.look_up_in(store)
    return MergeView(found, str(error), error.base, last.number if last else 0, settled, folded)


def fragment(made: MergeView) -> str:
    """The form of the merge view, for the writing page's script."""
    return render_template("desk/parts/write_overlap.html", view=made)


def _pieces(merged: Merged, author: str) -> Iterator[Piece | Question]:
    questions = _questions(merged, author)
    pieces = [Piece(Kind.NEW if isinstance(one, Clash) else Kind.SAME, _text(one)) for one in merged.pieces]
    for piece in diff.fold_unchanged(pieces):
        yield next(questions) if piece.kind is Kind.NEW else piece


def _questions(merged: Merged, author: str) -> Iterator[Question]:
    above, number = "", 0
    for place, piece in enumerate(merged.pieces):
        if isinstance(piece, Clash):
            number += 1
            yield Question(place, number, list(_choices(piece, author, can_be_both=_is_body(above))))
        above += _text(piece)


def _choices(clash: Clash, author: str, *, can_be_both: bool) -> Iterator[Choice]:
    yield Choice(author, clash.theirs, diff.compare(clash.before, clash.theirs))
    yield Choice("You, here", clash.mine, diff.compare(clash.before, clash.mine))
    if can_be_both and clash.mine and clash.theirs:
        yield Choice("Both, one after the other", clash.both, [])


def _is_body(above: str) -> bool:
    """Whether a conflict is in the body; a field of the front matter can have only one value."""
    return above.split("\n").count("---") > 1


def _text(piece: str | Clash) -> str:
    return piece.both if isinstance(piece, Clash) else piece
