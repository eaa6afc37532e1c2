import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select, update

from newsletter.delivery.models import Copy, CopyState, LetterState
from newsletter.delivery.reports import stats
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import IssueState, Readiness
from newsletter.wiring import Services
from tests.browser import keyboard
from tests.browser.desk.conftest import NOW, Open
from tests.browser.desk.writing import until
from tests.browser.hands import come_anew, follow

SENDING = "under-the-hands"


def test_the_keyboard_alone_schedules_an_issue(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/issues/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    keyboard.press(page.get_by_role("link", name="When pain stays: ways out of the circle").first)
    page.wait_for_url("**/break-the-circle/")
    keyboard.press(page.get_by_role("button", name="Schedule for Tuesday 1 December 2026 at 09:00"))
    expect(page.get_by_role("status")).to_contain_text(
        "Scheduled for Tuesday 1 December 2026 at 09:00 (Europe/Warsaw)."
    )
    with services.sessions.reading() as session:
        assert issue_store.state(issue_store.find(session, "break-the-circle")) is IssueState.SCHEDULED


def test_the_counts_follow_while_an_issue_goes_out_and_the_page_when_it_is_done(
    open_desk: Open, services: Services
) -> None:
    page = open_desk()
    page.goto(f"/desk/issues/{SENDING}/")
    copies = page.get_by_role("region", name="Copies")
    expect(copies).to_contain_text("Waiting")
    move(services, CopyState.SENT)
    expect(copies).not_to_contain_text("Waiting")
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SENDING).letter
        assert letter
        letter.state, letter.finished_at = LetterState.FINISHED, NOW
    expect(page.get_by_text("It went out on")).to_be_visible()


def test_two_presses_of_one_button_do_one_thing(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/issues/break-the-circle/send")
    sent: list[Route] = []
    # Nobody answers before both presses, which would meet the next page.
    page.route("**/send", lambda route: sent.append(route))  # noqa: PLW0108  (its signature is read)
    page.get_by_role("button", name="Send to").dblclick()
    until(page, lambda: sent)
    sent[0].continue_()
    expect(page.get_by_role("status")).to_contain_text("On its way to")
    assert len(sent) == 1
    with services.sessions.reading() as session:
        assert stats.copy_counts(session, issue_store.find(session, "break-the-circle").letter).audience == len(
            active(services)
        )


@pytest.mark.slow
def test_a_press_whose_answer_was_stopped_can_be_made_again(open_desk: Open) -> None:
    page = open_desk()
    page.goto("/desk/settings/name")
    page.route("**/desk/settings/name", lambda route: route.abort("aborted"), times=1)
    page.get_by_label("Tagline").fill("Stopped once")
    save = page.get_by_role("button", name="Save")
    with page.expect_event("requestfailed"):
        save.click(no_wait_after=True)
    # As when the browser's button to stop is pressed; the driver has none.
    page.evaluate("navigation.dispatchEvent(new Event('navigateerror'))")
    save.click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")


def test_back_shows_an_issue_as_it_is_now_unless_somebody_typed_there(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/issues/break-the-circle/")
    follow(page.get_by_role("navigation", name="Desk").get_by_role("link", name="Calendar"))
    with services.sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, "break-the-circle"), Readiness.DRAFT)
    page.go_back()
    come_anew(page)
    expect(page.get_by_role("button", name="Mark as ready")).to_be_visible()
    note = page.get_by_role("textbox", name="Note")
    note.fill("Ask Ann.")
    follow(page.get_by_role("navigation", name="Desk").get_by_role("link", name="Calendar"))
    page.go_back()
    expect(note).to_have_value("Ask Ann.")


def test_without_a_network_a_form_stays_as_it_was_typed_and_says_so(open_desk: Open) -> None:
    page = open_desk()
    page.goto("/desk/readers/add")
    page.get_by_label("Email address").fill("new@reader.example")
    page.get_by_label("Where the consent comes from").fill("Asked <b>twice</b> 🦒")
    page.context.set_offline(True)
    # The page hears of it a moment later, and until then it would send.
    page.wait_for_function("() => !navigator.onLine")
    send = page.get_by_role("button", name="Send the confirmation email")
    send.click()
    said = page.get_by_role("alert")
    expect(said).to_contain_text("You are offline. Nothing was sent, and what you typed stays here.")
    expect(page.get_by_label("Email address")).to_have_value("new@reader.example")
    page.context.set_offline(False)
    expect(said).to_be_hidden()
    send.click()
    expect(page.get_by_role("status")).to_contain_text("A confirmation email is on its way.")


def test_a_desk_on_a_machine_without_a_network_works(open_desk: Open) -> None:
    page = open_desk()
    # However long a busy machine takes to answer that it is there.
    page.add_init_script("""Object.defineProperty(Navigator.prototype, "onLine", { get: () => false });
        AbortSignal.timeout = () => new AbortController().signal;""")
    page.goto("/desk/readers/add")
    page.get_by_label("Email address").fill("new@reader.example")
    page.get_by_label("Where the consent comes from").fill("At the fair")
    page.get_by_role("button", name="Send the confirmation email").click()
    expect(page.get_by_role("status")).to_contain_text("A confirmation email is on its way.")


def test_everything_works_without_scripts(open_desk: Open) -> None:
    page = open_desk(java_script_enabled=False, viewport={"width": 375, "height": 800})
    page.goto("/desk/issues/break-the-circle/")
    page.get_by_role("link", name="Choose another time").click()
    page.get_by_label("Day and time in Europe/Warsaw").fill("2026-11-25T10:30")
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name="Schedule for Wednesday 25 November 2026 at 10:30").click()
    expect(page.get_by_role("status")).to_contain_text("Scheduled for Wednesday 25 November 2026 at 10:30")


def test_the_mail_shows_in_its_frame(open_desk: Open) -> None:
    page = open_desk()
    page.goto("/desk/issues/break-the-circle/")
    for view in ("Phone", "Desktop", "Dark", "Images off"):
        follow(page.get_by_role("navigation", name="Preview").get_by_role("link", name=view))
        mail = page.frame_locator("iframe")
        expect(mail.get_by_role("heading", name="When pain stays: ways out of the circle")).to_be_visible()
        background = mail.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        assert (background == "rgb(20, 25, 27)") is (view == "Dark")


def move(services: Services, to: CopyState) -> None:
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SENDING).letter_id
        session.execute(update(Copy).where(Copy.letter_id == letter).values(state=to, ended_at=NOW))


def active(services: Services) -> list[int]:
    with services.sessions.reading() as session:
        return list(
            session.scalars(select(Copy.id).where(Copy.letter_id == issue_store.find(session, SENDING).letter_id))
        )
