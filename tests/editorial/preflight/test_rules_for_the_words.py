import pytest

from newsletter.editorial.preflight import Facts, Level
from newsletter.outbound import Answer
from tests.editorial.preflight.contexts import GARDEN, NAME, SOUND, body, check, front, only, place

NHS = "https://www.nhs.uk/conditions/back-pain/"


@pytest.mark.parametrize("words", ["TK", "more here TODO", "lorem ipsum dolor", "TKTK", "FIXME later"])
def test_a_placeholder_is_blocked_at_its_line(words: str) -> None:
    finding = only(body(words))
    assert (finding.level, finding.line) == (Level.BLOCKING, 11)


@pytest.mark.parametrize(
    "words", ["On [date] we meet.", "[insert a quote here]", "The price is XXX.", "TBC", "When???"]
)
def test_what_looks_like_a_placeholder_is_told(words: str) -> None:
    assert only(body(words)).level is Level.WARNING


@pytest.mark.parametrize("words", ["Text in `TODO` style", "```\nTK\n```", "[date of birth](https://www.nhs.uk/x)"])
def test_code_and_links_hold_no_placeholders(words: str) -> None:
    assert body(words) == []


@pytest.mark.parametrize("words", ["Rest in the the chair.", "Rest in the\nthe chair.", "The the chair."])
def test_a_word_that_is_there_twice_is_told(words: str) -> None:
    assert "is repeated" in only(body(words)).message


def test_a_word_that_is_meant_twice_is_left_alone() -> None:
    assert body("They had had enough, and that that was so is so so clear. Nous nous levons.", Facts("fr")) == []
    assert body("They had had enough.") == []


@pytest.mark.parametrize("words", ["Donâ€™t rest.", "A cafÃ© nearby.", "It\ufffds there.", "10Â° bend"])
def test_a_spoiled_character_is_told(words: str) -> None:
    assert "was garbled when it was" in only(body(words)).message


def test_a_character_that_cannot_be_seen_is_noted() -> None:
    assert place(only(body("Re\u200bst."))) == (Level.NOTE, 11, 3)


def test_straight_quotes_beside_curly_ones_are_noted() -> None:
    assert place(only(body("It’s so.\n\nIt's so."))) == (Level.NOTE, 13, 3)
    assert body('It\'s so, and "so".') == []


@pytest.mark.parametrize("words", ["This ** is bold** now.", "[a link] (https://www.nhs.uk/)"])
def test_a_mark_that_would_be_printed_is_told(words: str) -> None:
    assert any("would be printed" in finding.message for finding in body(words))


def test_many_exclamation_marks_are_noted() -> None:
    assert only(body("Rest! Rest! Rest! Rest!\n\n> [!TIP]\n> Rest.")).message == "there are 4 exclamation marks"


@pytest.mark.parametrize(
    "words",
    [
        *(
            "Tuesday 25 November",
            "Tuesday, 25th November",
            "Tue 25 Nov",
            "Tuesday, November 25",
            "Tuesday the 25th of November",
        ),
        *("Monday 24 November 2026", "Monday 3 January"),
    ],
)
def test_a_weekday_that_is_not_the_days_is_told(words: str) -> None:
    finding = only(body(f"We meet on {words} at noon."))
    assert (finding.level, finding.line, finding.column) == (Level.WARNING, 11, 12)
    assert " is a " in finding.message


@pytest.mark.parametrize(
    "words",
    [
        *("Wednesday 25 November", "Sunday 3 January 2027", "Tuesday 24 November 2026", "24 November", "May 2026"),
        *("Monday 2 exercises", "Tuesday 9:00", "Saturn 5 March 2026"),
    ],
)
def test_a_right_date_is_left_alone(words: str) -> None:
    assert body(f"We meet on {words}, at noon.") == []


def test_a_day_that_is_in_no_month_is_told() -> None:
    assert "there is no 31 November" in only(body("We meet on 31 November at noon.")).message
    assert body("It was 29 February.") == []


def test_a_year_that_is_probably_a_slip_is_noted() -> None:
    assert "a year before this issue" in only(body("We meet on 1 December 2025.")).message
    assert "2062 is far in the future" in only(body("In 2062 we meet.")).message
    assert body("It began on 1 May 2025, in 1987 and by 2030.") == []


