from dataclasses import replace

import pytest

from newsletter.editorial.source import issue_file, proposals
from newsletter.editorial.source.proposals import Proposal

LONG = "Anybody whose back has hurt for a week or longer knows how long a night can be without any sleep."


@pytest.mark.parametrize(
    ("body", "proposed"),
    [
        (
            "Hello {{ name | friend }},\n\n# Heat or cold?\n\nBoth can *ease* a stiff back. Feel it.",
            Proposal("Heat or cold?", "Heat or cold?", "Both can ease a stiff back."),
        ),
        (
            "Dear friends!\n\nSit less. It is as simple as that.\n\nA [timer](https://example.org/) helps most people.",
            Proposal("Sit less", "Sit less: It is as simple as that.", "A timer helps most people."),
        ),
        (
            LONG,
            Proposal(
                "Anybody whose back has hurt for a week or longer knows how long a…",
                "Anybody whose back has hurt for a week or longer knows how long a…",
            ),
        ),
        ("> [!TIP]\n> Drink.\n\n- One\n- Two\n", Proposal()),
        ("", Proposal()),
        ("🙂", Proposal("🙂")),
        (
            "שלום לכולם, היום נדבר על הגב. זה כואב.\n\nעוד משפט אחד לגמרי אחר.",
            Proposal("שלום לכולם, היום נדבר על הגב", "שלום לכולם, היום נדבר על הגב", "זה כואב."),
        ),
        (
            "<b>Bold</b> words & more of them.",
            Proposal("<b>Bold</b> words & more of them", "<b>Bold</b> words & more of them"),
        ),
        ("#" * 30_000 + "\n\n" + "# x\n\n" * 30_000, Proposal()),
    ],
)
def test_title_subject_and_preheader_are_proposed_from_the_text(body: str, proposed: Proposal) -> None:
    assert proposals.propose("", body) == proposed


def test_a_title_of_invisible_characters_is_none() -> None:
    text = '---\ntitle: "\u200b\u2060"\nsubject: "\u200b\u200b"\n---\nSit less.'
    file, faults = issue_file.examine(text, "2026-11-24-x.md")
    assert [fault.text for fault in faults] == ["title is empty", "subject is empty"]
    assert (file.title, file.subject, proposals.listed_title(file)) == ("", "", "Untitled: Sit less.")


def test_the_subject_follows_a_title_that_was_typed() -> None:
    assert proposals.propose("Unwind a tight back", LONG).subject == "Unwind a tight back"


def test_what_is_proposed_is_accepted() -> None:
    for body in (
        LONG,
        "x" * 500,
        "Word " * 300,
        "One. Two. Three.",
        "{{ name }} writes to us again.",
        "A: b\n\n---\n\nC.",
        "\u202eA line that turns.\u202c And a\u2028second one.",
        "\u200b\u2060",
    ):
        proposed = proposals.propose("", body)
        fields = (f"{name}: {value!r}" for name in proposals.PROPOSED if (value := getattr(proposed, name)))
        _, faults = issue_file.examine("\n".join(["---", *fields, "---", body, ""]), "2026-11-24-x.md")
        assert issue_file.lasting(faults) == [], body


@pytest.mark.parametrize(
    ("body", "listed"),
    [
        ("Heat or cold for a stiff back? Both can help.", "Untitled: Heat or cold for a stiff back? Both can…"),
        ("Hello,\n\nSit less.", "Untitled: Sit less."),
        ("- One\n- Two", "Untitled: One Two"),
        (" \n", "Untitled"),
        ("\u200b\u2060", "Untitled"),
        ("Sit \u202eless", "Untitled: Sit less"),
    ],
)
def test_an_issue_without_a_title_is_listed_by_its_first_words(body: str, listed: str) -> None:
    file, _ = issue_file.examine(f'---\ntitle: ""\n---\n{body}', "2026-11-24-x.md")
    assert proposals.listed_title(file) == listed
    assert proposals.listed_title(replace(file, title="Named")) == "Named"
