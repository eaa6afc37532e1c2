"""What a real Postfix sends back when the next server refuses a mail."""

import smtplib
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Kind, Report
from tests.delivery.bounces.mails import MESSAGE_ID, RETURN_PATH, RETURNED
from tests.delivery.real_postfix import running_postfix
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

_SETTINGS = """
myhostname = postfix.example.org
recipient_delimiter = +
relay_domains = relayed.example
transport_maps = inline:{{ {{ relayed.example = smtp:[127.0.0.1]:{next} }} }}
smtpd_recipient_restrictions = permit_mynetworks, reject
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
    refusing = Controller(Refusing(), "127.0.0.1", free_port(), ready_timeout=PATIENCE)
    refusing.start()
    try:
        with TemporaryDirectory(prefix="newsletter-peer-", ignore_cleanup_errors=True) as name:
            folder, port = Path(name), free_port()
            settings = _SETTINGS.format(next=refusing.port)
            with running_postfix(postfix, folder, port, settings, mailbox_of="news.example.org"):
                with connected(port) as client:
                    client.sendmail(RETURN_PATH, recipients, RETURNED)
                return parse(first_mail(folder).read_bytes())
    finally:
        refusing.stop()


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
        assert time.monotonic() < deadline, (folder / "postfix.log").read_text(errors="replace")[-3000:]
        time.sleep(0.1)
    return arrived[0]
