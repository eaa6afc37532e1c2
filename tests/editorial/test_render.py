"""The mails as golden files: look at the diff, then keep it with UPDATE_GOLDEN=1."""

import dataclasses
import re
import statistics
import time

import pytest
from hypothesis import given

from newsletter.characters import as_line, as_text
from newsletter.delivery.message import merge
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.render import CLIP_BYTES, FIELDS, Branding, Link, Rendered
from newsletter.editorial.source import issue_file
from newsletter.errors import Invalid
from tests.editorial.sample_issues import BODIES, BRANDING, correction, every_shape, picture_url
from tests.goldens import golden, is_golden, is_golden_mail

SINGLE = (
    "approval_request",
    "confirm",
    "reminder",
    "welcome",
    "goodbye",
    "link",
    "already",
    "address_confirm",
    "address_changed",
    "comment_confirm",
    "comment_reply",
    "comments_waiting",
    "probe",
    "sign_in",
    "reset",
    "changed",
    "slot_warning",
    "sending_warning",
    "contact_request",
    "requests_waiting",
)


def letter(kind: str, branding: Branding = BRANDING) -> Rendered:
    if kind == "issue":
        return render.issue_mail(every_shape(), branding, picture_url)
    if kind == "digest":
        return render.issue_mail(issue_file.parse(golden("digest.md"), "2026-11-20-digest.md"), branding, str)
    if kind == "correction":
        return render.correction_mail(correction(), branding, "Under the hands")
    best = Link("Under the hands", "https://letters.example.org/archive/under-the-hands/")
    return render.single_mail(kind, branding, best if kind == "welcome" else None)


@pytest.mark.parametrize("kind", ["issue", "digest", "correction", *SINGLE])
def test_a_letter_is_what_it_was_when_it_was_last_looked_at(kind: str) -> None:
    assert is_golden_mail(kind, letter(kind))


@pytest.mark.parametrize("language", ["de", "es", "pl"])
def test_the_confirm_letter_in_another_language_is_what_it_was_when_it_was_last_looked_at(language: str) -> None:
    mail = render.single_mail("confirm", dataclasses.replace(BRANDING, language=language))
    assert is_golden(f"confirm-{language}.html", mail.html)
    assert is_golden(f"confirm-{language}.txt", f"Subject: {mail.subject}\nPreheader: {mail.preheader}\n\n{mail.text}")


def test_a_name_with_braces_is_no_merge_field_in_a_translated_sentence() -> None:
    mail = render.single_mail("confirm", dataclasses.replace(BRANDING, name="{{ email }} & 5 %", language="de"))
    for part, escape, name in (
        (mail.text, str, "{{ email }} & 5 %"),
        (mail.html, merge.as_html, "{{ email }} &amp; 5 %"),
    ):
        filled = merge.compile(part, FIELDS["confirm"]).fill({"email": "ada@x.example", "confirm_url": "u"}, escape)
        assert f"{name} an" in " ".join(filled.split())
        assert "ada@x.example" in filled


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_no_column_of_a_letter_is_wider_in_outlook_than_the_space_between_the_paddings(kind: str) -> None:
    columns = re.findall(r'<td style="vertical-align:[a-z]+;width:([\d.]+)px;">', letter(kind).html)
    assert columns
    assert max(map(float, columns)) <= 552


def test_the_welcome_tells_of_the_series_only_where_there_is_one() -> None:
    without, with_it = letter("welcome"), letter("welcome", dataclasses.replace(BRANDING, has_series=True))
    for one, other in ((without.html, with_it.html), (without.text, with_it.text)):
        assert ("Your first issue comes on" in one, "one every few days" in " ".join(one.split())) == (True, False)
        assert ("Your first issue comes on" in other, "one every few days" in " ".join(other.split())) == (False, True)


def test_a_letter_in_arabic_runs_from_right_to_left() -> None:
    mail = render.issue_mail(every_shape(), dataclasses.replace(BRANDING, language="ar"), picture_url)
    assert '<html lang="ar" dir="rtl"' in mail.html
    assert "direction:ltr" not in mail.html
    for rule in ("border-right: 4px solid", "padding: 0 24px 0 0", "text-align:right", "letter-spacing:normal"):
        assert rule in mail.html
    for rule in ("border-left: ", "padding: 0 0 0 24px", "0.09em"):
        assert rule not in mail.html


