from dataclasses import replace

import pytest

from newsletter.editorial.preflight import CheckContext, Facts, Level, PictureSize, SpamVerdict, run_rules, weight
from newsletter.editorial.rendering.render import CLIP_BYTES, Rendered
from tests.editorial.preflight.contexts import FRONT, SOUND, body, check, context, front, only, place, with_style


@pytest.mark.parametrize(
    ("subject", "level", "said"),
    [
        ("A tight back, and what to do about it in the ten minutes before bed", Level.NOTE, "67 characters"),
        ("It is here at last!! Your back", Level.WARNING, "several exclamation marks"),
        ("RELIEF for a SORE back", Level.WARNING, "in capitals"),
        ("TEN MINUTES FOR US", Level.WARNING, "in capitals"),
        ('"🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉"', Level.WARNING, "no words"),
        ("Untitled draft", Level.WARNING, "a working title"),
        ("Drafts of cold air", None, ""),
        ("(New issue)", Level.WARNING, "a working title"),
        ('"Re: your sore back"', Level.WARNING, "poses as a reply"),
    ],
)
def test_a_subject_that_an_inbox_shows_badly_is_told_at_its_line(subject: str, level: Level | None, said: str) -> None:
    findings = front(subject=subject)
    assert [finding.level for finding in findings] == ([level] if level else [])
    assert all(said in finding.message and finding.line == 2 for finding in findings)


@pytest.mark.parametrize("subject", ["What the NHS and WHO say", "Regarding your back", "Is it over? Almost!"])
def test_an_ordinary_subject_is_left_alone(subject: str) -> None:
    assert front(subject=subject) == []


def test_a_subject_that_another_issue_had_is_told_with_its_title() -> None:
    finding = only(check(SOUND, Facts(same_subject="Under the hands")))
    assert (finding.level, "“Under the hands” has the same subject" in finding.message) == (Level.WARNING, True)


@pytest.mark.parametrize(
    ("preheader", "level"),
    [
        ("", Level.WARNING),
        ("Too short", Level.NOTE),
        ("x" * 150, Level.NOTE),
        ("A tight back, in ten minutes, and then some more of it", Level.WARNING),
    ],
)
def test_a_preheader_that_is_missing_too_short_too_long_or_said_already_is_told(preheader: str, level: Level) -> None:
    assert only(front(preheader=preheader)).level is level


def test_a_name_without_a_fallback_is_told_with_line_and_column() -> None:
    assert place(only(body("Hello {{ name }},"))) == (Level.WARNING, 11, 7)
    assert place(only(body("Hello {{ name | }},"))) == (Level.WARNING, 11, 7)
    assert "{{ name }} prints nothing" in only(front(subject='"{{ name }}, your back"')).message
    assert body("Hello {{ name | friend }}, {{ email }} and \\{{ name }}") == []


@pytest.mark.parametrize(
    "field",
    ["*|FNAME|*", "%%first_name%%", "%recipient.name%", "<<First Name>>", "{first_name}", "${name}", "[First Name]"],
)
def test_a_merge_field_of_another_program_is_told(field: str) -> None:
    assert f"{field} is not a merge field here" in only(body(f"Hello {field}, it is cold.")).message


@pytest.mark.parametrize("words", ["[Email us](https://www.nhs.uk/a)", "It is 5% to 10% more.", "`*|FNAME|*`"])
def test_what_only_resembles_a_merge_field_is_left_alone(words: str) -> None:
    assert not [finding for finding in body(words) if "merge field" in finding.message]


def test_a_mail_that_gmail_would_clip_is_blocked_where_it_would_be_cut() -> None:
    long = SOUND + "\n" + "\n\n".join(f"Part {number} {'lie down and rest ' * 40}" for number in range(150))
    finding = next(one for one in check(long) if "Gmail" in one.message)
    cut = weight.measure(context(long)).clipped_at
    assert (finding.level, finding.line) == (Level.BLOCKING, cut.line)
    assert "bytes over the 102,400 that Gmail shows, and is cut off in: paragraph “Part" in finding.message
    assert cut.start <= CLIP_BYTES < cut.start + cut.bytes


def test_the_bytes_of_all_blocks_are_the_bytes_of_the_longest_copy() -> None:
    heavy = weight.measure(context(SOUND + "\n## A part\n\n" + "A word. " * 400))
    assert heavy.total == len(context(SOUND + "\n## A part\n\n" + "A word. " * 400).page.html.encode())
    assert heavy.largest[0].kind == "Paragraph"
    assert [block.start for block in heavy.blocks] == [
        sum(block.bytes for block in heavy.blocks[:place]) for place in range(len(heavy.blocks))
    ]


