"""`newsletter up`: the whole house on one machine, in one process group, with an inbox that shows every mail."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime

import click
import structlog

from newsletter import editors, migrating
from newsletter.config import Settings
from newsletter.editors import Role
from newsletter.errors import Refused
from newsletter.ports import free_port, require_free
from newsletter.wiring import House, open_house

log = structlog.get_logger()
OWNER = "owner@newsletter.example"
_START_SECONDS = 30
_STOP_SECONDS = 15


def run(settings: Settings) -> None:
    """Start the processes, say where everything is, and stop them all when one ends or a signal comes."""
    for port, name in ((settings.port, "PORT"), (settings.inbox_port, "INBOX_PORT")):
        require_free(settings.listen, port, name)
    house = open_house(settings, check_schema=False)
    migrating.upgrade(house.sessions.engine)
    invitation = _invitation(house)
    house.close()
    _supervise(settings, invitation)


def _supervise(settings: Settings, invitation: str | None) -> None:
    environment, commands = _plan(settings)
    children = [_start(command, environment) for command in commands]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        _wait_until_ready(settings, children)
        _say_where(settings, invitation, inbox=len(commands) == 3)
        _wait_for_an_end(children)
    finally:
        _stop(children)


def _plan(settings: Settings) -> tuple[Mapping[str, str], list[list[str]]]:
    """The children's environment and commands: with a mail server configured, no inbox is started."""
    environment = os.environ | {"BASE_URL": settings.public_url}
    if settings.mail_server is not None:
        return environment, [["serve"], ["worker"]]
    port = str(free_port())
    environment |= {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port}
    return environment, [["inbox", "--smtp-port", port], ["serve"], ["worker"]]


def _start(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Their own session: Ctrl-C reaches us alone, and we end them in order.
    return subprocess.Popen([sys.executable, "-m", "newsletter", *command], env=environment, start_new_session=True)


def _wait_until_ready(settings: Settings, children: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(f"http://{settings.listen}:{settings.port}/readyz"):
        if any(child.poll() is not None for child in children):
            raise Refused("a part did not start; its reason stands above")
        if time.monotonic() > deadline:
            raise Refused(f"the parts did not start within {_START_SECONDS} seconds")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  (our own address)
            return bool(response.status == 200)
    except OSError:
        return False


def _say_where(settings: Settings, invitation: str | None, *, inbox: bool) -> None:
    click.echo(f"\n  Readers   {settings.public_url}/")
    click.echo(f"  Desk      {settings.public_url}/desk/")
    if inbox:
        click.echo(f"  Inbox     http://127.0.0.1:{settings.inbox_port}/   (every mail lands here, and none goes on)")
    if invitation:
        click.echo(f"\n  Sign in at the desk, once, with this link:\n  {invitation}")
    click.echo("\n  Ctrl-C stops it.\n")


def _wait_for_an_end(children: list[subprocess.Popen[bytes]]) -> None:
    while all(child.poll() is None for child in children):
        time.sleep(0.2)
    raise Refused("a part ended by itself, so the rest was stopped; its reason stands above")


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    # The last started ends first: the worker hands over what is in flight while the inbox still takes it.
    for child in reversed(children):
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("a part did not stop in time", pid=child.pid)
            child.kill()
            child.wait()


def _leave(_number: int, _frame: object) -> None:
    click.echo("\nstopping …", err=True)
    raise SystemExit(0)


def _invitation(house: House) -> str | None:
    """A one-time sign-in link for the owner, made at the first start, until they have a password."""
    now = datetime.now(UTC)
    with house.sessions.begin() as session:
        owner = editors.first_owner(session) or editors.add(session, OWNER, Role.OWNER, now)
        return None if owner.password_hash else house.links.sign_in(owner.id, owner.nonce, now)