@pytest.mark.parametrize(
    ("markdown", "picture"),
    [
        ("![A stand](wide.jpg)", '<figure><img width="552" '),
        ("[![A stand](wide.jpg)](https://bees.example/)", '<a href="https://bees.example/"><img width="552" '),
        ("> [!TIP]\n> ![A stand](wide.jpg)", '<figure><img width="500" '),
    ],
)
def test_a_picture_is_as_wide_as_its_column_in_programs_that_obey_attributes(markdown: str, picture: str) -> None:
    source = f"---\ntitle: Bees\nsubject: Ten bees in a row\n---\n{markdown}\n"
    html = render.issue_mail(issue_file.parse(source, "2026-11-24-bees.md"), BRANDING, picture_url).html
    assert picture in re.sub(r' style="[^"]*"', "", html)


def test_the_page_for_the_archive_is_what_it_was() -> None:
    assert is_golden("issue_page.html", render.issue_page(every_shape(), picture_url))


def test_the_page_for_the_archive_names_no_reader() -> None:
    page = render.issue_page(every_shape(), picture_url)
    assert "Hello friend," in page
    assert "You wrote to us from ." in page
    assert "{{ braces }}" in page


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_a_letter_needs_only_its_addresses_and_uses_no_field_besides_its_own(kind: str) -> None:
    addresses = {field: f"https://x.example/{field}" for field in FIELDS[kind] if field.endswith("_url")}
    values = addresses | ({"email": "zofia@example.org", "why": "you asked"} if kind in {"issue", "correction"} else {})
    mail = letter(kind)
    merge.compile(mail.subject, FIELDS[kind]).fill(values, as_line)
    for part in (mail.html, mail.text):
        used = merge.compile(part, FIELDS[kind])
        assert used.fields >= {
            field for field in addresses if field != "archive_url" or kind in {"issue", "correction"}
        }
        used.fill(values, as_text)


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_every_mail_has_what_readers_and_the_law_ask_for(kind: str) -> None:
    mail = letter(kind)
    assert '<html lang="en-GB"' in mail.html
    assert re.search(r"<title>[^<]{10,}</title>", mail.html)
    assert '<meta name="color-scheme" content="light dark">' in mail.html
    assert "@media (prefers-color-scheme: dark)" in mail.html
    assert "[data-ogsc]" in mail.html
    assert "1 Example Street" in mail.html
    assert "1 Example Street" in mail.text
    assert "{{ email" in mail.html
    assert mail.preheader
    assert mail.bytes < CLIP_BYTES


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_layout_tables_say_that_they_are_layout(kind: str) -> None:
    tables = re.findall(r"<table[^>]*>", letter(kind).html)
    assert all('role="presentation"' in table or 'class="data"' in table for table in tables)


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_a_mail_loads_nothing_but_its_pictures(kind: str) -> None:
    html = letter(kind).html
    assert "@import" not in html
    assert "<link" not in html
    assert re.findall(r'src="([^"]*)"', html) == ([picture_url("three-muscles.png")] if kind == "issue" else [])


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_the_text_part_has_short_lines_and_no_trailing_blanks(kind: str) -> None:
    for line in letter(kind).text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= 78 or "https://" in line


def test_the_confirm_mail_prints_no_words_of_a_stranger() -> None:
    assert FIELDS["reminder"] == FIELDS["confirm"] == {"email", "confirm_url", "valid_for"}


def test_a_title_or_a_masthead_with_braces_is_printed_as_it_is() -> None:
    branding = dataclasses.replace(BRANDING, name="{{ name }}", tagline="[[ branding ]] {% raw %}")
    mail = render.single_mail("goodbye", branding)
    assert merge.compile(mail.subject, FIELDS["goodbye"]).fill({}, as_line) == "You have unsubscribed from {{ name }}"
    assert "[[ branding ]] {% raw %}" in mail.text


def test_an_article_that_looks_like_a_template_is_not_run() -> None:
    file = dataclasses.replace(every_shape(), body="[[ branding.name ]] {% include 'x' %} [[ 7*7 ]]")
    mail = render.issue_mail(file, BRANDING, picture_url)
    assert "[[ branding.name ]]" in mail.html
    assert "[[ 7*7 ]]" in mail.text


def test_a_field_that_a_letter_does_not_have_is_refused() -> None:
    file = dataclasses.replace(every_shape(), subject="Your link is {{ confirm_url }}")
    with pytest.raises(Invalid, match='unknown field "confirm_url"'):
        render.issue_mail(file, BRANDING, picture_url)


