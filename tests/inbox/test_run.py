"""The whole inbox as a process meets it: started, used, stopped."""

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from newsletter.errors import Refused
from newsletter.inbox.run import start_inbox
from tests.ports import free_port

from .mails import mail

SERVE = """
import sys
from pathlib import Path
import structlog
from newsletter.inbox.run import serve_inbox
structlog.configure(processors=[structlog.processors.JSONRenderer()])
serve_inbox(Path(sys.argv[1]), 0, 0)
"""


def test_a_mail_that_is_sent_is_on_the_page(tmp_path: Path) -> None:
    inbox = start_inbox(tmp_path, free_port(), free_port())
    try:
        with smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=60) as client:
            client.send_message(mail("Welcome"))
        with urllib.request.urlopen(f"{inbox.url}/", timeout=60) as page:  # noqa: S310
            assert b"Welcome" in page.read()
    finally:
        inbox.stop()
    for port in (inbox.smtp_port, inbox.web_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=60)


def test_a_taken_port_is_refused_and_nothing_is_left_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(Refused, match=f"^port {taken} is taken; set INBOX_PORT to a free one$"):
            start_inbox(tmp_path, 0, taken)
        with pytest.raises(Refused, match=f"^port {taken} is taken; set MAIL_PORT to a free one$"):
            start_inbox(tmp_path, taken, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_after_one_ready_line(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-c", SERVE, str(tmp_path)]
    place = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=place) as process,
        ExitStack() as ends,
    ):
        ends.callback(process.kill)  # or a test that fails would wait for it for ever
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with smtplib.SMTP(ready["smtp"], timeout=60) as client:
            client.send_message(mail())
            process.send_signal(number)
            rest, complaints = process.communicate(timeout=60)
    assert ready["event"] == "inbox ready"
    assert (process.returncode, rest, complaints) == (0, b"", b"")
    assert len(list(tmp_path.glob("*.eml"))) == 1
