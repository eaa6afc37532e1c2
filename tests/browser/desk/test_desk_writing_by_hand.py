import base64
import io
import sys
from collections.abc import Mapping

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from bench.writing import key_to_pixels
from newsletter import editors
from newsletter.editorial.issues import drafts, issue_store
from newsletter.editorial.models import Draft
from newsletter.editors import accounts
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.desk.writing import (
    ME,
    ON_DEVICE,
    PAGE,
    SLUG,
    at_work,
    details,
    draft,
    fill_in,
    hears,
    mail,
    ready,
    save,
    saved,
    shows,
    text,
    unheard_of,
    until,
    waits_on_device,
    write,
)
from tests.browser.hands import follow, stop_clock
from tests.browser.looks import faults
from tests.real_parts import Axe
from tests.sample_services import Clock

WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal {margin: 0}</style></head>
<body lang=EN-GB><!--StartFragment-->
<h1 style='mso-line-height-rule:exactly'><span lang=EN-US>Stand <b>up</b><o:p></o:p></span></h1>
<p class=MsoNormal><span style='font-size:11pt'>Every <b style='mso-bidi-font-weight:normal'>hour</b>, and
<i>slowly</i>. See <a href="https://example.org/up">how</a><o:p></o:p></span></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;
</span></span></span><![endif]>Neck<o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;
</span></span></span><![endif]>Back<o:p></o:p></p>
<!--EndFragment--></body></html>"""
MARKDOWN = "# Stand up\n\nEvery **hour**, and *slowly*. See [how](https://example.org/up)\n\n- Neck\n- Back"


@pytest.fixture
def page(open_desk: Open) -> Page:
    """The writing page, in a browser that takes note of what its policy forbids."""
    return at_work(open_desk())


def test_what_is_typed_stands_in_the_mail_at_once_and_within_two_seconds_on_the_server(
    open_desk: Open, services: Services
) -> None:
    page = open_desk()
    page.clock.install()
    at_work(page)
    stop_clock(page)
    write(page, "A sentence that is *fresh*.")
    page.clock.run_for(100)
    expect(mail(page).get_by_text("A sentence that is fresh.")).to_be_visible()
    page.clock.run_for(1900)
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    assert "A sentence that is *fresh*." in draft(services)


def test_the_editor_obeys_the_policy_of_the_page(open_desk: Open) -> None:
    page = open_desk()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    at_work(page)
    write(page, "**Bold**")
    expect(mail(page).get_by_text("Bold", exact=True)).to_be_visible()
    assert page.locator(".cm-content").evaluate("element => getComputedStyle(element).padding") == "12px 4px"
    assert faults == []


@pytest.mark.slow
def test_each_key_is_in_the_mail_and_how_soon_is_printed(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.locator(".cm-content").press("Control+End")
    page.keyboard.insert_text("\n\n" + "A back likes to move. " * 64)
    times = [key_to_pixels(page, ".cm-content", key) for key in "A backs first thousand words"]
    median, worst = sorted(times)[len(times) // 2], max(times)
    words = len(text(page).split())
    with capsys.disabled():
        sys.stderr.write(
            f"\n  key to pixels, {words:,} words: median {median:.0f} ms, worst of {len(times)} keys {worst:.0f} ms\n"
        )


def test_the_mail_stays_where_it_was_scrolled_to(open_desk: Open) -> None:
    page = at_work(open_desk(reduced_motion="reduce"))
    write(page, "One line.")
    expect(mail(page).locator("[data-here]")).to_have_text("One line.")
    frame = page.locator("#sheet")
    frame.evaluate(
        """frame => new Promise((heard) => {
            frame.contentDocument.addEventListener("scroll", heard, { once: true });
            frame.contentWindow.scrollTo({ top: 600, behavior: "instant" });
        })"""
    )
    page.keyboard.insert_text(" And one more.")
    expect(mail(page).get_by_text("One line. And one more.")).to_be_attached()
    assert frame.evaluate("frame => frame.contentWindow.scrollY") == 600


def test_every_view_follows_what_is_typed(page: Page) -> None:
    for view in ("Phone", "Desktop", "Dark", "Images off", "Text"):
        page.get_by_role("navigation", name="Preview").get_by_role("link", name=view).click()
        write(page, f"Seen in {view}.")
        place = page.locator("#sheet-text") if view == "Text" else mail(page).locator("body")
        expect(place).to_contain_text(f"Seen in {view}.")
        if view != "Text":
            background = place.evaluate("body => getComputedStyle(body).backgroundColor")
            assert (background == "rgb(20, 25, 27)") is (view == "Dark")


def test_a_fault_stands_beside_its_line_and_the_mail_stays_as_it_was(page: Page) -> None:
    write(page, "{{ surname }}")
    expect(page.locator("#body-fault")).to_contain_text('Unknown field "surname"')
    expect(page.locator(".cm-fault")).to_have_text("{{ surname }}")
    expect(page.get_by_text("This shows the email as it was before the errors")).to_be_visible()
    expect(mail(page).get_by_role("heading", name="When pain stays")).to_be_visible()
    details(page).get_by_label("Subject", exact=True).fill("Short")
    expect(page.locator("#subject-fault")).to_have_text("Subject has 5 characters; 10 to 78 fit an inbox line.")
    expect(page.get_by_label("Subject", exact=True)).to_have_attribute("aria-invalid", "true")


def test_control_s_saves_a_revision_and_says_so(page: Page, services: Services) -> None:
    details(page).get_by_label("Title", exact=True).fill("Out of the circle")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="Saved at 13:00, revision 2.")).to_be_visible()
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        assert (issue.title, issue.revision.author) == ("Out of the circle", ME)
        assert drafts.unsaved_draft(session, issue, ME) is None


def test_the_page_that_a_link_leads_to_has_what_was_typed_a_moment_before(page: Page, services: Services) -> None:
    write(page, "Typed, and on.")
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").last.click()
    page.get_by_role("button", name="Mark as ready").click()
    expect(page.get_by_role("status").first).to_contain_text("is marked as ready")
    with services.sessions.reading() as session:
        assert "Typed, and on." in issue_store.find(session, SLUG).revision.source


def test_a_page_that_is_closed_saves_what_was_typed_a_moment_before(page: Page, services: Services) -> None:
    write(page, "Typed, and gone.")
    page.goto("/desk/calendar/")
    until(page, lambda: "Typed, and gone." in saved(services))
    page.goto(f"/desk/issues/{SLUG}/history")
    expect(page.get_by_role("link", name="Revision 2")).to_be_visible()


def test_without_a_connection_the_text_is_kept_here_and_sent_when_there_is_one(page: Page, services: Services) -> None:
    page.context.set_offline(True)
    write(page, "In a tunnel.")
    expect(page.locator("#said")).to_contain_text("Offline: kept on this device.")
    page.context.set_offline(False)
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    assert "In a tunnel." in draft(services)


def test_a_session_that_ended_asks_to_sign_in_elsewhere_and_the_save_goes_on(page: Page, services: Services) -> None:
    write(page, "Still here.")
    with services.sessions.begin() as session:
        accounts.end_sessions(editors.find(session, ME))
    page.keyboard.press("Control+s")
    asked = page.get_by_role("dialog", name="Your session has ended")
    with page.expect_popup() as opened:
        asked.get_by_role("link", name="Sign in in a new tab").click()
    door = opened.value
    fill_in(door)
    door.close()
    page.bring_to_front()
    expect(page.locator("#said")).to_have_text("Saved at 13:00, revision 2.")
    expect(asked).to_be_hidden()
    with services.sessions.reading() as session:
        assert "Still here." in issue_store.find(session, SLUG).revision.source


@pytest.mark.slow
def test_what_one_person_wrote_is_not_kept_as_anothers_who_signs_in_in_the_same_browser(
    page: Page, services: Services
) -> None:
    unheard_of(page)
    door = page.context.new_page()
    door.goto("/desk/account")
    door.get_by_role("button", name="Sign out").first.click()
    door.wait_for_url("**/sign-in**")
    door.goto("/desk/sign-in")
    fill_in(door, "editor@desk.example")
    page.bring_to_front()
    write(page, "Mine alone.")
    asked = page.get_by_role("dialog", name="Your session has ended")
    expect(asked).to_be_visible()
    page.reload()
    assert "Mine alone." not in text(ready(page))
    write(page, "And this is mine.")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    with services.sessions.reading() as session:
        kept = session.scalars(select(Draft.source)).all()
        assert not any("Mine alone." in source for source in kept)
    door.bring_to_front()
    door.get_by_role("button", name="Sign out").first.click()
    door.wait_for_url("**/sign-in**")
    door.goto("/desk/sign-in")
    fill_in(door)
    shows(at_work(page), "Mine alone.")


def test_who_would_rather_write_on_without_a_session_is_left_alone_until_the_next_save(
    page: Page, services: Services
) -> None:
    with services.sessions.begin() as session:
        accounts.end_sessions(editors.find(session, ME))
    asked = page.get_by_role("dialog", name="Your session has ended")
    hear_that_the_session_ended(page)
    expect(asked).to_be_visible()
    asked.get_by_role("button", name="Continue writing").click()
    write(page, "Written on.")
    for _ in range(2):
        hear_that_the_session_ended(page)
    expect(asked).to_be_hidden()
    page.keyboard.press("Control+s")
    expect(asked).to_be_visible()


def hear_that_the_session_ended(page: Page) -> None:
    """Let the page ask who else is here; each time but the first it has dealt with the answer before."""
    with page.expect_response("**/write/hello"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.slow
def test_an_issue_deleted_under_ones_hands_leaves_the_text_in_hand_and_then_nothing_on_the_device(
    page: Page, services: Services, clock: Clock
) -> None:
    page.goto("/desk/issues/new")
    page.locator(".cm-content").wait_for()
    write(page, "Not lost.")
    page.wait_for_url("**/write")
    slug = page.url.split("/")[-2]
    page.context.set_offline(True)
    write(page, "Nor is this.")
    waits_on_device(page, "Nor is this.")
    with services.sessions.begin() as session:
        issue_store.remove(session, issue_store.find(session, slug))
    clock.turn(minutes=1)
    page.context.set_offline(False)
    gone = page.get_by_role("dialog", name="This issue was deleted")
    expect(gone).to_be_visible()
    follow(gone.get_by_role("button", name="Save as a new issue"))
    ready(page)
    assert "Nor is this." in text(page)
    assert page.evaluate(ON_DEVICE) == []
    with services.sessions.reading() as session:
        assert "Nor is this." in issue_store.find(session, page.url.split("/")[-2]).revision.source


def test_what_is_pasted_from_word_is_clean_markdown(page: Page) -> None:
    write(page, "")
    paste(page, {"text/html": WORD, "text/plain": "Stand up"})
    assert text(page).endswith(MARKDOWN)


COPIED = {
    "Google Docs": (
        (
            '<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1"><h2 dir="ltr"><span '
            'style="font-weight:400">Spring at the hives</span></h2><p dir="ltr">'
            '<span style="font-weight:400">plain </span><span style="font-weight:700">bold</span>'
            '<span style="font-weight:400;font-style:italic"> slanted</span></p>'
            '</b><br class="Apple-interchange-newline">'
        ),
        "## Spring at the hives\n\nplain **bold** *slanted*",
    ),
    "a page with styled spans": (
        (
            '<div><span style="font-weight: bold">One</span><span style="font-weight: 600"> two</span> and '
            '<strong style="font-weight: 400">plain</strong>, <i style="font-style: normal">upright</i></div>'
        ),
        "**One two** and plain, upright",
    ),
    "bold around paragraphs": (
        "<b><p>First.</p><p>Second.</p></b><p style='font-weight: bold'>Third.</p>",
        "**First.**\n\n**Second.**\n\n**Third.**",
    ),
    "a table of Word": (
        (
            "<table><tr><td style='x'><p>Day</p></td><td><p><b>Hives</b></p></td></tr>"
            "<tr><td><p>Monday</p></td><td><p>3 | 4</p></td></tr><tr><td></td><td></td></tr></table>"
        ),
        "| Day | **Hives** |\n| --- | --- |\n| Monday | 3 \\| 4 |",
    ),
    "a table that only lays out the page": (
        "<table><tr><td><p>Left</p></td><td><ul><li>one</li></ul></td></tr></table>",
        "Left\n\n- one",
    ),
}
COPIED_SELDOM = {
    "lists of Google Docs, one beside the item that it belongs to": (
        (
            "<b style='font-weight:normal'><ol><li><p><span>One</span></p></li><ol><li><p>One deep</p></li></ol>"
            "<li><p>Two</p></li></ol></b>"
        ),
        "1. One\n   1. One deep\n2. Two",
    ),
    "two lists of Word, the second of which goes on": (
        (
            "<p style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>·</span>Neck</p>"
            "<p style='mso-list:l1 level1 lfo2'><span style='mso-list:Ignore'>4.</span>Back</p>"
            "<p style='mso-list:l1 level1 lfo2'><span style='mso-list:Ignore'>5.</span>Hip</p>"
        ),
        "- Neck\n\n4. Back\n5. Hip",
    ),
    "paragraphs that nothing sets apart": (
        "<p class=MsoNormal>One</p><p class=MsoNormal>Two</p>",
        "One\n\nTwo",
    ),
    "a table with a head, a caption and cells over several": (
        (
            "<table><caption>Hours</caption><thead><tr><th rowspan=2>Day</th><th colspan=2>Open</th></tr>"
            "<tr><th>am</th><th>pm</th></tr></thead><tbody><tr><td>Mo</td><td>9</td><td>14</td></tr><tr><td>Tu</td></tr></tbody></table>"
        ),
        "Hours\n\n| Day | Open |  |\n| --- | --- | --- |\n|  | am | pm |\n| Mo | 9 | 14 |\n| Tu |  |  |",
    ),
    "a table below its title": (
        "<table><tr><td colspan=2>Hours</td></tr><tr><td>Mo</td><td>9</td></tr><tr><td>Tu</td><td>8</td></tr></table>",
        "Hours\n\n| Mo | 9 |\n| --- | --- |\n| Tu | 8 |",
    ),
    "links by way of whoever counts clicks, and around paragraphs": (
        (
            "<p><a href='https://www.google.com/url?q=https%3A%2F%2Fbees.example%2F%3Fa%3D1&amp;sa=D'>one</a> "
            "<a href='https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fbees.example%2F2&amp;data=0'>"
            "two</a></p><a href='https://bees.example/3'><h3>Three</h3><p>More</p></a>"
        ),
        (
            "[one](https://bees.example/?a=1) [two](https://bees.example/2)\n\n"
            "### [Three](https://bees.example/3)\n\n[More](https://bees.example/3)"
        ),
    ),
    "code, rules, figures above the line, and what was struck": (
        (
            "<h2>At<br>home</h2><dl><dt>Area</dt><dd>10<sup>3</sup> m<sup>2</sup></dd></dl><hr>"
            "<p><del>Old</del> new</p><p>See <code>a</code></p><pre>a<br>  b</pre>"
        ),
        "## At home\n\nArea\n\n10³ m²\n\n---\n\n~~Old~~ new\n\nSee `a`\n\n```\na\n  b\n```",
    ),
    "what its page did not show, and what only a page can do": (
        (
            "<p>See <b>this</b></p><div style='display: none'>Preview</div><button>Copy</button><script>x()</script>"
            "<div style='mso-element:comment-list'><p>Is that so?</p></div><a href='javascript:x()'>here</a>"
        ),
        "See **this**\n\nhere",
    ),
}


@pytest.mark.parametrize(
    "copied", [COPIED, pytest.param(COPIED_SELDOM, marks=pytest.mark.slow)], ids=["often", "seldom"]
)
def test_what_is_pasted_from_documents_and_pages_keeps_its_shapes(
    page: Page, copied: Mapping[str, tuple[str, str]]
) -> None:
    for source, (html, markdown) in copied.items():
        write(page, "")
        paste(page, {"text/html": html, "text/plain": "x"})
        assert text(page).rstrip().endswith(markdown), source


def test_what_is_pasted_from_an_editor_of_programs_stays_as_it_was_written(page: Page) -> None:
    write(page, "")
    lines = (
        "<div style='font-family: monospace; white-space: pre;'><div><span style='color: red'># One</span></div></div>"
    )
    paste(page, {"text/html": lines, "text/plain": "# One\n**two**"})
    assert text(page).endswith("# One\n**two**")


def test_a_picture_within_a_paste_is_taken_in_or_told(page: Page) -> None:
    write(page, "")
    paste(page, {"text/html": '<h2>Bees</h2><img src="data:image/png;base64,====">', "text/plain": "Bees"})
    hears(page, "One picture did not come with the paste.")
    page.evaluate("document.getElementById('said').textContent = ''")
    page.wait_for_function("() => said.splice(0).at(-1) === ''")
    write(page, "")
    elsewhere = '<p>Look:</p><img src="https://bees.example/a.png" alt="A bee">'
    paste(page, {"text/html": f"<h2>Bees</h2>{elsewhere}", "text/plain": "Look:"})
    hears(page, "One picture did not come with the paste. Save it as a file and drop it here.")
    assert "bees.example" not in text(page)
    own = f'<img src="data:image/png;base64,{base64.b64encode(picture()).decode()}">'
    paste(page, {"text/html": f"<p>Here:</p>{own}", "text/plain": "Here:"})
    expect(page.get_by_role("group", name="Picture pasted-1.png")).to_be_visible()


def test_plain_text_is_pasted_as_it_is(page: Page) -> None:
    write(page, "")
    paste(page, {"text/plain": "x < y *and* {{ name }}"})
    assert text(page).endswith("x < y *and* {{ name }}")


def test_a_dropped_picture_is_described_and_stands_in_text_and_mail(page: Page, services: Services) -> None:
    write(page, "")
    drop(page, "A Back.png", picture())
    asked = page.get_by_role("group", name="Picture a-back.png")
    asked.get_by_role("button", name="Done").click()
    expect(asked.get_by_text("Describe what it shows, or tick that it is decorative.")).to_be_visible()
    asked.get_by_label("Alt text").fill("A back, [seen] from behind")
    asked.get_by_label("Caption").fill('At "rest"')
    asked.get_by_role("button", name="Done").click()
    expect(page.locator(".cm-content")).to_be_focused()
    shows(page, "a-back.png")
    assert '\n\n![A back, \\[seen\\] from behind](a-back.png "At \\"rest\\"")' in text(page)
    expect(mail(page).get_by_role("img", name="A back, [seen] from behind")).to_be_attached()
    save(page)
    with services.sessions.reading() as session:
        assert "a-back.png" in issue_store.picture_names(issue_store.find(session, SLUG).revision)


def test_a_picture_that_is_none_is_refused_with_the_reason_and_the_text_stays(page: Page) -> None:
    write(page, "")
    before = text(page)
    drop(page, "evil.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    hears(page, "SVG")
    assert text(page) == before


def test_the_keyboard_gets_out_of_the_text(page: Page) -> None:
    page.locator(".cm-content").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("cm-content")
    page.keyboard.press("Escape")
    hears(page, "Tab now leaves the text.")
    # A minute later: whoever listens to those words is given the time.
    page.evaluate("() => { const { now } = Date; Date.now = () => now() + 60_000; }")
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.className").startswith("cm-content")
    page.locator(".cm-content").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("cm-content")


def test_a_line_of_the_front_matter_opens_at_its_field(open_desk: Open) -> None:
    page = open_desk()
    for line, label in ((3, "Subject"), (11, "Source 1: title"), (5, "Slug")):
        page.goto(f"{PAGE}?line={line}")
        expect(page.get_by_label(label, exact=True)).to_be_focused()


def test_a_line_of_the_text_opens_there(page: Page, services: Services) -> None:
    with services.sessions.reading() as session:
        lines = issue_store.find(session, SLUG).revision.source.split("\n")
    number = lines.index("## What massage adds") + 1
    page.goto(f"{PAGE}?line={number}")
    expect(page.locator(".cm-line", has_text="What massage adds")).to_be_in_viewport()
    page.keyboard.type("x")
    assert "\nx## What massage adds" in text(page)


def test_on_a_phone_either_the_text_or_the_mail_is_shown(open_desk: Open) -> None:
    page = at_work(open_desk(viewport={"width": 375, "height": 800}))
    expect(page.locator("#sheet")).to_be_hidden()
    write(page, "On a phone.")
    # By key, for the editor may still scroll: a button that moves under the pointer is not pressed.
    page.get_by_role("group", name="Show").get_by_role("button", name="Preview").press("Enter")
    expect(page.locator(".cm-content")).to_be_hidden()
    expect(mail(page).get_by_text("On a phone.")).to_be_attached()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Text", pressed=False)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_be_visible()


def test_the_page_works_without_scripts(open_desk: Open, services: Services) -> None:
    page = open_desk(java_script_enabled=False)
    page.goto("/desk/issues/")
    page.get_by_role("link", name="Continue writing: When pain stays").click()
    page.get_by_role("textbox", name="Text", exact=True).fill("Plainly typed, {{ surname }}.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text('Line 1: Unknown field "surname"')).to_be_visible()
    page.get_by_role("textbox", name="Text", exact=True).fill("Plainly typed.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
    expect(mail(page).get_by_text("Plainly typed.")).to_be_attached()
    with services.sessions.reading() as session:
        assert issue_store.find(session, SLUG).revision.source.endswith("---\nPlainly typed.")


@pytest.mark.slow
def test_axe_finds_nothing_while_somebody_writes(open_desk: Open, axe: Axe) -> None:
    page = at_work(open_desk())
    write(page, "{{ surname }} and [a link](https://example.org) and `code`")
    expect(page.locator(".cm-fault")).to_be_visible()
    page.locator("#details summary").click()
    found = faults(page, axe)
    for dialog in ("ask-snippet", "ask-sign-in", "ask-gone"):
        page.evaluate("id => document.getElementById(id).showModal()", dialog)
        found += faults(page, axe)
        page.evaluate("id => document.getElementById(id).close()", dialog)
    assert found == []


def paste(page: Page, kinds: dict[str, str]) -> None:
    page.locator(".cm-content").evaluate(
        """(content, kinds) => {
            const clipboardData = new DataTransfer();
            for (const [kind, words] of Object.entries(kinds)) clipboardData.setData(kind, words);
            content.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        kinds,
    )


def drop(page: Page, name: str, content: bytes) -> None:
    page.locator(".cm-content").evaluate(
        """(content, [name, bytes]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
            const { right, bottom } = content.lastElementChild.getBoundingClientRect();
            const at = { clientX: right - 2, clientY: bottom - 2 };
            content.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true, ...at }));
        }""",
        [name, list(content)],
    )


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(made, "PNG")
    return made.getvalue()
