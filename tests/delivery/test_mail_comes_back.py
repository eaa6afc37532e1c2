"""One issue through a real Postfix to a real Dovecot, and back: a bounce, a complaint, a mail that unsubscribes."""

import os
import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from peers import trusting
from sqlalchemy import select
from test_connection import certificate as certificate

from newsletter import publications
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.config import Settings
from newsletter.db import Sessions
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.intake import mailbox_lease
from newsletter.delivery.bounces.report import Kind, Reason
from newsletter.delivery.models import Cause, Copy, CopyState
from newsletter.delivery.smtp import tls_trust
from newsletter.wiring import Services, open_services
from newsletter.worker import Worker
from tests import sample_services
from tests.delivery.bounces.mails import multipart
from tests.delivery.real_postfix import running_postfix
from tests.originals import Fill
from tests.ports import free_port
from tests.waiting import PATIENCE

GONE, LEAVES, COMPLAINS, STAYS = (f"{name}@reader.example" for name in ("gone", "ada", "bo", "cy"))
FBL = "reports@fbl.example.org"
BOUNCES = "bounce@bounces.example.org"

# What other programs do is the same whatever the database.
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

_POSTFIX = """
myhostname = mx.reader.example
relay_domains = reader.example bounces.example.org fbl.example.org
transport_maps = inline:{{
    {{ reader.example = lmtp:inet:127.0.0.1:{dovecot_lmtp} }}
    {{ bounces.example.org = lmtp:inet:127.0.0.1:{dovecot_lmtp} }}
    {{ fbl.example.org = lmtp:inet:127.0.0.1:{our_lmtp} }} }}
smtpd_recipient_restrictions = permit_mynetworks, reject
"""
_DOVECOT = """
protocols = imap lmtp
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
recipient_delimiter = +
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {dovecot_lmtp}
  }}
}}
"""


