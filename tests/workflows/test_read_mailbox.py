"""The mailbox of bounces: each mail is recorded once, then moved, whatever the server does at any step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from newsletter.db import DatabaseDown
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.intake import imap_mailbox, mailbox_lease
from newsletter.delivery.bounces.intake.incoming import MOST_KEPT
from newsletter.delivery.bounces.intake.mailbox_access import MailboxAccess
from newsletter.delivery.bounces.intake.mailbox_lease import MailboxLease
from newsletter.delivery.workers.context import WorkerContext
from newsletter.wiring import Services
from newsletter.workflows import read_mailbox
from newsletter.workflows.read_mailbox import MailboxReader
from tests import sample_services
from tests.delivery.bounces.imap_server import DROP, HANG, ImapServer, serving
from tests.delivery.bounces.mails import FAILED, mail, report
from tests.originals import Fill
from tests.sample_services import NOW
from tests.waiting import PATIENCE

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
READ, OTHER = "Newsletter-Read", "Newsletter-Other"
BOUNCE = report(FAILED)
LETTER = mail("I liked it.", subject="Hello", Return_Path="<ada@example.com>", From="ada@example.com")
STEPS = ("", "CAPABILITY", "LOGIN", "LIST", "SELECT", "SEARCH", "FETCH", "MOVE")
MISDEEDS = {
    "hangs": HANG,
    "drops": DROP,
    "says nonsense": b"\xff\xfe <html>",
    "says a nonsense OK": b"* OK \xff\r\n<tag> WHAT",
    "refuses": b"<tag> BAD no",
}


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is too late because the machine is busy."""
    monkeypatch.setattr(imap_mailbox, "_ANSWER_WITHIN", PATIENCE)
    monkeypatch.setattr(imap_mailbox, "_CONNECT_WITHIN", PATIENCE)


def access_to(server: ImapServer) -> MailboxAccess:
    return MailboxAccess("127.0.0.1", server.port, "none", "press", SecretStr("sesame"))


@dataclass
class Reader:
    """A worker that reads the mailbox of a server."""

    services: Services
    now: datetime = NOW
    stopping: Callable[[], bool] = lambda: False

    def worker(self, server: ImapServer, name: str = "one") -> MailboxReader:
        context = WorkerContext(name, lambda: self.now, self.stopping)
        return MailboxReader(self.services.sessions, self.services.bounces, access_to(server), context)

    def read(self, server: ImapServer) -> int:
        return self.worker(server).read_due()

    def events(self) -> int:
        with self.services.sessions.reading() as session:
            return session.scalar(select(func.count()).select_from(BounceEvent)) or 0

    def lease(self, server: ImapServer) -> MailboxLease:
        with self.services.sessions.reading() as session:
            return session.get_one(MailboxLease, access_to(server).name)


@pytest.fixture
def reader(services: Services) -> Reader:
    return Reader(services)


def test_each_mail_is_recorded_and_moved_by_what_it_is(reader: Reader) -> None:
    with serving(BOUNCE, LETTER) as server:
        assert reader.read(server) == 2
        assert (server.folders[READ], server.folders[OTHER], server.mails) == ([BOUNCE], [LETTER], {})
        assert (reader.read(server), reader.events()) == (0, 2), "it is not time yet"
        reader.now += timedelta(minutes=1)
        assert reader.read(server) == 0
    lease = reader.lease(server)
    assert (lease.worker, lease.read_at, lease.problem, lease.failures) == (None, reader.now, "", 0)


@SQLITE
def test_without_move_our_mails_alone_are_deleted_once_they_are_copied(reader: Reader) -> None:
    with serving(BOUNCE, capabilities="IMAP4rev1 UIDPLUS") as server:
        assert reader.read(server) == 1
        assert (server.folders[READ], server.mails) == ([BOUNCE], {})
    with serving(LETTER, capabilities="IMAP4rev1") as server:
        assert reader.read(server) == 1
        reader.now += timedelta(minutes=1)
        assert reader.read(server) == 0, "it is marked as deleted"
        assert "EXPUNGE" not in server.heard
        assert (server.folders[OTHER], server.mails) == ([LETTER], {3: LETTER})


