"""Chromium before a real server: waitress over a house on SQLite, whose links lead back to it."""

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from waitress import create_server

from newsletter.db import Sessions, open_engine
from newsletter.system import waitress_stop
from newsletter.web import create_app
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Originals
from tests.ports import free_port
from tests.sample_services import Clock


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def services(originals: Originals, tmp_path: Path) -> Iterator[Services]:
    with originals.copy("sqlite", sample_services.stocked, tmp_path) as url:
        made = sample_services.build(Sessions(open_engine(url)), tmp_path, base_url=f"http://127.0.0.1:{free_port()}")
        yield made
        made.close()


@pytest.fixture
def site(services: Services, clock: Clock) -> Iterator[str]:
    """The URL of the served site."""
    port = int(services.links.base_url.rpartition(":")[2])
    app = create_app(services, clock)
    server = create_server(app, host="127.0.0.1", port=port, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield services.links.base_url
    waitress_stop.close_server(server, server._map)
    thread.join()