@dataclass
class MailSystem:
    """Postfix and Dovecot on loopback: readers' mailboxes, and the one that bounces come to."""

    folder: Path
    smtp: int
    imap: int
    dovecot_lmtp: int
    our_lmtp: int

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    def mails_of(self, address: str) -> list[bytes]:
        return [path.read_bytes() for path in (self.folder / "mail" / address / "new").glob("*")]

    def send(self, sender: str, to: str, mail: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.sendmail(sender, to, mail)


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


@pytest.fixture
def mail_system(postfix: str, dovecot: str, certificate: Path) -> Iterator[MailSystem]:
    with TemporaryDirectory(prefix="newsletter-mail-", ignore_cleanup_errors=True) as name:
        system = MailSystem(Path(name), *(free_port() for _ in range(4)))
        (system.folder / "server.pem").write_bytes(certificate.read_bytes())
        with (
            running_postfix(postfix, system.folder, system.smtp, _POSTFIX.format(**vars(system))),
            _running_dovecot(dovecot, system),
        ):
            for port in (system.smtp, system.imap, system.dovecot_lmtp):
                _wait(system, lambda: _is_open(port))  # noqa: B023  (it is called at once)
            yield system


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _running_dovecot(program: str, system: MailSystem) -> Iterator[None]:
    mail = system.folder / "mail"
    mail.mkdir()
    os.chown(mail, 65534, 65534)
    users = [f"{user}:{{PLAIN}}secret:65534:65534::{mail}" for user in (LEAVES, COMPLAINS, STAYS, BOUNCES)]
    # Whatever is sent to the domain comes into one mailbox.
    shared = f"unsubscribe@bounces.example.org::65534:65534::{mail}::userdb_mail=maildir:{mail}/{BOUNCES}"
    (system.folder / "users").write_text("\n".join([*users, shared]) + "\n")
    config = system.folder / "dovecot.conf"
    config.write_text(_DOVECOT.format(**vars(system)))
    command = [program, "-c", str(config)]
    # It goes on with what it inherits, so no pipe.
    with (system.folder / "start.log").open("wb") as log:
        subprocess.run(command, check=False, stdout=log, stderr=log)
    try:
        yield
    finally:
        subprocess.run([*command, "stop"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def services(
    sessions: Sessions, database_url: str, tmp_path: Path, mail_system: MailSystem, certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Services]:  # fmt: skip
    monkeypatch.setattr(tls_trust, "verified_context", lambda: trusting(str(certificate)))
    settings = Settings(
        _env_file=None, database_url=database_url, data_dir=tmp_path / "var", secret_key="a secret that is for tests",
        base_url="https://letters.example.org", mail_server="127.0.0.1", mail_port=mail_system.smtp,
        mail_return_path_domain="bounces.example.org", bounce_lmtp=f"127.0.0.1:{mail_system.our_lmtp}",
        bounce_addresses=FBL, bounce_imap_server="localhost", bounce_imap_port=mail_system.imap,
        bounce_imap_username=BOUNCES, bounce_imap_password="secret",
    )  # fmt: skip
    assert sessions
    opened = open_services(settings)
    yield opened
    opened.close()


def test_what_comes_back_of_an_issue_does_what_it_should(services: Services, mail_system: MailSystem) -> None:
    readers = _subscribe(services, GONE, LEAVES, COMPLAINS, STAYS)
    sample_services.send(services, "backpainhelp", "over-and-back", datetime.now(UTC))
    worker = Worker(services, "tested")
    try:
        worker.jobs._intake.listen()
        worker.jobs.send_copies()
        with services.sessions.reading() as session:
            assert set(session.scalars(select(Copy.state))) == {CopyState.SENT}
        [ada] = _wait(mail_system, lambda: mail_system.mails_of(LEAVES))
        [bo] = _wait(mail_system, lambda: mail_system.mails_of(COMPLAINS))
        mail_system.send(LEAVES, *_as_a_mail_program_unsubscribes(ada))
        mail_system.send("", FBL, _complaint(bo))
        _wait(mail_system, lambda: _read(services, worker) == {Kind.BOUNCE, Kind.UNSUBSCRIBE, Kind.COMPLAINT})
    finally:
        worker.stop()
        worker.jobs._intake.close()

    with services.sessions.reading() as session:
        stand = {address: session.get_one(Subscription, one).status for address, one in readers.items()}
        assert stand == {
            GONE: Status.BOUNCED, LEAVES: Status.UNSUBSCRIBED, COMPLAINS: Status.COMPLAINED, STAYS: Status.ACTIVE,
        }  # fmt: skip
        causes = {one: [each.cause for each in suppression.list_causes(session, one)] for one in readers}
        assert causes == {GONE: [Cause.BOUNCE], LEAVES: [], COMPLAINS: [Cause.COMPLAINT], STAYS: []}
        bounce = session.scalars(select(BounceEvent).where(BounceEvent.kind == Kind.BOUNCE)).one()
        assert (bounce.way, bounce.reason, bounce.status) == ("mailbox", Reason.USER_UNKNOWN, "5.1.1")
        assert session.scalar(select(BounceEvent.way).where(BounceEvent.kind == Kind.COMPLAINT)) == "lmtp"
        left = session.scalars(select(ConsentEvent).where(ConsentEvent.act == Act.LEFT)).one()
        assert left.channel is Channel.MAIL
    read = mail_system.folder / "mail" / BOUNCES / ".Newsletter-Read"
    assert len([*read.glob("new/*"), *read.glob("cur/*")]) == 2
    assert mail_system.mails_of(BOUNCES) == []


def _subscribe(services: Services, *addresses: str) -> dict[str, int]:
    now = datetime.now(UTC) - timedelta(days=1)
    readers = {}
    with services.sessions.begin() as session:
        for address in addresses:
            person = Subscriber(email=address, key=address, name="", created_at=now)
            tie = Subscription(subscriber=person, publication=publications.find(session), status=Status.ACTIVE)
            tie.created_at = tie.confirmed_at = now
            session.add(tie)
            session.flush()
            readers[address] = tie.id
    return readers


def _as_a_mail_program_unsubscribes(raw: bytes) -> tuple[str, bytes]:
    """To whom, and what Apple's program sends there."""
    offered = str(message_from_bytes(raw)["List-Unsubscribe"])
    [mailto] = [each.strip("<> \r\n") for each in offered.split(",") if "mailto:" in each]
    to = mailto.removeprefix("mailto:").partition("?")[0]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = LEAVES, to, "unsubscribe"
    mail.set_content("Apple Mail sent this email to unsubscribe from the message “Over and back”.")
    return to, mail.as_bytes()


def _complaint(raw: bytes) -> bytes:
    """As a provider's feedback loop reports a mail (RFC 5965)."""
    parts = [
        ("text/plain", "This is an email abuse report."),
        ("message/feedback-report", "Feedback-Type: abuse\nUser-Agent: Loop/1.0\nVersion: 1\n"),
        ("message/rfc822", raw.decode().replace("\r\n", "\n")),
    ]
    return multipart(parts, "report; report-type=feedback-report", To=FBL, From="fbl@provider.example")


def _read(services: Services, worker: Worker) -> set[Kind]:
    """Let the worker read the mailbox now; which kinds of mail have come in so far."""
    with services.sessions.begin() as session:
        for lease in session.scalars(select(mailbox_lease.MailboxLease)):
            lease.next_at = datetime.now(UTC)
    worker.jobs._intake.read_mailbox()
    with services.sessions.reading() as session:
        for lease in session.scalars(select(mailbox_lease.MailboxLease)):
            assert lease.problem == ""
        return set(session.scalars(select(BounceEvent.kind)))


def _wait(system: MailSystem, found: Callable[[], object]) -> object:
    deadline = time.monotonic() + PATIENCE
    while not (it := found()):
        assert time.monotonic() < deadline, system.logs()
        time.sleep(0.2)
    return it
