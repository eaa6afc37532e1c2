"""The clock: one table of jobs, run by APScheduler, each safe to run on two hosts at once."""

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import OperationalError

from newsletter import publishing
from newsletter.audience import caps, preferences
from newsletter.delivery import heartbeat, ledger, outbox
from newsletter.delivery.postroom import Postroom
from newsletter.delivery.sender import PressRun
from newsletter.errors import Refused
from newsletter.wiring import House

# Seconds. With what the opening of a connection may take, less than the 10 that a stop may take.
_FINISH_IN_FLIGHT = 6.0

# Seconds between two looks for a signal.
_LOOK = 0.25

log = structlog.get_logger()

# A job that is still running is left alone until it is done; that is meant, and no warning each second.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing the clock does, and how often."""

    name: str
    every: timedelta
    run: Callable[[], object]


class Worker:
    """One process's share of the work: the clock, the post room and the press run."""

    def __init__(self, house: House) -> None:
        mail, bulk = house.settings.mail, house.settings.bulk_mail
        if mail is None or bulk is None:
            raise Refused("MAIL_SERVER is not set: say where mail is handed over (docs/settings.md)")
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._house = house
        self._stopping = threading.Event()
        self._postroom = Postroom(house.sessions, mail, worker=self.name, stopping=self._stopping.is_set)
        self._press = PressRun(
            house.sessions,
            bulk,
            house.links,
            connections=house.settings.mail_connections,
            rate=house.settings.mail_rate,
            return_path_domain=house.settings.mail_return_path_domain,
            worker=self.name,
            in_doubt=house.settings.in_doubt,
        )

    def jobs(self) -> list[Job]:
        """The whole table of what the clock does."""
        return [
            Job("start due issues", timedelta(seconds=1), self.start_due_issues),
            Job("empty the outbox", timedelta(seconds=1), self.empty_the_outbox),
            Job("send copies", timedelta(seconds=1), self.send_copies),
            Job("finish letters", timedelta(seconds=2), self.finish_letters),
            Job("take back lost copies", timedelta(seconds=10), self.take_back_lost_copies),
            Job("sign of life", timedelta(seconds=5), self.give_a_sign_of_life),
            Job("wake paused readers", timedelta(minutes=1), self.wake_paused_readers),
            Job("forget old sign-up counts", timedelta(hours=1), self.forget_old_counts),
            Job("clear the outbox of old letters", timedelta(hours=1), self.clear_the_outbox),
        ]

    def run(self) -> None:
        """Work until TERM or INT; then finish what is in flight, give back the rest, and return within ten seconds."""
        signals = _signals()
        scheduler = self._scheduler()
        scheduler.start()
        log.info("worker started", worker=self.name)
        while not signals:
            time.sleep(_LOOK)
        self.stop()
        self._wait_for_jobs(scheduler)
        self._postroom.close()
        log.info("worker stopped", worker=self.name)

    def stop(self) -> None:
        """Ask every job to come to its end."""
        self._stopping.set()
        self._press.stop()

    def start_due_issues(self) -> None:
        grace = timedelta(minutes=self._house.settings.send_grace_minutes)
        with self._house.sessions.begin() as session:
            publishing.publish_due(session, grace, _now())

    def empty_the_outbox(self) -> None:
        while not self._stopping.is_set() and self._postroom.deliver_due():
            pass

    def send_copies(self) -> None:
        while not self._stopping.is_set() and self._press.run_once():
            pass

    def finish_letters(self) -> None:
        with self._house.sessions.begin() as session:
            ledger.finish(session, _now())

    def take_back_lost_copies(self) -> None:
        with self._house.sessions.begin() as session:
            ledger.recover(session, _now(), self._house.settings.in_doubt)
            outbox.recover(session, _now())

    def give_a_sign_of_life(self) -> None:
        with self._house.sessions.begin() as session:
            heartbeat.beat(session, self.name, _now())

    def wake_paused_readers(self) -> None:
        while not self._stopping.is_set() and self._wake_some():
            pass

    def forget_old_counts(self) -> None:
        with self._house.sessions.begin() as session:
            caps.prune(session, _now())

    def clear_the_outbox(self) -> None:
        while not self._stopping.is_set() and self._clear_some():
            pass

    def _clear_some(self) -> int:
        with self._house.sessions.begin() as session:
            return outbox.prune(session, _now())

    def _wake_some(self) -> int:
        with self._house.sessions.begin() as session:
            return preferences.wake(session, _now())

    def _wait_for_jobs(self, scheduler: BackgroundScheduler) -> None:
        patience = threading.Timer(_FINISH_IN_FLIGHT, self._postroom.hang_up)
        patience.start()
        scheduler.shutdown(wait=True)
        patience.cancel()

    def _scheduler(self) -> BackgroundScheduler:
        jobs = self.jobs()
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(jobs))},
            # A job that still runs is not started a second time, and one that came late still runs, once.
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
        )
        for job in jobs:
            scheduler.add_job(
                _guarded(job), "interval", seconds=job.every.total_seconds(), name=job.name, next_run_time=_now()
            )
        return scheduler


def _signals() -> list[int]:
    """Where TERM and INT are noted from now on."""
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # No event is set here: its lock may be held by the very code that a signal interrupts.
        signal.signal(number, lambda number, _frame: signals.append(number))
    return signals


def _guarded(job: Job) -> Callable[[], None]:
    """The job, whose failure is logged and leaves the clock running."""

    def run() -> None:
        try:
            job.run()
        except OperationalError as error:
            log.warning("the database did not answer; trying again", job=job.name, error=type(error.orig).__name__)
        except Exception:
            log.exception("job failed", job=job.name)

    return run


def _now() -> datetime:
    return datetime.now(UTC)