def test_an_issue_without_a_date_knows_only_dates_with_a_year() -> None:
    assert check(SOUND + "\nOn Tuesday 25 November.\n", name="undated.md") == []
    assert len(check(SOUND + "\nOn Tuesday 25 November 2026.\n", name="undated.md")) == 1
    assert NAME.startswith("2026-11-24")


HARD = (
    "Musculoskeletal rehabilitation necessitates interdisciplinary collaboration incorporating physiological "
    "considerations, psychological predispositions, and environmental determinants, notwithstanding "
    "methodological heterogeneity characterising contemporary investigations into multidimensional intervention. "
)


def test_a_text_that_is_hard_to_read_is_told_in_english_only() -> None:
    assert "Flesch" in only(body(HARD * 6)).message
    assert body(HARD * 6, Facts("de")) == []


def test_a_very_long_sentence_and_a_very_long_paragraph_are_noted() -> None:
    assert "a sentence has 50 words" in only(body("go up " * 24 + "and home.")).message
    assert "a paragraph has 200 words" in only(body("Lie down and rest. " * 50)).message


@pytest.mark.parametrize(
    ("link", "level", "said"),
    [
        ("[x]()", Level.BLOCKING, "leads nowhere"),
        ("[Our page](#)", Level.BLOCKING, "leads nowhere"),
        ("[Our page](#part)", Level.BLOCKING, "a place within the email,"),
        ("[Our page](www.nhs.uk)", Level.BLOCKING, "without https://"),
        ("[Our page](https://)", Level.BLOCKING, "cannot be read"),
        ("[Ask us](/ask)", Level.BLOCKING, "leads to our page /ask, which is off"),
        ("[Write to us](mailto:desk)", Level.BLOCKING, "no email address"),
        (f"[]({NHS})", Level.BLOCKING, "has no words"),
        (f"[Click here]({NHS})", Level.WARNING, "does not say where it leads"),
        (f"[Read more…]({NHS})", Level.WARNING, "does not say where it leads"),
        (f"<{NHS}>", Level.NOTE, "as a bare address"),
        ("[Our page](http://www.nhs.uk/)", Level.WARNING, "leads to http:"),
        ("[Our page](https://www.example.com/a)", Level.WARNING, "www.example.com is a placeholder"),
        ("[Our page](https://yourdomain.com/a)", Level.WARNING, "is a placeholder"),
        ("[Our page](http://localhost:8000/)", Level.WARNING, "localhost is a placeholder"),
        ("[Our plan](https://docs.google.com/document/d/1/edit)", Level.NOTE, "open to editors only"),
        ("[Our page](https://bit.ly/abc)", Level.WARNING, "shortens addresses"),
    ],
)
def test_a_link_with_a_fault_is_told_at_its_line(link: str, level: Level, said: str) -> None:
    found = body(link)
    assert [(finding.level, finding.line) for finding in found] == [(level, 11)]
    assert said in found[0].message


def test_the_publications_own_address_is_no_placeholder() -> None:
    known = Facts(own_hosts=frozenset({"letter.example"}))
    assert body("[Book a session](https://www.letter.example/book)", known) == []


ARCHIVE = Facts(
    own_hosts=frozenset({"letter.example"}),
    archive="https://letter.example/archive/",
    issues={"sent": True, "ready": False},
)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://letter.example/archive/snet/", "there is none called snet"),
        ("https://letter.example/archive/snet?from=mail#top", "there is none called snet"),
        ("https://LETTER.example/archive/ready/", "not out yet"),
        ("https://letter.example:443/archive/snet", "there is none called snet"),
    ],
)
def test_a_link_to_an_issue_that_no_reader_can_open_is_told(url: str, said: str) -> None:
    finding = only(body(f"[The other letter]({url})", ARCHIVE))
    assert (finding.level, finding.line, said in finding.message) == (Level.WARNING, 11, True)


@pytest.mark.parametrize(
    "url",
    [
        *("https://letter.example/archive/sent/", "https://letter.example/archive/", "https://letter.example/archive"),
        *("https://letter.example/archive/a-tight-back/", "https://www.nhs.uk/archive/snet/"),
        "https://letter.example/archive/?category=Backs",
    ],
)
def test_a_link_to_an_issue_that_is_out_to_this_one_or_elsewhere_is_left_alone(url: str) -> None:
    assert body(f"[The other letter]({url})", ARCHIVE) == []


