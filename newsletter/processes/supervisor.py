"""`newsletter worker --processes N`: a crew of workers under one supervisor, and none of them outlives it.

The supervisor sends nothing itself. It replaces a worker that ends, and since it knows for sure that
the process is gone, it gives that worker's copies back at once. `python -m newsletter.processes.supervisor` is one of
the crew: it leaves when the supervisor is gone, however it went.
"""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from newsletter import config, logs, worker
from newsletter.db import AWAY
from newsletter.delivery.workers import lease_recovery
from newsletter.errors import PressError
from newsletter.system import lifeline
from newsletter.system.lifeline import Lifeline
from newsletter.wiring import Services, open_services
from newsletter.worker import Worker

# Seconds.
_LOOK = 0.25
_STOP = 10.0
_LONG_LIFE = 60.0
_LONGEST_WAIT = 30.0
_DATABASE_AWAY = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class WorkerSlot:
    """A place in the crew, and the process that holds it."""

    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    began_at: float = 0.0
    start_at: float = 0.0
    short_lives: int = 0
    """How many processes in a row ended soon after they began."""

    def ended(self) -> int:
        """Note that its process has ended; the exit code."""
        process, self.process = self.process, None
        now = time.monotonic()
        self.short_lives = 0 if now - self.began_at > _LONG_LIFE else self.short_lives + 1
        self.start_at = now + min(_LONGEST_WAIT, 0.25 * 2.0**self.short_lives)
        return process.returncode if process else 0


@dataclass(slots=True)
class Supervisor:
    """The supervisor's side."""

    services: Services
    size: int
    _gone: set[str] = field(default_factory=set)
    """Workers that ended, and whose copies are still to be given back."""
    _database_at: float = 0.0

    def run(self) -> None:
        """Keep the crew complete until it is asked to stop; then stop all of it within ten seconds."""
        # What each of the crew would refuse, again and again.
        worker.servers(self.services.settings)
        self.services.keyring  # noqa: B018
        asked = lifeline.watch_stop_signals()
        held = Lifeline()
        berths = [WorkerSlot() for _ in range(self.size)]
        log.info("crew started", processes=self.size)
        try:
            while not asked:
                for berth in berths:
                    self._look_after(berth, held)
                self._give_back()
                time.sleep(_LOOK)
        finally:
            self._stop(berths)
        log.info("crew stopped")

    def _look_after(self, berth: WorkerSlot, held: Lifeline) -> None:
        if berth.process and berth.process.poll() is not None:
            self._gone.add(berth.name)
            code = berth.ended()
            log.warning("a worker ended; another takes its place", worker=berth.name, code=code)
        if berth.process is None and time.monotonic() >= berth.start_at:
            try:
                _start(berth, held)
            except OSError as error:
                # Out of memory or processes: those that run go on, and this one is tried again.
                log.warning("a worker could not be started; trying again", reason=str(error))
                berth.ended()

    def _give_back(self) -> None:
        """Free what the workers held that are gone; while the database is away, later."""
        if not self._gone or time.monotonic() < self._database_at:
            return
        try:
            with self.services.sessions.begin() as session:
                for name in self._gone:
                    lease_recovery.recover_ended(session, name, self.services.settings.in_doubt, datetime.now(UTC))
            self._gone.clear()
        except AWAY as error:
            log.warning("the database did not answer; trying again", error=type(error).__name__)
            self._database_at = time.monotonic() + _DATABASE_AWAY

    def _stop(self, berths: list[WorkerSlot]) -> None:
        deadline = time.monotonic() + _STOP
        running = [(berth.name, berth.process) for berth in berths if berth.process]
        for _, process in running:
            process.terminate()
        for name, process in running:
            if _ended(process, deadline) != 0:
                self._gone.add(name)
        self._database_at = 0.0
        self._give_back()


def _start(berth: WorkerSlot, held: Lifeline) -> None:
    berth.name = worker.new_name()
    berth.began_at = time.monotonic()
    berth.process = held.start("newsletter.processes.supervisor", berth.name)
    log.info("worker process started", worker=berth.name, pid=berth.process.pid)


def _ended(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Its exit code; by force once the deadline has passed."""
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        log.warning("a worker did not stop in time", pid=process.pid)
        process.kill()
        return process.wait()


def _serve(name: str) -> None:
    """Work as one of the crew."""
    lifeline.stop_with_holder()
    settings = config.load()
    logs.configure(settings)
    services = open_services(settings)
    try:
        Worker(services, name).run()
    finally:
        services.close()


if __name__ == "__main__":
    try:
        _serve(sys.argv[1])
    except PressError as error:
        log.error("worker stopped", reason=str(error))  # noqa: TRY400  (a sentence for a person, and no traceback)
        sys.exit(1)
