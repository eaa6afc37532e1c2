"""The grammar of claims: forms of words, phrases, frames and gaps, whatever the words of the letters are."""

import pytest

from newsletter.editorial.preflight.health_claims.grammar import Lexicon

LEXICON = Lexicon(
    fixed={"LINK": "with, to", "NOT": "not, no longer", "SOON": "by friday"},
    nouns={"ILL": "pain, slipped disc, remedy, fiasco"},
    verbs={"CURE": "cure, stop, deny, throw/threw/thrown away"},
    endings={"ache": "ILL"},
)


def found(frame: str, text: str) -> list[str]:
    names = {"cured": "CURE noun ILL\nILL few SOON"}
    return [text[one.start : one.end] for one in LEXICON.read(text).matches(LEXICON.frames(frame, names))]


@pytest.mark.parametrize("verb", ["cure", "cures", "cured", "curing", "stopped", "stopping", "denies", "threw away"])
def test_a_verb_is_known_in_all_its_forms(verb: str) -> None:
    assert found("CURE ILL", f"They {verb} pain.") == [f"{verb} pain"]


@pytest.mark.parametrize("noun", ["pains", "remedies", "fiascos", "slipped discs", "Slipped-Disc", "toothache"])
def test_a_noun_is_known_in_both_numbers_with_a_hyphen_and_by_its_ending(noun: str) -> None:
    assert found("CURE ILL", f"It cures {noun}") == [f"cures {noun}"]


def test_a_frame_may_ask_for_a_form_other_than_the_base() -> None:
    assert found("CURE-s ILL", "Cure pain; it cures pain.") == ["cures pain"]


@pytest.mark.parametrize("text", ["It cures all with no pain.", "It cures you, pain or none.", "It cures. Pain goes."])
def test_a_gap_within_a_noun_reaches_over_neither_links_nor_marks(text: str) -> None:
    assert found("CURE noun ILL", text) == []


def test_a_part_may_be_missing_and_one_may_only_stand_before() -> None:
    assert found("<STOP CURE LINK? ILL", "Cure pain. Cure to pain. I cure pain.") == ["Cure pain", "Cure to pain"]


def test_a_name_stands_for_any_of_its_rows() -> None:
    assert found("cured", "It cures bad pain, or pain ends by Friday.") == ["cures bad pain", "pain ends by Friday"]


def test_a_contraction_is_read_as_two_words() -> None:
    assert found("NOT CURE", "It doesn’t cure, can't cure and cannot cure.") == ["n’t cure", "n't cure", "cannot cure"]


def test_letters_that_grow_when_they_are_lowered_move_nothing() -> None:
    assert found("CURE ILL", "İİİ cures pain") == ["cures pain"]


def test_a_frame_with_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="No word has the role HEAL"):
        LEXICON.frames("HEAL ILL", {})
