"""`newsletter up`: web server, worker and local inbox on one machine, in one process group."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import click
import structlog

from newsletter import clock, editors, migrations_runner
from newsletter.config import Settings
from newsletter.delivery.workers import send_permission
from newsletter.editors import Role
from newsletter.errors import Refused
from newsletter.system import data_folder, lifeline
from newsletter.system.lifeline import Lifeline
from newsletter.system.ports import listen, require_free, responds
from newsletter.wiring import Services, open_services

log = structlog.get_logger()
OWNER = "owner@newsletter.example"
_LOOPBACK = "127.0.0.1"
# Seconds between two checks of the child processes.
_CHECK_INTERVAL = 0.2
# Generous, because a failed start is noticed at once, and some machines are slow.
_START_SECONDS = 180
_STOP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class _ChildProcess:
    """A child process and the command that it runs."""

    name: str
    process: subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class _Welcome:
    """What is printed at the start besides the addresses."""

    invitation: str | None
    may_send: bool


def check_can_start(settings: Settings) -> None:
    """Refused, saying what to do, if the data folder cannot be used or is in use, or a port is taken."""
    with _exclusive(settings):
        pass


def run(settings: Settings) -> None:
    """Start the child processes, print the addresses, and stop all of them when one ends or a signal comes."""
    with _exclusive(settings):
        services = open_services(settings, check_schema=False)
        migrations_runner.upgrade(services.sessions.engine)
        welcome = _Welcome(_invitation(services), _may_send(services))
        services.close()
        _supervise(settings, welcome)


@contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """Holds the lock of the data folder, after checking that the ports are free."""
    data_folder.require_usable(settings.data_dir)
    holder = f"`newsletter up` (process {os.getpid()}, {settings.public_url})"
    with data_folder.locked(settings.data_dir, holder):
        require_free(settings.listen, settings.port, "PORT")
        if _has_inbox(settings):
            require_free(_LOOPBACK, settings.inbox_port, "INBOX_PORT")
        yield


def _has_inbox(settings: Settings) -> bool:
    return settings.mail_server is None


def _supervise(settings: Settings, welcome: _Welcome) -> None:
    stop_signals = lifeline.watch_stop_signals()
    children: list[_ChildProcess] = []
    try:
        pipe = Lifeline()
        if _has_inbox(settings):
            # Bound here, or another program could be given the port before the inbox is ready.
            with listen(_LOOPBACK, 0, "MAIL_PORT") as mail:
                environment = _environment(settings, mail)
                children.append(_start(["inbox", "--smtp-fd", str(mail.fileno())], environment, pipe, mail))
        else:
            environment = _environment(settings)
        for name in ("serve", "worker"):
            children.append(_start([name], environment, pipe))  # noqa: PERF401  (those begun must be known if one fails)
        # A database that may not send can be looked at, but never becomes ready.
        _wait_until_ready(settings, "readyz" if welcome.may_send else "healthz", children, stop_signals)
        _print_addresses(settings, welcome)
        while True:
            _check_children(children, stop_signals)
    finally:
        _stop(children)


def _environment(settings: Settings, mail: socket.socket | None = None) -> Mapping[str, str]:
    """The child processes' environment; all mail goes to the inbox's socket, if there is one."""
    environment = os.environ | {"BASE_URL": settings.public_url}
    if mail is None:
        return environment
    # Issues as well, whatever BULK_MAIL_* or a .env say: the inbox promises that no mail leaves this machine.
    server = {"SERVER": _LOOPBACK, "PORT": str(mail.getsockname()[1]), "USE_TLS": "false", "USE_SSL": "false"}
    return environment | {f"{kind}_{name}": value for kind in ("MAIL", "BULK_MAIL") for name, value in server.items()}


def _start(
    command: list[str], environment: Mapping[str, str], pipe: Lifeline, *inherited: socket.socket
) -> _ChildProcess:
    descriptors = [each.fileno() for each in inherited]
    process = pipe.start("newsletter.child", *command, environment=environment, inherited=descriptors)
    log.info("part started", part=command[0], pid=process.pid)
    return _ChildProcess(command[0], process)


def _wait_until_ready(
    settings: Settings, question: str, children: list[_ChildProcess], stop_signals: list[int]
) -> None:
    urls = [f"http://{settings.listen}:{settings.port}/{question}"]
    if _has_inbox(settings):
        urls.append(f"http://{_LOOPBACK}:{settings.inbox_port}/")
    deadline = time.monotonic() + _START_SECONDS
    while not all(responds(url) for url in urls):
        if time.monotonic() > deadline:
            raise Refused(f"the parts did not start within {_START_SECONDS} seconds")
        _check_children(children, stop_signals)


def _check_children(children: list[_ChildProcess], stop_signals: list[int]) -> None:
    """SystemExit if a signal came; Refused, with its name, if a child process has ended."""
    time.sleep(_CHECK_INTERVAL)
    if stop_signals:
        with suppress(OSError):  # the terminal may be gone
            click.echo("\nstopping …", err=True)
        raise SystemExit(0)
    for child in children:
        if child.process.poll() is not None:
            raise Refused(f"the {child.name} part ended by itself, so the rest was stopped; the reason is shown above")


def _print_addresses(settings: Settings, welcome: _Welcome) -> None:
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


def _stop(children: list[_ChildProcess]) -> None:
    # In reverse order: the worker finishes what is in flight while the inbox still accepts it.
    for child in reversed(children):
        child.process.terminate()
        try:
            child.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("a part did not stop in time", part=child.name, pid=child.process.pid)
            child.process.kill()
            child.process.wait()


def _may_send(services: Services) -> bool:
    with services.sessions.reading() as session:
        return send_permission.may_send(session)


def _invitation(services: Services) -> str | None:
    """A one-time sign-in link for the owner, who is added at the first start; None once they have a password."""
    now = clock.now()
    with services.sessions.begin() as session:
        owner = editors.first_owner(session) or editors.add(session, OWNER, Role.OWNER, now)
        return None if owner.password_hash else services.links.sign_in(owner.id, owner.nonce, now)
