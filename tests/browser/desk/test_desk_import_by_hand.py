from datetime import UTC, datetime

import pytest

from newsletter.audience.importing.uploads.job import UploadJob
from newsletter.delivery.workers.context import WorkerContext
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.looks import DARK, LIGHT, OF_COLOUR, PHONE, faults_of
from tests.real_parts import Axe

KIT = "First Name,Email,Status,type\nAda,ada@new.example,active,x\nBen,nonsense,active,\n"


@pytest.mark.slow
def test_a_list_is_imported_on_a_phone_and_its_page_follows_the_worker(
    open_desk: Open, services: Services, axe: Axe
) -> None:
    page = open_desk(viewport={"width": PHONE, "height": 760})
    page.clock.install()
    folder = services.settings.import_folder
    job = UploadJob(services.sessions, services.audience, folder, WorkerContext("one", lambda: datetime.now(UTC)))
    problems = []

    def look() -> None:
        for scheme in (LIGHT, DARK):
            problems.extend(faults_of(page, axe, scheme, PHONE, *(OF_COLOUR if scheme == DARK else ())))

    page.goto("/desk/readers/")
    page.get_by_role("link", name="Import a list").click()
    page.get_by_role("heading", name="Import readers").wait_for()
    look()
    page.get_by_label("CSV, XLSX").set_input_files({"name": "kit.csv", "mimeType": "text/csv", "buffer": KIT.encode()})
    page.get_by_role("button", name="Upload").click()
    page.get_by_text("“type” may tell who has left").wait_for()
    look()
    page.get_by_label("type", exact=True).select_option("Leave it out")
    page.get_by_label("As active readers").check()
    page.get_by_label("Where they agreed").fill("Our list at Kit")
    page.get_by_role("button", name="Check it").click()
    page.get_by_text("Checking:").wait_for()
    look()
    job.run()
    # Nobody reloads the page, which asks every two seconds.
    page.clock.run_for(2_000)
    page.get_by_role("heading", name="What would happen").wait_for()
    look()
    page.get_by_role("button", name="Import 1 reader").click()
    page.get_by_text("Importing:").wait_for()
    job.run()
    page.clock.run_for(2_000)
    page.get_by_text("Done.").wait_for()
    look()
    assert problems == []
