"""One text in several tabs, windows and hands: nobody writes over anybody, and nobody meets their own text."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from newsletter.editorial.issues import drafts, issue_store
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.desk.writing import (
    FALL_SILENT,
    ME,
    PAGE,
    SLUG,
    at_work,
    details,
    draft,
    hears,
    keeps,
    ready,
    save,
    shows,
    sign_in,
    text,
    unheard_of,
    until,
    waits_on_device,
    write,
)
from tests.browser.hands import come_anew, follow, stop_clock
from tests.browser.looks import faults
from tests.real_parts import PATIENCE, SWITCHES, Axe
from tests.sample_services import NOW


@pytest.fixture
def page(open_desk: Open) -> Page:
    """The writing page, in a browser that takes note of what its policy forbids."""
    return at_work(open_desk())


@pytest.mark.slow
def test_text_that_never_reached_the_server_is_offered_after_a_crash_of_the_browser(
    start: Callable[[], BrowserContext], services: Services
) -> None:
    first = sign_in(start())
    # All but the page in the frame of the preview.
    first.route(re.compile(r"/write/(keep|save|leave|hello)"), lambda route: route.abort())
    at_work(first)
    write(first, "Only on this device.")
    expect(first.locator("#said")).to_contain_text("Offline: kept on this device.")
    waits_on_device(first, "Only on this device.")
    crash(first)
    again = at_work(sign_in(start()))
    assert "Only on this device." not in text(again)
    expect(again.get_by_text("This device has text from")).to_be_visible()
    again.get_by_role("button", name="Restore it").click()
    assert "Only on this device." in text(again)
    expect(again.locator("#said")).to_contain_text("Draft saved at 13:00.")
    assert "Only on this device." in draft(services)
    expect(again.get_by_text("This device has text from")).to_be_hidden()


@pytest.mark.slow
def test_a_tab_that_ended_without_a_word_goes_on_with_its_text(page: Page, services: Services) -> None:
    page.route("**/write/*", lambda route: route.abort())
    write(page, "The battery died.")
    expect(page.locator("#said")).to_contain_text("Offline: kept on this device.")
    waits_on_device(page, "The battery died.")
    page.evaluate(FALL_SILENT)
    page.evaluate("Storage.prototype.setItem = () => {}")
    page.unroute("**/write/*")
    page.reload()
    shows(ready(page), "The battery died.")
    keeps(page, services, "The battery died.")
    expect(page.locator("#left-here")).to_be_hidden()


@pytest.mark.slow
def test_who_puts_the_phone_away_has_the_last_word_kept_at_once(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.clock.install()
    at_work(page)
    stop_clock(page)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    write(page, "In the pocket.")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(10)
    keeps(page, services, "In the pocket.")


@pytest.mark.slow
def test_a_second_tab_is_noticed_at_once_in_both(page: Page) -> None:
    other = at_work(page.context.new_page())
    for one in (page, other):
        expect(one.get_by_text("You have this issue open in another window too.")).to_be_visible()
    other.close(run_before_unload=True)
    expect(page.locator("#presence")).to_be_hidden()


def test_a_colleagues_changes_of_other_passages_come_into_the_text_while_it_is_written(
    page: Page, open_desk: Open, services: Services
) -> None:
    colleague = at_work(open_desk(as_whom="editor@desk.example"))
    expect(colleague.get_by_text(f"{ME} is also writing here, on revision 1.")).to_be_visible()
    details(page).get_by_label("Title", exact=True).fill("By the owner")
    write(colleague, "By the colleague.")
    save(colleague)
    shows(page, "By the colleague.")
    hears(page, "editor@desk.example saved as revision 2.")
    expect(page.get_by_label("Title", exact=True)).to_have_value("By the owner")
    page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_contain_text("Saved at 13:00, revision 3")
    with services.sessions.reading() as session:
        source = issue_store.find(session, SLUG).revision.source
        assert "title: By the owner" in source
        assert source.endswith("By the colleague.")


@pytest.mark.slow
def test_what_comes_in_leaves_the_caret_and_what_is_being_typed_where_they_are(page: Page, services: Services) -> None:
    page.locator(".cm-content").press("Control+Home")
    delayed: list[Any] = []
    page.route("**/write/keep", lambda route: delayed.append(route), times=1)  # noqa: PLW0108
    page.keyboard.insert_text("Begun. ")
    until(page, lambda: delayed)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        theirs = drafts.EditorText(f"{issue.revision.source}\nBy a colleague.\n", base=1)
        theirs_kept = drafts.keep(session, issue, theirs, "editor@desk.example", NOW)
        drafts.save(session, issue, theirs_kept, NOW)
    page.keyboard.insert_text("Going on. ")
    delayed.pop(0).continue_()
    shows(page, "By a colleague.")
    page.keyboard.insert_text("Done. ")
    assert text(page).startswith("Begun. Going on. Done. ")
    until(page, lambda: "Begun. Going on. Done. " in draft(services))
    assert draft(services).endswith("By a colleague.\n")


def test_where_two_people_changed_the_same_passage_each_is_asked_about_that_alone_and_nothing_is_lost(
    page: Page, open_desk: Open, services: Services
) -> None:
    unheard_of(page)
    colleague = at_work(open_desk(as_whom="editor@desk.example"))
    details(colleague).get_by_label("Title", exact=True).fill("By the colleague")
    write(colleague, "By the colleague.")
    save(colleague)
    write(page, "By the owner.")
    page.get_by_role("button", name="Save", exact=True).click()
    both = page.get_by_role("dialog", name="Two versions, and neither is lost")
    expect(both.get_by_text("editor@desk.example, revision 2")).to_be_visible()
    both.get_by_role("button", name="Not now").click()
    write(page, "And more.")
    keeps(page, services, "And more.")
    page.get_by_role("button", name="Compare both texts").click()
    both.get_by_role("radio", name="Both, one after the other").check()
    follow(both.get_by_role("button", name="Save the merged text"))
    ready(page)
    expect(page.locator("#said")).to_have_text("Saved at 13:00, revision 3.")
    with services.sessions.reading() as session:
        source = issue_store.find(session, SLUG).revision.source
        assert "title: By the colleague" in source
        assert source.endswith("By the colleague.\n\nBy the owner.\n\nAnd more.\n")


@pytest.mark.slow
def test_two_windows_of_one_person_show_one_text(page: Page, open_desk: Open, services: Services) -> None:
    other = at_work(open_desk())
    write(page, "Here.")
    shows(other, "Here.")
    details(other).get_by_label("Title", exact=True).fill("There")
    expect(page.get_by_label("Title", exact=True)).to_have_value("There")
    assert "title: There" in draft(services)
    assert draft(services).endswith("Here.")


@pytest.mark.slow
def test_two_windows_of_one_person_never_write_over_each_other(page: Page, open_desk: Open, services: Services) -> None:
    other = at_work(open_desk())
    ask_both(page, other)
    both = other.get_by_role("dialog", name="Two versions, and neither is lost")
    expect(both.get_by_text("You, in another window", exact=True)).to_be_visible()
    both.get_by_role("button", name="Not now").click()
    expect(other.locator("#said")).to_contain_text("Your text is kept on this device.")
    assert "There." in text(other)
    assert "Here." in draft(services)


@pytest.mark.slow
@pytest.mark.parametrize(
    "again",
    ["reload", pytest.param("back", marks=pytest.mark.slow), pytest.param("the address", marks=pytest.mark.slow)],
)
def test_a_page_that_is_opened_again_goes_on_from_the_very_last_key(page: Page, services: Services, again: str) -> None:
    for words in ("One", "Two", "Three"):
        with page.expect_response("**/write/keep"):
            write(page, f"{words}.")
        page.keyboard.insert_text(f" {words}, and gone.")
        open_again(page, again)
        assert text(page).endswith(f"{words}. {words}, and gone.")
        expect(page.get_by_role("dialog")).to_have_count(0)
    # What the page says may still be of the text before.
    with page.expect_response("**/write/save"):
        page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_contain_text("Saved at 13:00, revision")
    expect(page.locator("#left-here")).to_be_hidden()
    with services.sessions.reading() as session:
        source = issue_store.find(session, SLUG).revision.source
        assert source.endswith("One. One, and gone.\n\nTwo. Two, and gone.\n\nThree. Three, and gone.")


@pytest.mark.slow
def test_a_text_that_is_stored_after_the_reloaded_page_was_made_is_on_it(page: Page) -> None:
    loads: list[Any] = []
    page.context.route("**/write", lambda route: loads.append(route))  # noqa: PLW0108
    write(page, "Just")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    page.evaluate("void setTimeout(() => location.reload())")
    until(page, lambda: loads)
    made = loads[0].fetch()
    with page.expect_response("**/write/keep") as stored:
        page.keyboard.insert_text(" in time.")
    stored.value.finished()
    with page.expect_navigation():
        loads[0].fulfill(response=made)
    ready(page)
    assert text(page).endswith("Just in time.")
    page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_contain_text("Saved at 13:00, revision")


@pytest.mark.slow
def test_a_last_word_that_arrives_long_after_the_reload_changes_nothing(page: Page, services: Services) -> None:
    late: list[Any] = []
    page.context.route("**/write/leave", lambda route: late.append(route))  # noqa: PLW0108
    write(page, "Before the reload.")
    page.reload()
    ready(page)
    assert text(page).endswith("Before the reload.")
    page.locator(".cm-content").press("Control+End")
    page.keyboard.insert_text(" And after.")
    keeps(page, services, "Before the reload. And after.")
    for one in late:
        one.continue_()
    page.keyboard.insert_text(" Done.")
    page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_contain_text("Saved at 13:00, revision")
    with services.sessions.reading() as session:
        assert issue_store.find(session, SLUG).revision.source.endswith("Before the reload. And after. Done.")


@pytest.mark.slow
def test_a_reloaded_page_waits_for_its_name_however_long_the_one_before_takes_to_go(page: Page) -> None:
    # A busy machine is no tab that hangs with the name.
    page.add_init_script("""{
        const soon = window.setTimeout;
        window.setTimeout = (act, after) => soon(act, after === 10_000 ? 120_000 : after);
    }""")
    name, other = name_of(page), page.context.new_page()
    other.goto("/desk/account/")
    # Asked for before the page that comes asks, so it is given before, too.
    other.evaluate(
        "name => void navigator.locks.request(`writing-${name}`, () => new Promise(go => { letGo = go; }))", name
    )
    page.reload()
    write(ready(page), "Once more.")
    other.evaluate("letGo()")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    assert name_of(page) == name


@pytest.mark.slow
def test_a_tab_over_plain_http_gives_up_its_name_when_another_says_late_that_it_has_it(page: Page) -> None:
    page.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    page.reload()
    write(ready(page), "First.")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    name, other = name_of(page), page.context.new_page()
    other.goto("/desk/account/")
    other.evaluate("name => new BroadcastChannel(`writing-${name}`).postMessage('mine')", name)
    until(page, lambda: name_of(page) != name)
    page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_have_text("Saved at 13:00, revision 2.")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_duplicated_tab_is_a_window_of_its_own(page: Page, services: Services, scheme: str) -> None:
    if scheme == "http":
        page.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
        page.reload()
        ready(page)
    write(page, "In the first.")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    with page.expect_popup() as opened:
        # A page that is opened by script brings the tab's memory along, as a duplicated tab does.
        page.evaluate("window.open(location.href)")
    other = ready(opened.value)
    assert text(other).endswith("In the first.")
    details(other).get_by_label("Title", exact=True).fill("In the second")
    expect(page.get_by_label("Title", exact=True)).to_have_value("In the second")
    write(page, "And on.")
    shows(other, "And on.")
    for one in (page, other):
        expect(one.get_by_role("dialog")).to_have_count(0)
    until(page, lambda: name_of(page) != name_of(other))
    assert draft(services).endswith("In the first.\n\nAnd on.")


@pytest.mark.slow
def test_axe_finds_nothing_in_two_texts(open_desk: Open, axe: Axe) -> None:
    first, second = (at_work(open_desk()) for _ in range(2))
    ask_both(first, second)
    assert faults(second, axe) == []


@pytest.fixture
def start(chrome: Browser, chromium: str, address: str) -> Iterator[Callable[[], BrowserContext]]:
    """A browser of one's own whose profile outlives it."""
    with TemporaryDirectory(prefix="newsletter-profile-", ignore_cleanup_errors=True) as folder:
        started: list[BrowserContext] = []

        def again() -> BrowserContext:
            options = {"executable_path": chromium, "args": SWITCHES, "base_url": address, "timeout": PATIENCE}
            started.append(chrome.browser_type.launch_persistent_context(folder, **options))
            started[-1].set_default_timeout(PATIENCE)
            return started[-1]

        yield again
        started[-1].close()


def crash(page: Page) -> None:
    """End the whole browser, as if the power had gone."""
    session = page.context.new_cdp_session(page)
    # Nobody is left to answer.
    with page.context.expect_event("close"), suppress(Error):
        session.send("Browser.crash")


def name_of(page: Page) -> str:
    """By which the server tells this tab from others."""
    return str(page.evaluate("JSON.parse(Object.values(sessionStorage)[0]).name"))


def ask_both(page: Page, other: Page) -> None:
    """Write into one place in two windows of which the second has not heard of the first."""
    unheard_of(other)
    write(page, "Here.")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    write(other, "There.")
    expect(other.get_by_role("dialog", name="Two versions, and neither is lost")).to_be_visible()


def open_again(page: Page, how: str) -> None:
    if how == "reload":
        page.reload()
    elif how == "back":
        page.goto("/desk/calendar/")
        page.go_back()
        come_anew(page)
    else:
        page.goto(PAGE)
    ready(page)