def test_a_bare_masthead_leaves_no_gaps() -> None:
    bare = dataclasses.replace(BRANDING, tagline="", booking_url="", ask_url="", follow=())
    file = dataclasses.replace(every_shape(), sources=(), reviewed_by="", author="", category="", preheader="")
    mail = render.issue_mail(file, bare, picture_url)
    assert "Sources" not in mail.html + mail.text
    assert 'href=""' not in mail.html
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
def test_nothing_that_outlook_gets_is_wider_than_the_mail(kind: str) -> None:
    for_outlook = "".join(re.findall(r"<!--\[if mso[^>]*>(.*?)<!\[endif\]-->", letter(kind).html, re.DOTALL))
    widths = [float(pixels) for pixels in re.findall(r"""width(?::|=")([\d.]+)""", for_outlook)]
    assert len(widths) > 10
    assert max(widths) == 600


@pytest.mark.parametrize("kind", ["issue", "correction", *SINGLE])
@pytest.mark.parametrize(("language", "direction"), [("de-AT", "ltr"), ("he", "rtl")])
def test_a_letter_says_its_language_and_direction_where_webmail_keeps_it(
    kind: str, language: str, direction: str
) -> None:
    html = letter(kind, dataclasses.replace(BRANDING, language=language)).html
    said = f'lang="{language}" dir="{direction}"'
    assert f"<html {said}" in html
    # Webmail drops the document's own element.
    assert f'role="article" {said}' in html


def test_each_picture_of_a_mail_is_as_wide_as_it_is_shown_because_outlook_knows_no_other_width() -> None:
    body = "![Wide](wide.png)\n\n![Narrow](narrow.png)\n\n[![Linked](wide.png)](https://host.example)\n\n"
    body += "Some ![inside](narrow.png) and ![wide](wide.png).\n\n> [!TIP]\n> ![In a box](wide.png)\n"
    sizes = {picture_url("wide.png"): (1200, 600), picture_url("narrow.png"): (300, 100)}
    html = render.issue_mail(dataclasses.replace(every_shape(), body=body), BRANDING, picture_url, sizes).html
    images = re.findall(r"<img [^>]*>", html)
    widths = [re.findall(r' width="(\d+)"', image) for image in images]
    assert widths == [["552"], ["300"], ["552"], ["300"], ["552"], ["500"]]
    assert "max-width: 300px" in images[1]
    assert "max-width: 300px" not in images[3]


def test_a_picture_has_its_share_of_its_column_in_a_mail() -> None:
    body = "![Half](wide.png){.half}\n\n![Narrow](narrow.png){.three-quarters}\n\n[![Linked](a.png){.small}](https://h.example)"
    body += "\n\nSome ![inside](wide.png){.small}.\n\n> [!TIP]\n> ![In a box](wide.png){.half}\n"
    sizes = {picture_url("wide.png"): (1200, 600), picture_url("narrow.png"): (300, 100)}
    mail = render.issue_mail(dataclasses.replace(every_shape(), body=body), BRANDING, picture_url, sizes)
    images = re.findall(r"<img [^>]*>", mail.html)
    widths = [(re.findall(r' width="(\d+)"', image), re.findall(r"max-width: ?(\d+)px", image)) for image in images]
    assert widths == [([pixels], [pixels]) for pixels in ("276", "300", "184", "184", "250")]
    assert "[Picture: Half]" in mail.text
    assert "{." not in mail.html + mail.text


@given(BODIES)
def test_whatever_was_read_can_be_printed(body: str) -> None:
    try:
        file = issue_file.parse(f"---\ntitle: A title\nsubject: A subject of an issue\n---\n{body}", "a.md")
    except Invalid:
        return
    assert "<mj-" not in render.issue_mail(file, BRANDING, picture_url).html


def test_an_issue_is_rendered_well_within_the_blink_that_a_preview_has() -> None:
    def took() -> float:
        start = time.thread_time()
        render.issue_mail(every_shape(), BRANDING, picture_url)
        return time.thread_time() - start

    # Some ten milliseconds (`make bench` has the figure) of the processor's time, which no other program takes part in.
    assert statistics.median(took() for _ in range(9)) < 1.0


def test_the_path_of_one_of_our_pages_leads_there_in_both_parts_and_in_the_archive() -> None:
    source = "---\ntitle: A title\nsubject: A subject of it\n---\n[Ask us](/ask){.button}\n\n[Book](/book), `/ask`\n"
    file = issue_file.parse(source, "2026-11-24-a-title.md")
    pages = (("/ask", "https://letters.example.org/ask?publication=a&b"),)
    mail = render.issue_mail(file, dataclasses.replace(BRANDING, pages=pages), picture_url)
    assert 'href="https://letters.example.org/ask?publication=a&amp;b"' in mail.html
    assert "https://letters.example.org/ask?publication=a&b" in mail.text
    page = render.issue_page(file, picture_url, pages=pages)
    assert 'href="https://letters.example.org/ask?publication=a&amp;b"' in page
    assert 'href="/book"' in page
    assert "<code>/ask</code>" in page