def test_a_mail_near_the_limit_is_noted() -> None:
    near = SOUND + "\n" + "Lie down and rest. " * 4_050
    assert any(one.level is Level.NOTE and "of the 102,400 bytes" in one.message for one in check(near))


def test_a_mail_without_a_way_to_leave_or_an_address_is_blocked() -> None:
    sound = context(SOUND)
    stripped = (
        sound.mail.html.replace("{{ unsubscribe_url }}", "#"),
        sound.mail.text.replace("{{ unsubscribe_url }}", ""),
    )
    bare = Rendered(sound.mail.subject, sound.mail.preheader, *stripped)
    found = run_rules(CheckContext(sound.issue, bare, Facts(has_postal_address=False)))
    assert [finding.level for finding in found] == [Level.BLOCKING] * 3
    assert [word in str(found) for word in ("HTML part", "text part", "postal address")] == [True] * 3


def test_a_sender_at_a_free_mail_provider_is_warned_of() -> None:
    sound = context(SOUND)
    for address, expected in (("letters@gmail.com", ["warning"]), ("letters@home.example", [])):
        known = replace(sound.facts, sender_address=address)
        found = run_rules(CheckContext(sound.issue, sound.mail, known))
        assert [one.level.value for one in found if "and only" in one.message] == expected


def test_pale_words_are_told_in_the_light_scheme() -> None:
    pale = with_style(context(SOUND), "color:#1f2a2e", "color:#999999")
    found = run_rules(pale)
    assert {finding.level for finding in found} == {Level.WARNING}
    assert "#999999 on #fbfaf7 has a contrast of 2.7 in the light scheme" in found[0].message


def test_pale_words_are_told_in_the_dark_scheme_alone() -> None:
    pale = with_style(context(SOUND), "color: #e9e6df !important", "color: #444444 !important")
    messages = [finding.message for finding in run_rules(pale)]
    assert messages
    assert all("#444444 on #14191b has a contrast of 1.8 in the dark scheme" in message for message in messages)


def test_the_dark_scheme_is_worked_out_as_a_browser_does() -> None:
    """Buttons: `.article td.press a` is weightier than `.article a`, and sets dark words on the accent."""
    pressed = context(SOUND + "\n[Book](https://www.nhs.uk/){.button}\n")
    assert run_rules(pressed) == []
    lost = with_style(pressed, ".article td.press a, .press td a { color: #14191b", ".article b { color: #14191b")
    assert [
        "#7fd1c0 on #7fd1c0 has a contrast of 1.0 in the dark scheme" in one.message for one in run_rules(lost)
    ] == [True]


@pytest.mark.parametrize(
    ("text", "level", "said"),
    [
        ("# A part", Level.NOTE, "printed as ##"),
        ("### A part", Level.WARNING, "level 3 stands below one of level 1"),
        ("## A part\n\n#### A small one", Level.WARNING, "level 4 stands below one of level 2"),
        ("##", Level.WARNING, "a heading is empty"),
    ],
)
def test_headings_out_of_order_are_told(text: str, level: Level, said: str) -> None:
    finding = only(body(text))
    assert (finding.level, said in finding.message) == (level, True)


def test_a_mail_with_two_titles_is_told() -> None:
    sound = context(SOUND)
    twice = with_style(sound, "</h1>", "</h1><h1>Again</h1>")
    assert "2 first-level headings" in only(run_rules(twice)).message


def test_a_picture_without_alt_text_is_blocked_at_its_line() -> None:
    assert place(next(iter(body("![](back.png)")))) == (Level.BLOCKING, 11, None)


def test_a_picture_that_is_said_to_decorate_needs_no_alt_text() -> None:
    assert not [finding for finding in body("![](back.png){.decorative}") if "no alt text" in finding.message]


@pytest.mark.parametrize(
    ("braces", "said"),
    [
        ("{.haf}", "“.haf” after back.png means nothing here"),
        ("{width=50%}", "“{width=50%}” after back.png means nothing here"),
        ("{.half .small}", "back.png has more than one width"),
    ],
)
def test_a_width_that_is_not_known_is_told_with_those_that_are(braces: str, said: str) -> None:
    found = body(f"![A drawn back](back.png){braces}")
    finding = only([one for one in found if one.rule == "widths of pictures are known"])
    assert (place(finding), said in finding.message) == ((Level.WARNING, 11, None), True)
    assert "write {.small}, {.half}, {.three-quarters}, or nothing" in finding.mend


