"""The doctor's page: the last findings, and the button that has everything looked at anew."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from newsletter.doctor import gather, report
from newsletter.editors import Role
from newsletter.outbound import GuardedClient
from newsletter.web.desk.settings import doctor
from newsletter.wiring import Services
from tests import dns_server, sample_doctor
from tests.dns_server import DnsServer
from tests.web.desk.conftest import Enter

PAGE = "/desk/settings/doctor/"


@pytest.fixture
def server(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    """What the doctor asks: this DNS server, and no web server."""
    dns_server.be_patient(monkeypatch)
    with dns_server.running() as running:
        settings = services.settings.model_copy(update={"dns_resolver": running.address})
        monkeypatch.setitem(services.__dict__, "settings", settings)
        nobody = GuardedClient(resolve=lambda _host, _port: [])
        outside = gather.Outside(web=nobody, smtp_port=9)
        monkeypatch.setattr(doctor.gather, "Outside", lambda: outside)
        yield running


def test_the_page_asks_nothing_by_itself(enter: Enter, server: DnsServer) -> None:
    page = enter(Role.EDITOR).open(PAGE).text
    assert "Nothing has been checked yet" in page
    assert server.asked == []


def test_the_button_asks_and_the_page_then_shows_what_was_found(
    enter: Enter, server: DnsServer, services: Services
) -> None:
    editor = enter(Role.EDITOR)
    assert editor.press(PAGE).status_code == 303
    page = editor.read(PAGE)
    assert "there is no DMARC record. Publish one." in page
    assert "v=DMARC1; p=none; rua=mailto:dmarc@" in page
    assert "leads to a host that cannot be found" in page
    assert server.asked
    last = report.last_report(services.settings.data_dir)
    assert last
    assert last.findings


def test_a_second_press_while_the_first_is_at_work_asks_nothing(enter: Enter, server: DnsServer) -> None:
    editor = enter(Role.EDITOR)
    with doctor._asking:
        editor.press(PAGE)
    assert "at work already" in editor.read(PAGE)
    assert server.asked == []


def test_findings_are_kept_as_they_were(services: Services, now: datetime) -> None:
    folder = services.settings.data_dir
    found = sample_doctor.findings(now)
    report.keep_report(folder, found, now)
    assert report.last_report(folder) == report.Report(now, found)


def test_each_record_is_shown_by_its_parts_and_as_a_line(enter: Enter, services: Services, now: datetime) -> None:
    report.keep_report(services.settings.data_dir, sample_doctor.findings(now), now)
    page = enter(Role.EDITOR).read(PAGE)
    assert "errors and" in page
    assert "Name press._domainkey.example.org" in page
    assert "Value v=DMARC1; p=none; rua=mailto:dmarc@example.org" in page
    assert '_dmarc.example.org. IN TXT "v=DMARC1; p=none;' in page


@pytest.mark.parametrize("kept", ["", "{}", '{"at": "soon", "findings": []}', '{"at": "2026-11-20", "findings": [1]}'])
def test_a_file_that_is_no_report_counts_as_none(enter: Enter, services: Services, kept: str) -> None:
    (services.settings.data_dir / "doctor.json").write_text(kept, encoding="utf-8")
    assert report.last_report(services.settings.data_dir) is None
    assert "Nothing has been checked yet" in enter(Role.EDITOR).open(PAGE).text
