"""An issue under the lamp, and the worker that asks about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter import publications
from newsletter.db import Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editorial.external_checks import link_checks, spam_checks
from newsletter.editorial.issues import drafts, issue_store
from newsletter.editorial.models import Issue
from newsletter.editorial.preflight import Level, SpamVerdict
from newsletter.editorial.source import issue_file
from newsletter.outbound import Answer, GuardedClient
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness, prepare_issue, run_preflight
from newsletter.workflows.check_outside import OutsideChecks
from tests import sample_services
from tests.databases import MOSTLY_SQLITE

pytestmark = MOSTLY_SQLITE

SLUG = sample_services.WAITING
GONE = "https://www.nhs.uk/gone"
SOURCE = f"""---
title: A sore back
subject: What to do about a sore back
preheader: A short routine for the end of a long day at the desk.
reviewed_by: The desk, 20 November 2026
sources: [{{title: NHS, url: "{GONE}"}}]
---
Lie down for a while, and see a doctor if the pain does not get better.
"""


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path, now: datetime) -> Services:
    made = sample_services.build(sessions, tmp_path, link_checks=True, mail_server="127.0.0.1")
    sample_services.open_publication(made, now)
    with sessions.begin() as session:
        home = publications.find(session)
        text = issue_store.Text(issue_file.parse(SOURCE, "2026-11-24-sore.md"), "2026-11-24-sore.md", {})
        issue_store.save(session, home, text, issue_store.BY_FILE, now)
    return made


def sore(session) -> Issue:
    return issue_store.find(session, "sore")


def inspected(services: Services, *, may_ask: bool = True) -> run_preflight.Inspection:
    with services.sessions.reading() as session:
        return run_preflight.inspect(session, sore(session), services.links, may_ask=may_ask)


def messages(found: run_preflight.Inspection) -> list[str]:
    return [finding.message for finding in found.findings]


def test_nothing_is_asked_of_anybody_until_links_may_be_asked(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        run_preflight.request_checks(session, sore(session), services.links, now, may_ask=False)
        assert not link_checks.are_due(session, now)
    found = inspected(services, may_ask=False)
    assert "the links have not been checked" in messages(found)
    assert (found.questions.allowed, found.questions.links) == (False, 1)


def test_what_was_asked_is_waited_for_and_then_told(services: Services, now: datetime) -> None:
    assert inspected(services).questions.are_new
    with services.sessions.begin() as session:
        run_preflight.request_checks(session, sore(session), services.links, now, may_ask=True)
    asked = inspected(services).questions
    assert (asked.links, asked.answered, asked.waiting, asked.spam_waiting, asked.are_open) == (1, 0, 1, True, True)
    with services.sessions.begin() as session:
        link_checks.record(session, Answer(GONE, 404, GONE), now)
        spam_checks.record(
            session,
            prepare_issue.prepare(sore(session), services.links).mail.content_hash,
            SpamVerdict(6.0, 5.0, ("X",)),
            now,
        )
    found = inspected(services)
    assert (found.questions.are_open, found.questions.are_new) == (False, False)
    assert messages(found) == [
        "SpamAssassin gives it 6.0 points, and 5.0 or more count as spam (X)",
        "source “NHS” leads to a page that is gone (404)",
    ]
    assert [finding.line for finding in found.findings] == [None, 6]


def test_what_the_world_outside_says_never_stops_an_issue(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        run_preflight.request_checks(session, sore(session), services.links, now, may_ask=True)
        link_checks.record(session, Answer(GONE, None, GONE, "does not answer"), now)
    assert not inspected(services).is_blocked
    with services.sessions.begin() as session:
        issue_readiness.mark_ready(session, sore(session), services.links)


def test_a_subject_of_another_issue_is_found_whatever_its_letters_case(services: Services, now: datetime) -> None:
    other = SOURCE.replace("title: A sore", "title: Another sore").replace("What to do", "WHAT TO do")
    with services.sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(other, "2026-12-01-other.md"), "2026-12-01-other.md", {})
        issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)
    assert "“Another sore back” has the same subject" in messages(inspected(services))


def test_a_text_that_is_not_saved_is_judged_faults_and_all(services: Services) -> None:
    faulty = SOURCE.replace("subject: What to do about a sore back", "subject: Hm") + "\n![](back.png) TK\n"
    with services.sessions.reading() as session:
        read = drafts.examine(session, sore(session), faulty)
        mail = prepare_issue.prepare(sore(session), services.links).mail
        found = run_preflight.inspect_text(session, sore(session), read, mail, services.links, may_ask=True)
        bare = run_preflight.inspect_text(session, sore(session), read, None, services.links, may_ask=True)
    blocking = found.of_level(Level.BLOCKING)
    assert [finding.line for finding in blocking] == [3, 10, 10, 10]
    assert all(finding.why for finding in blocking)
    assert (found.weight is None, bare.weight) == (False, None)
    assert bare.of_level(Level.BLOCKING) == blocking


def test_the_sizes_of_pictures_are_known(services: Services, now: datetime) -> None:
    sample_services.stock(services, now)
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        names = issue_store.picture_names(issue.revision)
        told = run_preflight.gather_facts(
            session, issue, issue_store.parse_revision(issue, issue.revision), names, services.links, may_ask=False
        )
    assert set(told.pictures) == set(names)
    assert all(size.width > 500 and size.bytes > 1_000 for size in told.pictures.values())


def checks(services: Services, guarded_client: GuardedClient) -> OutsideChecks:
    services.__dict__["guarded_client"] = guarded_client
    return services.outside_checks(WorkerContext("here", lambda: datetime.now(UTC)))


def test_the_worker_looks_after_the_links_of_what_is_to_go_out(services: Services) -> None:
    with services.sessions.begin() as session:
        issue_readiness.mark_ready(session, sore(session), services.links)
    looked_up: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        raise OSError

    working = checks(services, GuardedClient(resolve=resolve))
    working.queue_links()
    working.check_links()
    working.queue_links()
    working.check_links()
    assert looked_up == ["www.nhs.uk"]
    assert "source “NHS” leads to a host that cannot be found" in messages(inspected(services))


def test_the_worker_asks_nobody_until_it_may(
    services: Services, sessions: Sessions, tmp_path: Path, now: datetime
) -> None:
    closed = sample_services.build(sessions, tmp_path, mail_server="127.0.0.1")
    working = checks(closed, GuardedClient(resolve=lambda _host, _port: pytest.fail("it asked")))
    with services.sessions.begin() as session:
        run_preflight.request_checks(session, sore(session), services.links, now, may_ask=True)
    working.queue_links()
    working.check_links()


def test_the_links_of_a_draft_that_nobody_touches_are_let_be(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        run_preflight.request_link_checks(session, services.links, now + timedelta(days=31))
        assert not link_checks.are_due(session, now + timedelta(days=31))


def test_the_worker_has_the_spam_filter_read_the_mail_as_it_goes_out(
    services: Services, spamassassin: str, now: datetime
) -> None:
    assert spamassassin
    with services.sessions.begin() as session:
        run_preflight.request_checks(session, sore(session), services.links, now, may_ask=False)
    checks(services, GuardedClient()).check_spam()
    with services.sessions.reading() as session:
        said = spam_checks.verdict(session, prepare_issue.prepare(sore(session), services.links).mail.content_hash)
    assert said.threshold == 5.0
    assert said.score is not None
    assert said.score < said.threshold


def test_a_text_that_changed_since_is_not_read(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        spam_checks.request_check(session, sore(session).id, "the hash of an older text", now)
    checks(services, GuardedClient()).check_spam()
    with services.sessions.reading() as session:
        assert spam_checks.verdict(session, "the hash of an older text") == spam_checks.CHANGED


def test_a_link_to_one_of_our_own_issues_that_nobody_can_open_yet_is_told(services: Services, now: datetime) -> None:
    linked = SOURCE.replace(
        "a while,", f"a while ([backs]({services.links.archive('sore')}), [knees]({services.links.archive('snore')})),"
    )
    with services.sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(linked, "2026-12-01-knees.md"), "2026-12-01-knees.md", {})
        issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)
    with services.sessions.reading() as session:
        found = messages(
            run_preflight.inspect(session, issue_store.find(session, "knees"), services.links, may_ask=True)
        )
    assert "link [backs] leads to an issue that is not out yet" in found
    assert "link [knees] leads to no issue: there is none called snore" in found
