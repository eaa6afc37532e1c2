import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.issues import diff
from newsletter.editorial.issues.diff import Kind, Piece

TEXT = st.text(st.sampled_from("ab \n.{<é"), max_size=60)


def side(pieces: list[Piece], without: Kind) -> str:
    return "".join(piece.text for piece in pieces if piece.kind is not without)


@given(TEXT, TEXT)
def test_either_text_can_be_put_together_from_the_pieces(old: str, new: str) -> None:
    pieces = diff.compare(old, new)
    assert (side(pieces, Kind.NEW), side(pieces, Kind.GONE)) == (old, new)
    assert diff.is_changed(pieces) is (old != new)


@given(TEXT, TEXT)
def test_folding_hides_lines_and_loses_none(old: str, new: str) -> None:
    pieces = diff.compare(old, new)
    assert side(diff.fold_unchanged(pieces, 1), Kind.NEW) == old


def test_one_changed_word_is_told_as_one_changed_word() -> None:
    assert diff.compare("Lie down for ten minutes.\n", "Lie down for five minutes.\n") == [
        Piece(Kind.SAME, "Lie down for "),
        Piece(Kind.GONE, "ten "),
        Piece(Kind.NEW, "five "),
        Piece(Kind.SAME, "minutes.\n"),
    ]


def test_a_line_that_came_leaves_its_neighbours_alone() -> None:
    old, new = "One.\nThree.\n", "One.\nTwo.\nThree.\n"
    assert [piece.kind for piece in diff.compare(old, new)] == [Kind.SAME, Kind.NEW, Kind.SAME]


def test_nothing_differs_between_a_text_and_itself() -> None:
    assert diff.compare("", "") == []
    assert diff.compare("Same.\n", "Same.\n") == [Piece(Kind.SAME, "Same.\n")]
    assert not diff.is_changed(diff.compare("Same.\n", "Same.\n"))


def test_what_stayed_is_folded_but_for_the_lines_around_a_change() -> None:
    lines = [f"Line {number}.\n" for number in range(20)]
    changed = [*lines[:10], "Another.\n", *lines[10:]]
    shown = diff.fold_unchanged(diff.compare("".join(lines), "".join(changed)))
    assert [(piece.kind, piece.lines) for piece in shown] == [
        (Kind.FOLDED, 8),
        (Kind.SAME, 2),
        (Kind.NEW, 1),
        (Kind.SAME, 2),
        (Kind.FOLDED, 8),
    ]


@pytest.mark.parametrize("text", ["word " * 20_000, "to be " * 480, "\n" * 50_000, "a\nb\n" * 20_000, "x" * 100_000])
def test_a_hostile_text_is_compared_in_time(text: str) -> None:
    began = time.process_time()
    diff.compare(text, "Other words.\n" + text.replace("w", "v") + "a")
    assert time.process_time() - began < 5
