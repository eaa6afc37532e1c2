"""`newsletter up`, `serve`, `worker` and `inbox`: the processes that run until a signal."""

import socket

import click
import structlog

from newsletter import config, logs
from newsletter.cli.common import opened_services
from newsletter.config import Settings
from newsletter.system import data_folder

log = structlog.get_logger()


@click.command()
def serve() -> None:
    """Run the web server; any number may run."""
    from newsletter.web.server import serve as run

    with opened_services() as services:
        _look_around(services.settings)
        run(services)


@click.command()
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many share the work.")
def worker(processes: int) -> None:
    """Run the scheduler and sender; any number may run."""
    with opened_services() as services:
        _look_around(services.settings)
        if processes > 1:
            from newsletter.processes.supervisor import Supervisor

            Supervisor(services, processes).run()
        else:
            from newsletter.worker import Worker

            Worker(services).run()


@click.command()
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=1025, show_default=True)
@click.option("--smtp-fd", type=int, help="The descriptor of a socket that listens already, in place of a port.")
def inbox(smtp_port: int, smtp_fd: int | None) -> None:
    """Run the local inbox alone: it accepts every email and sends none on."""
    from newsletter.inbox.run import serve_inbox

    settings = config.load()
    logs.configure(settings)
    mail = smtp_port if smtp_fd is None else socket.socket(fileno=smtp_fd)
    serve_inbox(settings.data_dir / "inbox", mail, settings.inbox_port)


@click.command()
@click.option("--check", is_flag=True, help="Only check that the ports and the data folder are free.")
def up(check: bool) -> None:
    """Run web, worker and local inbox together, for a laptop."""
    from newsletter.processes import dev_server

    settings = config.load()
    logs.configure(settings)
    if check:
        dev_server.check_can_start(settings)
    else:
        dev_server.run(settings)


def _look_around(settings: Settings) -> None:
    """Refused if there is no room for temporary files; warns if other users can read the data folder."""
    data_folder.require_temporary()
    if data_folder.is_open_to_others(settings.data_dir):
        hint = f"it holds readers' addresses and keys; run: chmod 700 {settings.data_dir}"
        log.warning("the data folder is open to other users of this machine", hint=hint)
