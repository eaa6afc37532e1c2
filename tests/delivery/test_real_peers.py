"""Postfix and Exim as peers: what the press sends arrives there once and whole, and the ledger says so."""

import contextlib
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from peers import parsed, send_all, trusting
from pydantic import SecretStr
from sqlalchemy import String, cast, literal, update
from test_connection import certificate as certificate

from newsletter.delivery.models import Copy, CopyState
from newsletter.mail_settings import MailServer
from tests.delivery.real_postfix import running_postfix
from tests.ports import free_port

COPIES = 500
PATIENCE = 240
UNKNOWN = "nobody@reader.example"
INTERNATIONAL = "jürgen@reader.example"

# What the peer does is told apart the same way whatever the database.
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

_POSTFIX = """
myhostname = postfix.example.org
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {{ {unknown} = 550 5.1.1 No such user }} }}, permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificate}
"""
_EXIM = """
exim_path = {exim}
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/pid
keep_environment =
primary_hostname = exim.example.org
acl_smtp_rcpt = recipient
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 20
smtp_accept_max_per_host = 2
smtputf8_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {certificate}
never_users =
deliver_drop_privilege
begin acl
recipient:
  deny message = No such user
       local_parts = nobody
  accept encrypted = *
         authenticated = *
  deny encrypted = *
  accept
begin routers
everybody:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  user = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{me}}}}{{eq{{$auth3}}{{secret}}}}}}}}
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


@dataclass(frozen=True)
class RealPeer:
    """A mail server that delivers into one folder."""

    name: str
    port: int
    folder: Path

    @property
    def arrived(self) -> list[EmailMessage]:
        return [parsed(path.read_bytes()) for path in (self.folder / "mail" / "new").glob("*")]

    def wait_for(self, count: int) -> list[EmailMessage]:
        """What has been delivered, once there is so much of it."""
        deadline = time.monotonic() + PATIENCE
        while len(list((self.folder / "mail" / "new").glob("*"))) < count:
            assert time.monotonic() < deadline, self.logs()[-3000:]
            time.sleep(0.1)
        return self.arrived

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.folder.glob("*log*"))


@pytest.fixture(params=["postfix", "exim"])
def peer(request: pytest.FixtureRequest, certificate: Path) -> Iterator[RealPeer]:
    program = request.getfixturevalue(request.param)
    start = {"postfix": _postfix, "exim": _exim}[request.param]
    with TemporaryDirectory(prefix="newsletter-peer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # A mail server's own user has to enter it.
        folder.chmod(0o755)
        (folder / "server.pem").write_bytes(certificate.read_bytes())
        real = RealPeer(request.param, free_port(), folder)
        with start(program, real):
            _wait_until_open(real)
            yield real


def test_five_hundred_copies_arrive_once_and_whole(
    peer: RealPeer, running, press, sessions, copies, counts, links
) -> None:
    readers = [f"reader{number}@reader.example" for number in range(COPIES)]
    letter = running([*readers, UNKNOWN, INTERNATIONAL])
    with sessions.begin() as session:
        session.execute(update(Copy).values(name=literal("Zoë ") + cast(Copy.id, String)))
    send_all(press(MailServer("127.0.0.1", peer.port), patience=1))

    ledger = copies(letter)
    assert (ledger[UNKNOWN].state, ledger[UNKNOWN].code) == (CopyState.REFUSED, 550)
    end = counts(letter)
    assert (end.sent, end.refused, end.audience) == (COPIES + 1, 1, COPIES + 2)
    assert {copy.attempts for copy in ledger.values()} == {1}

    arrived = peer.wait_for(COPIES + 1)
    assert len({message["Message-ID"] for message in arrived}) == COPIES + 1
    assert Counter(_reader(message) for message in arrived) == Counter([*readers, INTERNATIONAL])
    for message in arrived:
        _require_whole(message, ledger[_reader(message)], links)


def test_copies_arrive_over_starttls_and_at_exim_with_a_login(
    peer: RealPeer, running, press, counts, certificate: Path
) -> None:
    login = {"username": "me", "password": SecretStr("secret")} if peer.name == "exim" else {}
    letter = running(f"reader{number}@reader.example" for number in range(20))
    server = MailServer("localhost", peer.port, use_tls=True, **login)
    send_all(press(server, patience=1, tls=trusting(str(certificate))))
    assert counts(letter).sent == 20
    for message in peer.wait_for(20):
        assert {"postfix": "with ESMTPS id", "exim": "with esmtpsa "}[peer.name] in message["Received"]


def _require_whole(message: EmailMessage, copy: Copy, links) -> None:
    leave = links.unsubscribe(copy.subscription_id, copy.letter_id)
    assert message["Subject"] == f"Unwind, {copy.name}"
    assert message["To"].addresses[0].display_name == copy.name
    assert message["List-Unsubscribe"] == f"<{leave}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = (part.get_content() for part in message.iter_parts())
    assert text == f"Hello {copy.name},\n\n.a line with a dot\nLeave: {leave}\n"
    assert html.startswith(f'<html><p>Hello {copy.name}</p><a href="{leave}">Leave</a>')
    assert html.rstrip().endswith("</html>")
    assert not message.defects


def _reader(message: EmailMessage) -> str:
    # A header of RFC 6532 is plain UTF-8, which the parser hands on undecoded.
    return str(message["To"].addresses[0].addr_spec).encode(errors="surrogateescape").decode()


def _postfix(program: str, peer: RealPeer) -> contextlib.AbstractContextManager[None]:
    settings = _POSTFIX.format(certificate=peer.folder / "server.pem", unknown=UNKNOWN)
    return running_postfix(program, peer.folder, peer.port, settings, mailbox_of="reader.example")


@contextlib.contextmanager
def _exim(program: str, peer: RealPeer) -> Iterator[None]:
    config = peer.folder / "exim.conf"
    config.write_text(_EXIM.format(exim=program, folder=peer.folder, certificate=peer.folder / "server.pem"))
    _give(peer.folder, "Debian-exim")
    _give(peer.folder / "server.pem", "Debian-exim")
    port = f"127.0.0.1:{peer.port}"
    process = subprocess.Popen([program, "-C", str(config), "-bdf", "-oX", port], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _give(path: Path, user: str) -> None:
    subprocess.run(["chown", user, path], check=True)


def _wait_until_open(peer: RealPeer) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", peer.port)) == 0:
                return
        assert time.monotonic() < deadline, peer.logs()
        time.sleep(0.05)