def test_a_narrower_picture_needs_fewer_pixels() -> None:
    stored = Facts(pictures={"back.png": PictureSize(280, 140, 9_000)})
    found = [check(SOUND + f"\n\n![A drawn back](back.png){width}", stored) for width in ("", "{.half}")]
    assert ["280 pixels wide, but is shown 552 wide" in str(one) for one in found] == [True, False]


@pytest.mark.parametrize(
    ("picture", "level"),
    [
        ("![image](back.png)", Level.WARNING),
        ("![back](back.png)", Level.WARNING),
        ("![back.png](back.png)", Level.WARNING),
        ("![IMG_2041](a.png)", Level.WARNING),
        ("![Cat](a.png)", Level.WARNING),
        ("![Picture of a back](a.png)", Level.NOTE),
        ('![A drawn back](a.png "A drawn back")', Level.NOTE),
        (f"![{'A back and ' * 40}](a.png)", Level.NOTE),
    ],
)
def test_alt_text_that_says_nothing_is_told(picture: str, level: Level) -> None:
    found = [one for one in body(picture + "\n\n" + "Lie down and rest a while. " * 10) if "a picture" not in one.rule]
    assert only(found).level is level


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        (PictureSize(1_200, 800, 90_000), []),
        (PictureSize(1_200, 800, 400_000), []),
        (PictureSize(1_201, 800, 400_000), [Level.NOTE]),
        (PictureSize(1_200, 8_000, 1_400_000), [Level.WARNING]),
        (PictureSize(4_000, 3_000, 1_400_000), [Level.WARNING]),
        (PictureSize(4_000, 3_000, 2_400_000), [Level.WARNING, Level.WARNING]),
        (PictureSize(300, 200, 9_000), [Level.NOTE]),
        (PictureSize(1_200, 800, 90_000, is_developed=False), [Level.WARNING]),
    ],
)
def test_a_picture_that_is_heavy_small_or_published_as_it_was_loaded_is_told(
    size: PictureSize, levels: list[Level]
) -> None:
    text = "![A drawn back](a.png)\n\n" + "Lie down and rest a while. " * 10
    assert [finding.level for finding in body(text, Facts(pictures={"a.png": size}))] == levels


def test_a_picture_that_the_desk_has_scaled_is_not_to_be_scaled_again() -> None:
    text = "![A drawn back](a.png)\n\n" + "Lie down and rest a while. " * 10
    scaled = only(body(text, Facts(pictures={"a.png": PictureSize(1_200, 8_000, 1_400_000)})))
    assert "choose a simpler one," in scaled.mend
    as_loaded = only(body(text, Facts(pictures={"a.png": PictureSize(4_000, 3_000, 1_400_000)})))
    assert "1,200 pixels are enough" in as_loaded.mend


def test_a_picture_within_a_paragraph_has_no_width_and_is_noted() -> None:
    found = body("Look: ![A drawn back](a.png) there. " + "Lie down and rest a while. " * 10)
    assert "a.png is inside a paragraph" in only(found).message


def test_a_letter_of_pictures_alone_is_told() -> None:
    assert "words besides its pictures" in only(body("![A drawn back](a.png)")).message


@pytest.mark.parametrize(
    ("verdict", "level", "said"),
    [
        (SpamVerdict(0.4, 5.0), None, ""),
        (SpamVerdict(2.5, 5.0, ("URI_X",)), Level.NOTE, "2.5 points, and 5.0 or more count as spam (URI_X)"),
        (SpamVerdict(6.1, 5.0, ("A", "B")), Level.WARNING, "6.1 points"),
        (
            SpamVerdict(fault="SpamAssassin is not installed"),
            Level.NOTE,
            "has not checked it: SpamAssassin is not installed",
        ),
    ],
)
def test_what_the_spam_filter_said_is_handed_on(verdict: SpamVerdict, level: Level | None, said: str) -> None:
    found = check(SOUND, Facts(spam=verdict))
    assert [(finding.level, said in finding.message) for finding in found] == ([(level, True)] if level else [])


def test_the_front_matter_is_read_for_placeholders_too() -> None:
    assert place(only(check(FRONT.replace("A tight back\n", "TK\n", 1) + "See a doctor.\n"))) == (Level.BLOCKING, 2, 8)