def test_the_same_words_for_two_places_are_noted() -> None:
    assert "lead to different places" in only(body(f"[Backs]({NHS}) and [backs](https://www.nhs.uk/)")).message
    assert body(f"[Backs]({NHS}) and [backs]({NHS})") == []


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        (Answer(NHS, 200, NHS), None, ""),
        (Answer(NHS, 404, NHS), Level.WARNING, "gone (404)"),
        (Answer(NHS, 403, NHS), Level.NOTE, "refused our check (403)"),
        (Answer(NHS, 500, NHS), Level.WARNING, "an error (500)"),
        (Answer(NHS, None, NHS, "does not answer"), Level.WARNING, "source “NHS, Back pain” does not answer"),
    ],
)
def test_what_a_link_answered_is_told(answer: Answer, level: Level | None, said: str) -> None:
    found = check(SOUND, Facts(links_asked=True, answers={NHS: answer}))
    assert [(finding.level, said in finding.message) for finding in found] == ([(level, True)] if level else [])


def test_links_that_may_not_be_asked_are_noted_with_what_to_do() -> None:
    assert only(check(SOUND, Facts(links_asked=False))).mend.startswith("open them yourself")


@pytest.mark.parametrize(
    "claim",
    [
        *("It cures a bad back.", "Relief guaranteed.", "It flushes toxins.", "We guarantee it.", "A miraculous oil."),
        *("Curing pain is easy.", "A detox for you.", "Clinically proven.", "Instant relief.", "It is 100% safe."),
        *("Doctors hate this.", "Not a trick. It cured me.", "Pain-free in a week.", "It reverses all damage."),
    ],
)
def test_a_promise_that_nobody_can_keep_is_told(claim: str) -> None:
    findings = [finding for finding in body(claim) if "promises more" in finding.message]
    assert [(finding.level, finding.line) for finding in findings] == [(Level.WARNING, 11)]


@pytest.mark.parametrize(
    "words",
    [
        *("Secure the strap, stock up, and be accurate.", "There is no cure.", "It does not cure anything."),
        *("Nobody can guarantee that.", "Nothing is guaranteed.", "Cured ham is salty.", "Beware of miracle oils."),
        *("It isn’t a cure.", "See [the page](https://www.nhs.uk/cure)."),
    ],
)
def test_words_that_only_look_alike_or_deny_it_are_left_alone(words: str) -> None:
    assert body(words) == []


@pytest.mark.parametrize(
    "claim",
    [
        *("Studies show that rest helps.", "Research has recently found it helps.", "Experts agree."),
        *(
            "It eases pain by 30%.",
            "It helped 7 out of 10 people.",
            "It helped 400 patients.",
            "It has been shown to help.",
        ),
    ],
)
def test_a_claim_without_a_source_is_told_at_its_sentence(claim: str) -> None:
    finding = only(body(f"Lie down first.\n{claim}"))
    assert (finding.level, finding.line) == (Level.WARNING, 12)
    assert "has no source" in finding.message


@pytest.mark.parametrize(
    "claim",
    [
        f"[Studies]({NHS}) show that rest helps.",
        f"Studies show that rest helps. [The page]({NHS}) has more.",
        "The NHS says that experts agree.",
        "Hold it for 30 seconds, ten times.",
        "Reviews of the film were good.",
    ],
)
def test_a_claim_with_a_source_and_what_is_none_are_left_alone(claim: str) -> None:
    assert body(claim) == []


@pytest.mark.parametrize("missing", ["sources", "reviewed_by"])
def test_a_health_letter_without_sources_or_review_is_told(missing: str) -> None:
    assert only(front(**{missing: ""})).level is Level.WARNING


def test_a_health_letter_that_names_no_professional_is_told() -> None:
    assert "see a doctor" in only(check(SOUND.replace("See a doctor", "Rest"))).message


def test_a_letter_about_something_else_needs_no_doctor() -> None:
    bare = GARDEN.replace("reviewed_by", "author").split("sources")[0] + "---\nStudies show that roses like rain.\n"
    assert check(bare) == []
