from playwright.sync_api import expect

from newsletter.doctor import Finding
from tests import sample_doctor
from tests.browser.desk.conftest import Open
from tests.browser.hands import stop_clock
from tests.sample_services import NOW


def test_a_record_is_copied_whole(open_desk: Open) -> None:
    page = open_desk(permissions=["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.goto("/desk/settings/doctor/")
    stop_clock(page)
    key: Finding = next(each for each in sample_doctor.findings(NOW) if each.rule == "each key is published")
    found = page.locator(".found", has_text=key.about)
    found.get_by_role("button", name="Copy the value").first.click()
    expect(page.get_by_role("button", name="Copied").or_(found.get_by_text("Copied")).first).to_be_visible()
    assert key.record
    assert page.evaluate("navigator.clipboard.readText()") == key.record.value
