import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.issues import merge
from newsletter.editorial.issues.merge import Clash

LINES = st.lists(st.sampled_from(["", "a", "b", "c", "One. Two.", "One. Three! Two.", "---", "title: x"]), max_size=9)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))
PARAGRAPHS = st.lists(st.integers(0, 10_000), min_size=2, max_size=12, unique=True)


def sentences(text: str) -> set[str]:
    return set(re.split(r"\n|(?<=[.!?]) ", text)) - {""}


@given(TEXTS, TEXTS)
def test_who_changed_nothing_gets_the_others_text_to_the_byte_and_what_both_changed_alike_is_taken_once(
    before: str, text: str
) -> None:
    for mine, theirs in ((text, before), (before, text), (text, text)):
        merged = merge.merge(before, mine, theirs)
        assert (merged.text, merged.clashes) == (text, [])


@given(TEXTS, TEXTS, TEXTS)
def test_it_does_not_matter_whose_text_is_whose(before: str, one: str, other: str) -> None:
    turned = [
        Clash(piece.before, piece.theirs, piece.mine) if isinstance(piece, Clash) else piece
        for piece in merge.merge(before, other, one).pieces
    ]
    assert merge.merge(before, one, other).pieces == turned


@given(TEXTS, TEXTS, TEXTS)
def test_no_sentence_that_either_side_wrote_is_lost(before: str, one: str, other: str) -> None:
    fresh = (sentences(one) | sentences(other)) - sentences(before)
    assert fresh <= sentences(merge.merge(before, one, other).text)


@given(PARAGRAPHS, st.data())
def test_changes_of_different_paragraphs_are_both_there_and_never_clash(
    numbers: list[int], data: st.DataObject
) -> None:
    before = [f"Paragraph {number}." for number in numbers]
    mine, theirs = list(before), list(before)
    here, there = data.draw(st.permutations(range(len(before))))[:2]
    mine[here] = data.draw(st.sampled_from(["Mine.", "Mine.\n\nAnd more of mine."]))
    theirs[there] = data.draw(st.sampled_from(["Theirs.", "Theirs.\n\nAnd more of theirs."]))
    merged = merge.merge(*("\n\n".join(side) for side in (before, mine, theirs)))
    expected = list(before)
    expected[here], expected[there] = mine[here], theirs[there]
    assert (merged.text, merged.clashes) == ("\n\n".join(expected), [])


@pytest.mark.parametrize(
    ("before", "mine", "theirs", "merged"),
    [
        ("a\nb\n", "A\nb\n", "a\nB\n", "A\nB\n"),
        ("a\nb\nc\n", "b\nc\n", "a\nb\nC\n", "b\nC\n"),
        ("a\nb", "a\nb\n\nc", "a\nB", "a\nB\n\nc"),
        ("a\r\nb\r\n", "a\nb\nc\n", "A\r\nb\r\n", "A\nb\nc\n"),
        ("", "a\n", "a\nb\n", "a\nb\n"),
        (
            "---\ntitle: x\nsubject: y\n---\nBody.\n",
            "---\ntitle: X\nsubject: y\n---\nBody.\n",
            "---\ntitle: x\nsubject: Y\n---\nBody!\n",
            "---\ntitle: X\nsubject: Y\n---\nBody!\n",
        ),
        ("Sit. Stand. Walk.\n", "Sit up. Stand. Walk.\n", "Sit. Stand. Walk on.\n", "Sit up. Stand. Walk on.\n"),
    ],
    ids=[
        "neighbouring lines",
        "a line taken away",
        "no final newline",
        "CRLF",
        "one goes on from the other",
        "front matter",
        "sentences of one paragraph",
    ],
)
def test_texts_that_do_not_meet_are_one(before: str, mine: str, theirs: str, merged: str) -> None:
    made = merge.merge(before, mine, theirs)
    assert (made.text, made.clashes) == (merged, [])


def test_where_both_changed_a_sentence_only_that_sentence_clashes_and_the_rest_is_merged() -> None:
    before = "Title\n\nSit. Stand. Walk.\n\nEnd.\n"
    mine, theirs = (
        before.replace("Stand.", "Stand up."),
        before.replace("Stand.", "Stand still.").replace("End.", "Fin."),
    )
    assert merge.merge(before, mine, theirs).pieces == [
        "Title\n\nSit. ",
        Clash("Stand. ", "Stand up. ", "Stand still. "),
        "Walk.\n\nFin.\n",
    ]


def test_what_both_put_into_the_same_place_clashes_and_stands_in_the_text_one_after_the_other() -> None:
    merged = merge.merge("a\n", "a\n\nMine.\n", "a\n\nTheirs.\n")
    assert merged.pieces == ["a\n\n", Clash("", "Mine.\n", "Theirs.\n")]
    assert merged.text == "a\n\nTheirs.\n\nMine.\n"


def test_what_one_took_away_and_the_other_changed_is_not_lost() -> None:
    merged = merge.merge("a\nb\nc\n", "a\nc\n", "a\nB\nc\n")
    assert merged.pieces == ["a\n", Clash("b\n", "", "B\n"), "c\n"]
    assert merged.text == "a\nB\nc\n"


@pytest.mark.parametrize("same", [1, 50, 4_000])
def test_long_texts_are_merged_at_once_however_alike_their_lines(same: int) -> None:
    before = "".join(f"A line that says {number % same}.\n\n" for number in range(4_000))
    began = time.process_time()
    mine, theirs = before.replace("says 7", "tells 7"), f"{before}The end.\n"
    assert merge.merge(before, mine, theirs).text.endswith("The end.\n")
    assert time.process_time() - began < 10


def test_a_row_of_dots_is_merged_at_once() -> None:
    before = "." * 100_000 + "a\n"
    began = time.process_time()
    assert merge.merge(before, f"Mine. {before}", f"Theirs. {before}").clashes
    assert time.process_time() - began < 10