@SQLITE
@pytest.mark.parametrize(
    ("misdeed", "steps"),
    [
        # Whatever hangs takes as long as an answer is waited for.
        ("hangs", STEPS[-3:-2]),
        pytest.param("hangs", STEPS, marks=pytest.mark.slow),
        *((misdeed, STEPS) for misdeed in MISDEEDS if misdeed != "hangs"),
    ],
)
def test_whatever_a_server_does_at_any_step_the_next_reading_goes_on_and_nothing_is_twice_or_lost(
    reader: Reader, misdeed: str, steps: tuple[str, ...]
) -> None:
    for number, step in enumerate(steps, 1):
        with serving(BOUNCE + b"%d" % number, LETTER + b"%d" % number, faults={step: MISDEEDS[misdeed]}) as server:
            with pytest.MonkeyPatch.context() as patched:
                if misdeed == "hangs":
                    patched.setattr(imap_mailbox, "_ANSWER_WITHIN", 0.5)
                reader.read(server)
            if problem := reader.lease(server).problem:
                assert (reader.lease(server).failures, reader.lease(server).worker) == (1, None)
                assert "sesame" not in problem
            server.faults = {}
            reader.now += timedelta(minutes=1)
            reader.read(server)
            assert (step, reader.events()) == (step, 2 * number)
            assert len(server.folders[READ]) == len(server.folders[OTHER]) == 1


