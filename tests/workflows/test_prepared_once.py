"""Whatever is done with an issue parses its text, renders its mail and checks it once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.audience.address import Address
from newsletter.db import Session
from newsletter.delivery.message.dkim_keys import NO_KEYS
from newsletter.editorial import preflight
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, Readiness
from newsletter.editorial.rendering import mjml
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.schedule import queue
from newsletter.editorial.source import issue_file
from newsletter.wiring import Services
from newsletter.workflows import (
    approve_issue,
    fill_slots,
    issue_readiness,
    publish,
    rehearse_issue,
    run_preflight,
    test_mail,
)
from newsletter.workflows.approve_issue import Review
from tests import slots
from tests.sample_services import NOW
from tests.slots import GRACE, TUESDAY

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TITLES = map("An issue of its own {}".format, range(100))
"""Each text is new to this process, so that nothing has prepared it before."""


def show_and_schedule(session: Session, services: Services, issue: Issue) -> None:
    assert issue_readiness.blocker(issue, services.links) is None
    publish.schedule(session, services.letters, issue, NOW + timedelta(days=1), NOW)


def fill_its_slot(session: Session, services: Services, issue: Issue) -> None:
    queue.add(session, issue, NOW)
    [opening] = fill_slots.open_slots(session, GRACE, TUESDAY)
    assert fill_slots.fill_slot(session, slots.audience(services.links), services.letters, opening, GRACE, TUESDAY)


def approve(session: Session, services: Services, issue: Issue) -> None:
    issue.publication.requires_approval = True
    content = issue_readiness.approvable_content(issue, services.links)
    approve_issue.approve(session, services.links, issue, Review(content, "owner@desk.example"), NOW)
    publish.send_now(session, services.letters, issue, NOW)


def send_a_test(session: Session, services: Services, issue: Issue) -> None:
    order = test_mail.Order("ann@desk.example", [Address.parse("ann@desk.example")], test_mail.BUILT_IN)
    test_mail.send_test(session, services.letters, issue, order, NOW)


def rehearse(session: Session, services: Services, issue: Issue) -> None:
    rehearse_issue.rehearse_issue(
        session,
        issue,
        NOW,
        settings=services.settings,
        letters=services.letters,
        keyring=NO_KEYS,
        watched=lambda copies, _count: copies,
    )


def rehearse_a_draft(session: Session, services: Services, issue: Issue) -> None:
    issue_store.set_readiness(issue, Readiness.DRAFT)
    rehearse(session, services, issue)


def inspect_and_ask(session: Session, services: Services, issue: Issue) -> None:
    run_preflight.inspect(session, issue, services.links, may_ask=True)
    run_preflight.request_checks(session, issue, services.links, NOW, may_ask=True)


@pytest.mark.parametrize(
    "act",
    [
        lambda session, services, issue: issue_readiness.mark_ready(session, issue, services.links),
        show_and_schedule,
        lambda session, services, issue: publish.schedule_next(
            session, services.letters, issue, NOW, grace=services.grace
        ),
        lambda session, services, issue: publish.send_now(session, services.letters, issue, NOW),
        fill_its_slot,
        approve,
        send_a_test,
        rehearse,
        rehearse_a_draft,
        inspect_and_ask,
    ],
)
def test_an_issue_is_parsed_rendered_and_checked_once_for_an_act(
    services: Services, act: Callable[[Session, Services, Issue], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    slots.open_press(services.sessions, services.links, NOW)
    title, calls = next(TITLES), Counter[str]()

    def count(module: object, name: str) -> None:
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: calls.update([name]) or function(*given))

    count(issue_file, "parse")
    count(mjml, "to_html")
    count(preflight, "check")
    count(Rendered.content_hash, "func")
    with services.sessions.begin() as session:
        slots.write(session, title, NOW)
    with services.sessions.begin() as session:
        issue = session.scalars(issue_store.listing().where(Issue.title == title)).one()
        issue_store.set_readiness(issue, Readiness.READY)
        act(session, services, issue)
    assert calls.pop("func", 1) == 1
    assert calls == {"parse": 1, "to_html": 1, "check": 1}
