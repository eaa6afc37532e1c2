"""A worker process: runs its jobs until it is asked to stop, and then ends within ten seconds."""

import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter.clock import Clock, now
from newsletter.db import AWAY
from newsletter.delivery.workers import clock_setback
from newsletter.delivery.workers.context import WorkerContext
from newsletter.system import lifeline, memory
from newsletter.wiring import Services
from newsletter.worker.jobs import Job, Jobs

# Seconds. Together with the time to open a connection, less than the 10 seconds that a stop may take.
_FINISH_IN_FLIGHT = 6.0
_SIGN_OFF_WITHIN = 1.0
# What is still running then waits for a database that does not answer; less than 10 seconds as well.
_KILL_AFTER = 9.5
# Seconds between two checks for a signal.
_SIGNAL_EVERY = 0.25
# Seconds. The bulk sender lets go of the interpreter each time it writes to a server or reads from one, and a job that
# computes then keeps it for so long. In Python's own 5 ms the servers would have nothing to do.
_TURN = 0.0001
# Between the first runs of two jobs, and so between all later ones. Jobs that begin together make every copy wait for
# their turns of the interpreter, and each takes a thread and a database connection of its own, which then stay.
# Eight to a second, and those of the next second between them.
_APART = timedelta(seconds=0.13)
# The same for those that run once a minute or less often; nothing waits for them when a worker starts.
_FAR_APART = timedelta(seconds=0.5)

log = structlog.get_logger()
# A job is not started again while it still runs, which is intended and needs no warning.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


class Worker:
    """One worker process: its jobs, and the scheduler that runs them."""

    def __init__(self, services: Services, name: str = "", clock: Clock = now) -> None:
        self.name = name or new_name()
        self._clock = clock
        self._stopping = threading.Event()
        self.jobs = Jobs(services, WorkerContext(self.name, clock, self._stopping.is_set))

    def run(self) -> None:
        """Run until asked to stop; then finish what is in flight, give back the rest, and return within ten seconds."""
        asked = lifeline.watch_stop_signals()
        memory.share_one_arena()
        sys.setswitchinterval(_TURN)
        scheduler = self._scheduler()
        clock = clock_setback.ClockWatch(self._clock(), time.monotonic())
        scheduler.start()
        log.info("worker started", worker=self.name)
        while not asked:
            time.sleep(_SIGNAL_EVERY)
            if clock.was_set_back(self._clock(), time.monotonic()):
                log.warning("the clock was put back; every job runs now, and then by the new time")
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=self._clock())
        kill_timer = _kill_timer()
        self.stop()
        self._wait_for_jobs(scheduler)
        self.jobs.close()
        self._sign_off()
        kill_timer.cancel()
        log.info("worker stopped", worker=self.name)

    def stop(self) -> None:
        """Ask all jobs to finish."""
        self._stopping.set()
        self.jobs.stop()

    def _sign_off(self) -> None:
        # A database that does not answer must not delay a stop; other workers notice the missing heartbeat.
        sign_off = _guarded(Job("sign off", timedelta(0), self.jobs.sign_off))
        last = threading.Thread(target=sign_off, daemon=True)
        last.start()
        last.join(_SIGN_OFF_WITHIN)

    def _wait_for_jobs(self, scheduler: BackgroundScheduler) -> None:
        patience = threading.Timer(_FINISH_IN_FLIGHT, self.jobs.interrupt)
        patience.start()
        scheduler.shutdown(wait=True)
        patience.cancel()

    def _scheduler(self) -> BackgroundScheduler:
        jobs = self.jobs.table()
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(jobs))},
            # A job that still runs is not started a second time, and one that is late runs once.
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
        )
        first = self._clock()
        for place, job in enumerate(jobs):
            apart = _APART if job.every < timedelta(minutes=1) else _FAR_APART
            at, seconds = first + place * apart, job.every.total_seconds()
            scheduler.add_job(_guarded(job), "interval", seconds=seconds, name=job.name, next_run_time=at)
        return scheduler


def new_name() -> str:
    """A name that no other worker on any host has."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(3)}"


def _kill_timer() -> threading.Timer:
    """A timer that kills this process unless it is cancelled in time; its supervisor then recovers its copies."""

    def end() -> None:
        log.error("worker could not stop in time, so it was ended; the database, or a job, did not answer")
        os._exit(1)

    timer = threading.Timer(_KILL_AFTER, end)
    timer.daemon = True
    timer.start()
    return timer


def _guarded(job: Job) -> Callable[[], None]:
    """Wraps a job so that a failure is logged and the scheduler continues."""

    def run() -> None:
        try:
            job.run()
        except AWAY as error:
            cause = str(getattr(error, "orig", error))
            log.warning("the database did not answer; trying again", job=job.name, error=cause)
        except Exception:
            log.exception("job failed", job=job.name)

    return run
