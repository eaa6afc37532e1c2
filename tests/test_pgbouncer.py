"""PostgreSQL behind pgbouncer by transaction: each transaction may come to another connection of the server."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from newsletter.db import Sessions, open_engine
from tests.originals import Originals, empty
from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
SERVERS = 2


@pytest.fixture
def direct(originals: Originals, tmp_path: Path) -> Iterator[str]:
    with originals.copy("postgresql", empty, tmp_path) as url:
        yield url


@pytest.fixture
def sessions(direct: str, pgbouncer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    """Through a pgbouncer that has two connections for all."""
    url, port = make_url(direct), free_port()
    place = str(url.query.get("host") or url.host)
    user = Path(place).owner() if Path(place).is_dir() else "nobody"
    settings = tmp_path_factory.mktemp("pgbouncer") / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={place} port={url.port or 5432} user={url.username or 'postgres'}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\npool_mode = transaction\n"
        f"auth_type = any\ndefault_pool_size = {SERVERS}\nuser = {user}\n"
    )
    with subprocess.Popen([pgbouncer, str(settings)], stderr=subprocess.DEVNULL) as running:
        try:
            wait_for(lambda: is_open(port))
            through = url.set(host="127.0.0.1", port=port, query={}, username=url.username or "postgres")
            engine = open_engine(through.render_as_string(hide_password=False))
            yield Sessions(engine)
            engine.dispose()
        finally:
            running.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_many_write_and_read_through_two_connections(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("CREATE TABLE notes (note INTEGER)"))
    faults: list[Exception] = []

    def work(first: int) -> None:
        try:
            for note in range(first, first + 20):
                with sessions.begin() as session:
                    session.execute(text("INSERT INTO notes VALUES (:note)"), {"note": note})
                with sessions.reading() as session:
                    assert session.scalar(text("SELECT note FROM notes WHERE note = :note"), {"note": note}) == note
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=[100 * number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_who_is_impatient_makes_nobody_else_so(sessions: Sessions) -> None:
    kept = sessions.dedicated_connection()
    with kept.begin():
        assert kept.scalar(text("SHOW lock_timeout")) == "300ms"
    for _ in range(3 * SERVERS):
        with sessions.begin() as session:
            assert session.scalar(text("SHOW lock_timeout")) == "0"
    kept.close()


def test_a_reading_session_cannot_write_there_either(sessions: Sessions) -> None:
    with sessions.reading() as session:
        assert session.scalar(text("SHOW transaction_read_only")) == "on"
    with sessions.begin() as session:
        assert session.scalar(text("SHOW transaction_read_only")) == "off"


def test_a_pooler_is_told_from_the_server_itself(sessions: Sessions, direct: str) -> None:
    plain = open_engine(direct)
    for engine, is_pooled in ((plain, False), (sessions.engine, True)):
        with engine.connect() as connection:
            assert connection.info["pooled"] is is_pooled
            assert (connection.connection.dbapi_connection.prepare_threshold is None) is is_pooled
    plain.dispose()
