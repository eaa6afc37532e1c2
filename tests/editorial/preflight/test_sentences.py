"""Sentences as letters have them, half of them wrong: nine in ten of each half are judged rightly, and here all are."""

from pathlib import Path

import pytest

from newsletter.editorial.preflight import Finding
from tests.editorial.preflight.contexts import body, front

CLAIMS = [
    *(
        "Heal yourself with your hands.",
        "Painless by Friday.",
        "Forever pain-free.",
        "“My back is healed,” writes Ann.",
    ),
    "“I threw my pills away after a week,” says Tom.",
    *("This stretch healed thousands of backs.", "It can replace your blood pressure tablets.", "It stops cancer."),
    *("You will never have back pain again.", "Never see a doctor again.", "Your pain will be gone by Monday."),
    *(
        "This tea heals.",
        "Our oil healed my back.",
        "Healing oils for every bed.",
        "Massage heals your back from within.",
    ),
    *("It cures arthritis.", "One session cured me of sciatica.", "Cure your migraine at home."),
    *("It replaces your medicine.", "A walk replaces your medication.", "It is better than pills."),
    *("Stop taking your tablets.", "You can stop taking painkillers.", "Throw away your pills."),
    *(
        "No doctor needed.",
        "Do this instead of a doctor.",
        "Get well without a doctor.",
        "You don’t need your GP any more.",
    ),
    *("Be pain-free by Monday.", "You will be pain free in 3 days.", "Pain-free within a week, or your money back."),
    *("It prevents cancer.", "Ginger wards off arthritis.", "Stretching prevents back pain."),
    *("Guaranteed results.", "We guarantee that you sleep.", "It is a miracle.", "It works 100 % of the time."),
    *("It is 100 % effective.", "“It cured me in a week,” says Anna.", "Want to be pain-free by Monday?"),
    *("Not only does it relax you, it cures you.", "Don’t wait: it heals all pain.", "Say goodbye to back pain."),
    *("It does\nmore than rest: it cures.", "No pills, no needles, it simply cures.", "It is risk-free."),
]
HARMLESS = [
    *("She asked whether it cures pain.", "Most backs heal within weeks.", "Walk as far as you can pain-free."),
    *(
        "Keep the receipt, for the guarantee.",
        "The vaccine prevents flu.",
        "No need to book.",
        "Never stop a medicine.",
    ),
    *("Speak to your pharmacist before stopping any tablets.", "An old book claims that leeches cure gout."),
    *("“Heals everything” was written on the bottle.", "Nothing cures a cold.", "In May 25 of us walked."),
    *(
        "It does not cure anything.",
        "There is no cure.",
        "It does not,\nsadly, cure a cold.",
        "No massage heals a disc.",
    ),
    *("“Cured” is what the advert said.", "The box says that it cures gout.", "We are not saying that it heals."),
    *("The advert promised a miracle.", "Can a massage cure a migraine?", "Whoever promises a cure is selling one."),
    *("There is no guarantee.", "The chair has a two-year guarantee.", "The bed comes with a ten-year guarantee."),
    *("The wound healed.", "Most sprains heal by themselves.", "Rest while it heals.", "Bones need time to heal."),
    *(
        "A secure strap prevents slipping.",
        "It never replaces your medicine.",
        "A letter is no substitute for a doctor.",
    ),
    *(
        "Ask your doctor before you stop taking your tablets.",
        "Do not stop taking your medicine.",
        "Cured ham is salty.",
    ),
    *("We met 25 people.", "In March 25 people came.", "Stop taking calls after six.", "Keep the stretch pain-free."),
    *("Tickets are 20% off.", "The hall holds 80 people.", "A cure does not exist.", "Miracle cures are a myth."),
    *(
        "The search for a cure goes on.",
        "It may prevent colds.",
        "The resin cures in a day.",
        "Nobody heals faster for it.",
    ),
]
SLIPS = [
    "FacebookXInstagram",
    *("Home About Contact", "Subscribe to our newsletter", "It starts at 12:60.", "It is from 18:00 to 26:00."),
    *("We meet at 25:00.", "Doors open at 19:75.", "Come at 14 pm.", "It ends on 31 November.", "Due on 2026-02-30."),
    *("It was 29 February 2027.", "It is on 31/11/2026.", "Leave a Reply", "FacebookInstagram", "Share this:"),
    *("Read more »", "Click here to subscribe", "Posted in Health, Backs", "Skip to content", "3 comments"),
    *(
        "Your email address will not be published.",
        "Facebook Twitter Pinterest",
        "LIE DOWN FOR TEN MINUTES EVERY EVENING.",
    ),
    "READ THIS BEFORE YOU DO ANYTHING and then rest.",
    *("Click here to edit this text.", "(insert link here)", "Your text goes here.", "It costs xxx euros.", "[Image]"),
    *(
        "Posted in Back Pain | 0 Comments",
        "By admin on March 3, 2024",
        "Previous post: How to sit well",
        "Pin",
        "Next »",
    ),
    *("Leave a comment below or reply to this post.", "Tweet Share Pin Email", "Share0", "Categories: Health, Back"),
    *(
        "Proudly powered by WordPress",
        "Sent from my iPhone",
        "IMG_1234.JPG",
        "We meet at 25 o’clock.",
        "It is at 0:30 pm.",
    ),
    *("It is open 9:00-25:00.", "Tuesdays 19:75", "The talk is on 32.13.", "It was on 31/02/26."),
]
SOUND_LINES = [
    "Share this: it costs nothing.",
    *(
        "We meet at 24:00.",
        "From 9:00 to 10.30 pm.",
        "We lost 25:17.",
        "Psalm 25:10 is short.",
        "Hold it for 25:30 minutes.",
    ),
    *("It is on 28 February 2027.", "Due on 2026-02-28.", "It is on 11/30/2026.", "Leave a reply slot of two minutes."),
    *(
        "Find us on Facebook and Instagram.",
        "Share this letter with a friend.",
        "Read more slowly.",
        "Posted in 1921, it came.",
    ),
    *(
        "NASA, ESA, WHO and UNESCO agreed.",
        "The NHS, NICE and the CDC publish it.",
        "You may skip to the content you like.",
    ),
    *(
        "Share this letter, print it and\nreply.",
        "The previous post was vacant.",
        "Love, Anna xxx",
        "Insert the key here.",
    ),
    *("Version 32.13 is out.", "It costs 9.60-25.00 euros.", "It is open 9:00-23:00.", "The race is on 31.5."),
    *("24/7 is too much.", "It costs 25.80 euros.", "Lie DOWN now."),
]
WORKING_TITLES = [
    *("A tight back v2 FINAL", "A tight back (final version)", "This is a test", "For review: a tight back"),
    *("Subject line here", "A tight back, version 3", "Untitled document", "Newsletter 12 draft", "Ignore this"),
    *("Draft for review: backs", "December issue draft", "A tight back v2"),
    *(
        "Test: the December issue",
        "DRAFT 2 of backs",
        "A tight back (draft)",
        "Copy of A tight back",
        "Test issue, second draft",
    ),
    *(
        "Test of the December draft",
        "[Draft] A tight back",
        "A tight back – DRAFT",
        "Test test test",
        "Final draft",
        "Backs, draft v3",
    ),
]
SUBJECTS = [
    *(
        "Test your posture",
        "A draft of cold air",
        "Test your windows for a draft",
        "The eye test",
        "Copying a good habit",
    ),
    *("The final week of our course", "A second version of yoga", "Here is the subject of backs"),
    *("How to pass the sit-up test", "Drafty rooms and stiff necks", "Testing times for backs"),
]


