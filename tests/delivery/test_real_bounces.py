"""What a real Postfix sends back when the next server refuses a mail."""

import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Kind, Report
from tests.delivery.bounces.mails import MESSAGE_ID, RETURN_PATH, RETURNED
from tests.ports import free_port

pytestmark = pytest.mark.slow

PATIENCE = 120
ANSWERS = {
    "gone": ("550 5.1.1 No such user", "userunknown"),
    "full": ("552 5.2.2 Mailbox is full", "mailboxfull"),
    "moved": ("551 5.1.6 User has moved to another place", "hasmoved"),
    "policy": ("550 5.7.1 Message rejected due to local policy", "policyviolation"),
    "plain": ("550 unknown user", "userunknown"),
}

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
myhostname = postfix.example.org
mydestination =
virtual_mailbox_domains = news.example.org
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
recipient_delimiter = +
relay_domains = relayed.example
transport_maps = inline:{{ {{ relayed.example = smtp:[127.0.0.1]:{next} }} }}
smtpd_recipient_restrictions = permit_mynetworks, reject
"""
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
retry unix - - n - - error
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
smtp unix - - n - - smtp
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


class Refusing:
    """A server that refuses each recipient in its own words."""

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, _envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        return ANSWERS[address.partition("@")[0]][0]


def test_postfix_reports_each_refusal_and_each_is_understood(postfix: str) -> None:
    told = bounced(postfix, [f"{name}@relayed.example" for name in ANSWERS])
    assert (told.kind, told.return_path, told.message_id) == (Kind.BOUNCE, RETURN_PATH, MESSAGE_ID)
    found = {one.address.partition("@")[0]: one.reason.value for one in told.recipients}
    assert found == {name: reason for name, (_, reason) in ANSWERS.items()}
    assert {one.action for one in told.recipients} == {"failed"}


def bounced(postfix: str, recipients: list[str]) -> Report:
    """What comes back of a mail to these."""
    refusing = Controller(Refusing(), "127.0.0.1", free_port())
    refusing.start()
    try:
        with TemporaryDirectory(prefix="newsletter-peer-", ignore_cleanup_errors=True) as name:
            folder, port = Path(name), free_port()
            with running(postfix, folder, port, refusing.port):
                with connected(port) as client:
                    client.sendmail(RETURN_PATH, recipients, RETURNED)
                return parse(first_mail(folder).read_bytes())
    finally:
        refusing.stop()


@contextmanager
def running(postfix: str, folder: Path, port: int, next_port: int) -> Iterator[None]:
    """Postfix, which passes mail on to the next server, and keeps what comes back."""
    # A mail server's own user has to enter it.
    folder.chmod(0o755)
    for name in ("etc", "mail", "data", "queue"):
        (folder / name).mkdir()
    subprocess.run(["chown", "65534:65534", folder / "mail"], check=True)
    subprocess.run(["chown", "postfix", folder / "data"], check=True)
    (folder / "etc" / "main.cf").write_text(_MAIN.format(folder=folder, next=next_port))
    (folder / "etc" / "master.cf").write_text(_SERVICES.format(port=port))
    command = [postfix, "-c", str(folder / "etc")]
    started = subprocess.run([*command, "start"], check=False, capture_output=True, text=True)
    assert started.returncode == 0, started.stderr
    try:
        yield
    finally:
        subprocess.run([*command, "stop"], check=True, capture_output=True)


def connected(port: int) -> smtplib.SMTP:
    """A connection, as soon as the server listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return smtplib.SMTP("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def first_mail(folder: Path) -> Path:
    deadline = time.monotonic() + PATIENCE
    while not (arrived := list((folder / "mail" / "new").glob("*"))):
        assert time.monotonic() < deadline, (folder / "log").read_text(errors="replace")[-3000:]
        time.sleep(0.1)
    return arrived[0]