@SQLITE
def test_a_server_that_stays_away_is_asked_ever_more_rarely(reader: Reader) -> None:
    with serving(faults={"": DROP}) as server:
        waits = []
        for _ in range(8):
            reader.read(server)
            waits.append((reader.lease(server).next_at - reader.now) // timedelta(minutes=1))
            reader.now = reader.lease(server).next_at
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@SQLITE
def test_an_endless_mail_is_refused_before_it_is_read(reader: Reader) -> None:
    lie = b"* 1 FETCH (UID 3 BODY[]<0> {99999999999}\r\n"
    with serving(BOUNCE, faults={"FETCH": lie}) as server:
        assert reader.read(server) == 0
    assert reader.lease(server).problem.endswith("it answers with more than it was asked for")


@SQLITE
def test_another_mail_than_was_asked_for_is_not_taken_for_it(reader: Reader) -> None:
    lie = b"* 1 FETCH (UID 4 BODY[]<0> {2}\r\nhi)\r\n<tag> OK done"
    with serving(BOUNCE, faults={"FETCH": lie}) as server:
        assert reader.read(server) == 0
        assert server.mails == {3: BOUNCE}
    assert reader.lease(server).problem == "it answered with another mail than it was asked for"


@SQLITE
def test_a_mail_at_which_the_server_breaks_off_holds_up_no_other(reader: Reader) -> None:
    with serving(LETTER, BOUNCE, LETTER + b"2", breaks_off_at=3) as server:
        one = reader.worker(server)
        for _ in range(3):
            one.read_due()
            reader.now = reader.lease(server).next_at
        assert (list(server.mails), reader.events()) == ([3], 2)
        server.breaks_off_at = 0
        assert one.read_due() == 1
        assert (server.mails, reader.events()) == ({}, 3)


@SQLITE
def test_a_mail_that_may_be_copied_but_not_deleted_is_copied_once(reader: Reader) -> None:
    with serving(BOUNCE, capabilities="IMAP4rev1 UIDPLUS", faults={"STORE": b"<tag> NO not permitted"}) as server:
        for _ in range(2):
            reader.read(server)
            reader.now += timedelta(minutes=1)
        assert (server.folders[READ], list(server.mails)) == ([BOUNCE], [3])


@SQLITE
def test_a_server_that_offers_oauth_is_said_to_need_another_password(reader: Reader) -> None:
    refusal = {"LOGIN": b"<tag> NO LOGIN failed"}
    with serving(capabilities="IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2", faults=refusal) as server:
        reader.read(server)
    problem = reader.lease(server).problem
    assert problem.startswith("it refuses the user name or the password; it also offers OAuth, which is not supported")


@SQLITE
def test_of_a_large_mail_only_the_beginning_is_fetched(reader: Reader) -> None:
    with serving(BOUNCE + b"x" * 3 * MOST_KEPT) as server:
        assert reader.read(server) == 1
        assert len(server.folders[READ]) == 1


@SQLITE
def test_what_the_server_does_not_let_be_moved_is_remembered_and_left(reader: Reader) -> None:
    with serving(BOUNCE, LETTER, faults={"MOVE": b"<tag> NO over quota"}) as server:
        assert reader.read(server) == 2
        server.heard.clear()
        reader.now += timedelta(minutes=1)
        assert reader.read(server) == 0
        assert "FETCH" not in server.heard
        assert (list(server.mails), reader.events()) == ([3, 4], 2)
        server.validity, server.faults = 8, {}
        reader.now += timedelta(minutes=1)
        assert reader.read(server) == 2, "the numbers are other ones now"
        assert reader.events() == 2


@SQLITE
def test_a_validity_that_no_server_can_have_is_remembered_as_far_as_it_can_be(reader: Reader) -> None:
    with serving(BOUNCE, validity=10**20, faults={"MOVE": b"<tag> NO over quota"}) as server:
        assert reader.read(server) == 1
        reader.now += timedelta(minutes=1)
        assert reader.read(server) == 0
    assert reader.lease(server).problem == ""


def test_two_workers_never_read_a_mailbox_at_once(reader: Reader) -> None:
    with serving(BOUNCE) as server:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(read_mailbox, "receive", lambda *_: pytest.fail("the other reads"))
            with reader.services.sessions.begin() as session:
                assert mailbox_lease.claim_mailbox(session, access_to(server).name, "other", NOW)
            assert reader.read(server) == 0
            assert not server.heard
        reader.now += timedelta(minutes=5)
        assert reader.read(server) == 1, "the other died"


@SQLITE
def test_a_lease_of_a_clock_that_was_set_back_since_holds_nobody_up(reader: Reader) -> None:
    with serving(BOUNCE) as server:
        with reader.services.sessions.begin() as session:
            assert mailbox_lease.claim_mailbox(session, access_to(server).name, "killed", NOW + timedelta(days=365))
        assert reader.read(server) == 1


@SQLITE
def test_a_mail_stays_where_it_is_while_the_database_is_away(reader: Reader) -> None:
    def away(*_: object) -> None:
        raise DatabaseDown("select", {}, Exception("away"))

    with serving(BOUNCE) as server, pytest.MonkeyPatch.context() as patched:
        patched.setattr(read_mailbox, "receive", away)
        with pytest.raises(DatabaseDown):
            reader.read(server)
        assert server.mails == {3: BOUNCE}


@SQLITE
def test_a_mail_that_we_fail_at_is_put_beside_and_the_others_are_read(reader: Reader) -> None:
    def fails(*_: object) -> object:
        patched.undo()
        raise ZeroDivisionError

    with serving(LETTER, BOUNCE) as server, pytest.MonkeyPatch.context() as patched:
        patched.setattr(read_mailbox, "receive", fails)
        assert reader.read(server) == 2
        assert (server.folders[OTHER], server.folders[READ]) == ([LETTER], [BOUNCE])


@SQLITE
def test_a_mailbox_that_cannot_be_read_is_reported_and_read_ever_more_rarely(reader: Reader) -> None:
    def fails(*_: object) -> object:
        raise ZeroDivisionError

    with serving(BOUNCE) as server, pytest.MonkeyPatch.context() as patched:
        patched.setattr(imap_mailbox.Mailbox, "fetch", fails)
        assert reader.read(server) == 0
    lease = reader.lease(server)
    assert (lease.failures, lease.worker) == (1, None)
    assert lease.problem == "the program failed at it, and the worker's log says why"


@SQLITE
def test_a_stop_ends_a_reading_at_once_and_is_no_failure(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_mailbox, "_ANSWER_WITHIN", 600)
    with serving(BOUNCE, faults={"SEARCH": HANG}) as server:
        reader.stopping = lambda: "SEARCH" in server.heard
        assert reader.read(server) == 0
    assert (reader.lease(server).failures, reader.lease(server).worker) == (0, None)