def judged(text: str) -> list[Finding]:
    """What is found, but for a claim's missing source, which every claim of a number has too."""
    return [finding for finding in body(text) if "has no source" not in finding.message or "people" in text]


def lines(name: str) -> list[str]:
    """Sentences on health that were made up to be judged, and were not known to the rules before."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()


def told(sentences: list[str]) -> list[str]:
    """Those that something is found in, each a paragraph of one issue."""
    whole_text = {"quotes are of one kind", "the text does not shout"}
    found = {finding.line for finding in judged("\n\n".join(sentences)) if finding.rule not in whole_text}
    return [sentence for number, sentence in enumerate(sentences) if 11 + 2 * number in found]


def test_of_hundreds_of_claims_each_is_told() -> None:
    assert told(lines("claims.txt")) == lines("claims.txt")


def test_of_hundreds_of_harmless_sentences_each_is_left_alone() -> None:
    assert told(lines("harmless.txt")) == []


@pytest.mark.parametrize("sentence", [*CLAIMS, *SLIPS])
def test_a_sentence_that_is_wrong_is_told(sentence: str) -> None:
    assert [finding.line for finding in judged(sentence)]


@pytest.mark.parametrize("sentence", [*HARMLESS, *SOUND_LINES])
def test_a_sentence_that_is_right_is_left_alone(sentence: str) -> None:
    assert [str(finding) for finding in body(sentence)] == []


@pytest.mark.parametrize("subject", WORKING_TITLES)
def test_a_working_title_is_told_as_subject_and_as_title(subject: str) -> None:
    assert any("the subject is a working title" in finding.message for finding in front(subject=f'"{subject}"'))
    assert any("the title is a working title" in finding.message for finding in front(title=f'"{subject}"'))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_about_tests_and_drafts_is_left_alone(subject: str) -> None:
    assert front(subject=f'"{subject}"') == []


def test_a_text_that_shouts_word_by_word_is_told() -> None:
    words = (
        "Sit DOWN here, LIFT both, BREATHE deep, RELAX then, STRETCH well, HOLD on, LOOSEN up, REPEAT it, SMILE, SLEEP."
    )
    assert [finding.rule for finding in body(words)] == ["the text is not in capitals"]


def test_the_findings_name_the_line_that_holds_the_words() -> None:
    assert [finding.line for finding in body("It does more\nthan rest: it cures.")] == [12]
