"""`newsletter up`: the whole house on one machine, in one process group, with an inbox that shows every mail."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import click
import structlog

from newsletter import editors, migrations_runner
from newsletter.config import Settings
from newsletter.delivery.workers import send_permission
from newsletter.editors import Role
from newsletter.errors import Refused
from newsletter.system import data_folder, lifeline
from newsletter.system.lifeline import Lifeline
from newsletter.system.ports import free_port, require_free, responds
from newsletter.wiring import Services, open_services

log = structlog.get_logger()
OWNER = "owner@newsletter.example"
_LOOPBACK = "127.0.0.1"
# Seconds between two looks at the parts.
_LOOK = 0.2
# Long, for a start that goes wrong is noticed at once, and some machines are slow.
_START_SECONDS = 180
_STOP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class ChildProcess:
    """A process of ours: the command that it runs, and its hold on it."""

    name: str
    process: subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class _Welcome:
    """What is said at the start beside where everything is."""

    invitation: str | None
    may_send: bool


def check_can_start(settings: Settings) -> None:
    """Refused, saying what to do, where the data folder is unfit or held already, or a port is taken."""
    with _place(settings):
        pass


def run(settings: Settings) -> None:
    """Start the parts, say where everything is, and stop them all when one ends or a signal comes."""
    with _place(settings):
        services = open_services(settings, check_schema=False)
        migrations_runner.upgrade(services.sessions.engine)
        welcome = _Welcome(_invitation(services), _may_send(services))
        services.close()
        _supervise(settings, welcome)


@contextmanager
def _place(settings: Settings) -> Iterator[None]:
    """The data folder, held, and the ports, free."""
    data_folder.require_usable(settings.data_dir)
    holder = f"`newsletter up` (process {os.getpid()}, {settings.public_url})"
    with data_folder.locked(settings.data_dir, holder):
        _require_ports(settings)
        yield


def _require_ports(settings: Settings) -> None:
    require_free(settings.listen, settings.port, "PORT")
    if _has_inbox(settings):
        require_free(_LOOPBACK, settings.inbox_port, "INBOX_PORT")


def _has_inbox(settings: Settings) -> bool:
    return settings.mail_server is None


def _supervise(settings: Settings, welcome: _Welcome) -> None:
    asked = lifeline.watch_stop_signals()
    parts: list[ChildProcess] = []
    try:
        environment, commands = _plan(settings)
        held = Lifeline()
        for command in commands:
            parts.append(_start(command, environment, held))  # noqa: PERF401  (those begun must be known if one fails)
        # A database that may not send is well enough to look at, and never ready.
        _wait_until_well(settings, "readyz" if welcome.may_send else "healthz", parts, asked)
        _say_where(settings, welcome)
        while True:
            _wait_a_moment(parts, asked)
    finally:
        _stop(parts)


def _plan(settings: Settings) -> tuple[Mapping[str, str], list[list[str]]]:
    """The parts' environment and commands: with a mail server configured, no inbox is started."""
    environment = os.environ | {"BASE_URL": settings.public_url}
    if not _has_inbox(settings):
        return environment, [["serve"], ["worker"]]
    port = str(free_port())
    return environment | _all_mail_to(port), [["inbox", "--smtp-port", port], ["serve"], ["worker"]]


def _all_mail_to(port: str) -> dict[str, str]:
    # Issues too, whatever BULK_MAIL_* or a .env say: we promise that no mail goes on from the inbox.
    way = {"SERVER": _LOOPBACK, "PORT": port, "USE_TLS": "false", "USE_SSL": "false"}
    return {f"{kind}_{name}": value for kind in ("MAIL", "BULK_MAIL") for name, value in way.items()}


def _start(command: list[str], environment: Mapping[str, str], held: Lifeline) -> ChildProcess:
    process = held.start("newsletter.child", *command, environment=environment)
    log.info("part started", part=command[0], pid=process.pid)
    return ChildProcess(command[0], process)


def _wait_until_well(settings: Settings, question: str, parts: list[ChildProcess], asked: list[int]) -> None:
    urls = [f"http://{settings.listen}:{settings.port}/{question}"]
    if _has_inbox(settings):
        urls.append(f"http://{_LOOPBACK}:{settings.inbox_port}/")
    deadline = time.monotonic() + _START_SECONDS
    while not all(responds(url) for url in urls):
        if time.monotonic() > deadline:
            raise Refused(f"the parts did not start within {_START_SECONDS} seconds")
        _wait_a_moment(parts, asked)


def _wait_a_moment(parts: list[ChildProcess], asked: list[int]) -> None:
    """SystemExit when we are asked to stop; Refused, with its name, when a part has ended by itself."""
    time.sleep(_LOOK)
    if asked:
        with suppress(OSError):  # the terminal may be gone
            click.echo("\nstopping …", err=True)
        raise SystemExit(0)
    for part in parts:
        if part.process.poll() is not None:
            raise Refused(f"the {part.name} part ended by itself, so the rest was stopped; the reason is shown above")


def _say_where(settings: Settings, welcome: _Welcome) -> None:
    click.echo(f"\n  Readers   {settings.public_url}/")
    click.echo(f"  Desk      {settings.public_url}/desk/")
    if _has_inbox(settings):
        click.echo(
            f"  Inbox     http://{_LOOPBACK}:{settings.inbox_port}/   (every email lands here, and none is sent on)"
        )
    if welcome.invitation:
        click.echo(f"\n  Sign in at the desk, once, with this link:\n  {welcome.invitation}")
    if not welcome.may_send:
        click.echo(f"\n  Note: {send_permission.WHY_NOT}; {send_permission.WHAT_TO_DO}.")
    click.echo("\n  Ctrl-C stops it.\n")


def _stop(parts: list[ChildProcess]) -> None:
    # The last started ends first: the worker hands over what is in flight while the inbox still takes it.
    for part in reversed(parts):
        part.process.terminate()
        try:
            part.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("a part did not stop in time", part=part.name, pid=part.process.pid)
            part.process.kill()
            part.process.wait()


def _may_send(services: Services) -> bool:
    with services.sessions.reading() as session:
        return send_permission.may_send(session)


def _invitation(services: Services) -> str | None:
    """A one-time sign-in link for the owner, made at the first start, until they have a password."""
    now = datetime.now(UTC)
    with services.sessions.begin() as session:
        owner = editors.first_owner(session) or editors.add(session, OWNER, Role.OWNER, now)
        return None if owner.password_hash else services.links.sign_in(owner.id, owner.nonce, now)
