"""A store, both real servers on free ports, and a way to put mails in."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from newsletter.inbox import smtp
from newsletter.inbox.store import Envelope, Mail, Store
from newsletter.inbox.web import create_inbox

from .mails import NOON, Put


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "inbox")


@pytest.fixture
def server(store: Store) -> Iterator[smtp.MailServer]:
    running = smtp.start("127.0.0.1", 0, store)
    yield running
    running.stop()


@pytest.fixture
def client(server: smtp.MailServer) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as connection:
        yield connection


@pytest.fixture
def browser(store: Store) -> FlaskClient:
    """Asks the inbox's pages as a browser on this machine would."""
    return create_inbox(store, "127.0.0.1:1025").test_client()


@pytest.fixture
def put(store: Store) -> Put:
    """Puts a mail straight into the store: put(source, to="…")."""

    def into_store(source: bytes | EmailMessage, to: str = "ana@example.org") -> Mail:
        return store.add(Envelope("press@example.org", (to,)), bytes(source), NOON)

    return into_store
