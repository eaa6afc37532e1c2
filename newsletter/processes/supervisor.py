"""`newsletter worker --processes N`: a supervisor that keeps N worker processes running.

The supervisor sends nothing itself. It replaces a worker process that ends and, as it knows for certain that the
process is gone, gives back that worker's copies at once. `python -m newsletter.processes.supervisor` runs one worker,
which ends when the supervisor does, for whatever reason.
"""

import subprocess
import sys
import time
from dataclasses import dataclass, field

from newsletter import clock, config, logs
from newsletter.db import AWAY
from newsletter.delivery.workers import lease_recovery
from newsletter.errors import PressError
from newsletter.system import lifeline
from newsletter.system.lifeline import Lifeline
from newsletter.wiring import Services, open_services
from newsletter.worker import Worker, new_name

# Seconds.
_CHECK_INTERVAL = 0.25
_STOP = 10.0
_LONG_LIFE = 60.0
_LONGEST_WAIT = 30.0
_DATABASE_AWAY = 5.0

log = logs.get_logger()


@dataclass(slots=True)
class _WorkerSlot:
    """A place for a worker process, and the process in it."""

    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    began_at: float = 0.0
    start_at: float = 0.0
    short_lives: int = 0
    """How many processes in a row ended soon after they were started."""

    def ended(self) -> int:
        """Record that the process has ended, and when to start the next one; its exit code."""
        process, self.process = self.process, None
        now = time.monotonic()
        self.short_lives = 0 if now - self.began_at > _LONG_LIFE else self.short_lives + 1
        self.start_at = now + min(_LONGEST_WAIT, 0.25 * 2.0**self.short_lives)
        return process.returncode if process else 0


@dataclass(slots=True)
class Supervisor:
    """Starts, watches and replaces worker processes."""

    services: Services
    size: int
    _ended_workers: set[str] = field(default_factory=set)
    """Names of workers that ended and whose copies have not been given back yet."""
    _retry_database_at: float = 0.0

    def run(self) -> None:
        """Keep `size` workers running until asked to stop; then stop them all within ten seconds."""
        # Refuses at once what every worker would refuse again and again.
        _ = self.services.mail_servers, self.services.keyring
        stop_signals = lifeline.watch_stop_signals()
        pipe = Lifeline()
        slots = [_WorkerSlot() for _ in range(self.size)]
        log.info("supervisor started", processes=self.size)
        try:
            while not stop_signals:
                for slot in slots:
                    self._restart_if_ended(slot, pipe)
                self._give_back()
                time.sleep(_CHECK_INTERVAL)
        finally:
            self._stop(slots)
        log.info("supervisor stopped")

    def _restart_if_ended(self, slot: _WorkerSlot, pipe: Lifeline) -> None:
        if slot.process and slot.process.poll() is not None:
            self._ended_workers.add(slot.name)
            code = slot.ended()
            log.warning("a worker ended; another takes its place", worker=slot.name, code=code)
        if slot.process is None and time.monotonic() >= slot.start_at:
            try:
                _start(slot, pipe)
            except OSError as error:
                # Out of memory or processes: the other workers continue, and this one is tried again later.
                log.warning("a worker could not be started; trying again", reason=str(error))
                slot.ended()

    def _give_back(self) -> None:
        """Give back the copies of ended workers; while the database is away, try again later."""
        if not self._ended_workers or time.monotonic() < self._retry_database_at:
            return
        try:
            with self.services.sessions.begin() as session:
                for name in self._ended_workers:
                    lease_recovery.recover_ended(session, name, self.services.settings.in_doubt, clock.now())
            self._ended_workers.clear()
        except AWAY as error:
            log.warning("the database did not answer; trying again", error=type(error).__name__)
            self._retry_database_at = time.monotonic() + _DATABASE_AWAY

    def _stop(self, slots: list[_WorkerSlot]) -> None:
        deadline = time.monotonic() + _STOP
        running = [(slot.name, slot.process) for slot in slots if slot.process]
        for _, process in running:
            process.terminate()
        for name, process in running:
            if _wait_or_kill(process, deadline) != 0:
                self._ended_workers.add(name)
        self._retry_database_at = 0.0
        self._give_back()


def _start(slot: _WorkerSlot, pipe: Lifeline) -> None:
    slot.name = new_name()
    slot.began_at = time.monotonic()
    slot.process = pipe.start("newsletter.processes.supervisor", slot.name)
    log.info("worker process started", worker=slot.name, pid=slot.process.pid)


def _wait_or_kill(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Wait for the process, kill it after the deadline, and return its exit code."""
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        log.warning("a worker did not stop in time", pid=process.pid)
        process.kill()
        return process.wait()


def _serve(name: str) -> None:
    """Run one worker."""
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
