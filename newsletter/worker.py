"""The worker: one table of jobs, run by APScheduler; several workers, on any hosts, can run at once."""

import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter.audience import bulk_acts, consent_chain, preferences, search_index
from newsletter.audience.importing.uploads.job import UploadJob
from newsletter.config import Settings
from newsletter.db import AWAY, Session
from newsletter.delivery import breaker, ledger, stopping
from newsletter.delivery.bounces import webhooks
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.smtp_worker import BulkSettings
from newsletter.delivery.ledger import doubts
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.reports import stats
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.mailer import MailerSettings, TransactionalMailer
from newsletter.delivery.workers import clock_setback, heartbeat, lease_recovery
from newsletter.delivery.workers.context import WorkerContext, has_work, run_in_groups, set_aside
from newsletter.delivery.workers.heartbeat import LivenessMonitor, MailKind
from newsletter.delivery.workers.send_permission import SendGate
from newsletter.editorial.external_checks import link_checks
from newsletter.editorial.issues import digests, issue_bin
from newsletter.errors import Refused
from newsletter.mail_settings import MailServer
from newsletter.system import lifeline, memory
from newsletter.wiring import Services
from newsletter.workflows import (
    alert_editors,
    contact_requests,
    correct_issue,
    fill_slots,
    monthly_digest,
    publish,
    tend_bounces,
    tend_comments,
    tend_signups,
    warn_editors,
    welcome_series,
)

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

_Check = Callable[[Session, datetime], bool]
_now = partial(datetime.now, UTC)
log = structlog.get_logger()
# A job is not started again while it still runs, which is intended and needs no warning.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the worker, and how often it runs."""

    name: str
    every: timedelta
    run: Callable[[], object]


class Worker:
    """One worker process: the scheduler, the transactional mailer and the bulk sender."""

    def __init__(self, services: Services, name: str = "") -> None:
        mail, bulk = servers(services.settings)
        self.name = name or new_name()
        self._services = services
        self._liveness = LivenessMonitor()
        self._gate = SendGate(services.sessions)
        self._stopping = threading.Event()
        self._context = WorkerContext(self.name, _now, self._stopping.is_set)
        groups, return_path = services.bounces.groups, services.settings.mail_return_path_domain
        mailer_settings = MailerSettings(mail, services.keyring, services.links.seal, return_path, groups)
        self._mailer = TransactionalMailer(
            services.sessions, mailer_settings, worker=self.name, stopping=self._stopping.is_set
        )
        limits, in_doubt = Limits.from_settings(services.settings), services.settings.in_doubt
        bulk_settings = BulkSettings(bulk, services.links, limits, services.keyring, return_path, in_doubt)
        self._bulk_sender = BulkSender(services.sessions, bulk_settings, worker=self.name)
        self._intake = services.mail_intake(self._context)
        self._checks = services.outside_checks(self._context)

    def jobs(self) -> list[Job]:
        """All jobs of the worker."""
        services, context = self._services, self._context
        bounces = services.sessions, services.bounces, context
        acts = services.sessions, services.audience, context
        uploads = UploadJob(services.sessions, services.audience, services.settings.import_folder, context)
        archives = services.archive_job(context)
        return [
            Job("sign of life", timedelta(seconds=5), self.beat),
            Job("fill due slots", timedelta(seconds=1), self.fill_due_slots),
            Job("start due issues", timedelta(seconds=1), self.start_due_issues),
            Job("send the welcome series", timedelta(seconds=10), self.send_welcome_series),
            Job("write digests", timedelta(seconds=10), self.write_digests),
            Job("catch up corrections", timedelta(seconds=30), self.catch_up_corrections),
            Job("empty the outbox", timedelta(seconds=1), self.empty_the_outbox),
            Job("send copies", timedelta(seconds=1), self.send_copies),
            Job("finish letters", timedelta(seconds=2), self.finish_letters),
            Job("tell of refusals", timedelta(seconds=2), self.report_refusals),
            Job("read the mailbox", timedelta(seconds=10), self._intake.read_mailbox),
            Job("listen for mail", timedelta(seconds=5), self._intake.listen),
            Job("decide about bounces", timedelta(seconds=2), partial(tend_bounces.decide_waiting, *bounces)),
            Job("watch for providers that fail", timedelta(minutes=1), partial(tend_bounces.watch_providers, *bounces)),
            Job("watch for complaints", timedelta(minutes=5), partial(tend_bounces.watch_complaints, *bounces)),
            Job("skip what was stopped", timedelta(seconds=2), self.skip_stopped_copies),
            Job("import lists", timedelta(seconds=2), uploads.run),
            Job("import archives", timedelta(seconds=2), archives.run),
            Job("index readers", timedelta(seconds=10), self.index_readers),
            Job("keep accounts", timedelta(seconds=10), self.store_stats),
            Job("take back lost copies", timedelta(seconds=10), self.recover_lost_copies),
            Job("cut waits that a clock put back", timedelta(hours=1), self.shorten_waits),
            Job("look at the slots to come", timedelta(minutes=1), self.warn_of_coming_slots),
            Job("look after links", timedelta(minutes=1), self._checks.queue_links),
            Job("ask links", timedelta(seconds=2), self._checks.check_links),
            Job("ask the spam filter", timedelta(seconds=2), self._checks.check_spam),
            Job("chain the record of consent", timedelta(seconds=30), self.chain_consent),
            Job("look after the consent chain", timedelta(days=1), self.tend_consent_chain),
            Job("wake paused readers", timedelta(minutes=1), partial(self._in_groups, preferences.end_due_pauses)),
            Job("look after sign-ups", timedelta(hours=1), self.tend_signups),
            Job("watch confirmation emails", timedelta(minutes=1), partial(tend_signups.watch, *acts[:2], _now)),
            Job("forget idle paces", timedelta(hours=1), partial(self._in_groups, limiter_store.prune_idle)),
            Job("forget old links", timedelta(hours=1), partial(self._in_groups, link_checks.prune)),
            Job("clear the outbox of old letters", timedelta(hours=1), self.prune_outbox),
            Job("clear old imports", timedelta(hours=1), uploads.prune),
            Job("clear old archives", timedelta(hours=1), archives.prune),
            Job("carry out bulk acts", timedelta(seconds=2), partial(bulk_acts.work, *acts)),
            Job("clear old bulk acts", timedelta(hours=1), partial(self._in_groups, bulk_acts.prune)),
            Job("clear old bounces", timedelta(hours=1), partial(self._in_groups, self._intake.prune)),
            Job("look after comments", timedelta(minutes=1), partial(tend_comments.work, *acts)),
            Job(
                "look after requests", timedelta(hours=1), partial(contact_requests.tend, *acts, services.request_times)
            ),
            Job("empty the bin", timedelta(hours=1), partial(self._in_groups, issue_bin.prune)),
            Job("clear old webhook tokens", timedelta(hours=1), partial(self._in_groups, webhooks.prune)),
        ]

    def run(self) -> None:
        """Run until asked to stop; then finish what is in flight, give back the rest, and return within ten seconds."""
        asked = lifeline.watch_stop_signals()
        memory.share_arenas()
        sys.setswitchinterval(_TURN)
        scheduler = self._scheduler()
        clock = clock_setback.ClockWatch(_now(), time.monotonic())
        scheduler.start()
        log.info("worker started", worker=self.name)
        while not asked:
            time.sleep(_SIGNAL_EVERY)
            if clock.was_set_back(_now(), time.monotonic()):
                log.warning("the clock was put back; every job runs now, and then by the new time")
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=_now())
        kill_timer = _kill_timer()
        self.stop()
        self._wait_for_jobs(scheduler)
        self._mailer.close()
        self._intake.close()
        self._sign_off()
        kill_timer.cancel()
        log.info("worker stopped", worker=self.name)

    def stop(self) -> None:
        """Ask all jobs to finish."""
        self._stopping.set()
        self._bulk_sender.stop()

    def fill_due_slots(self) -> None:
        if not self._gate.is_open():
            return
        services, grace = self._services, self._services.grace
        with services.sessions.reading() as session:
            openings = fill_slots.open_slots(session, grace, _now())
        for opening in openings:
            with set_aside("a slot", opening), services.sessions.begin() as session:
                fill_slots.fill_slot(session, services.audience, services.letters, opening, grace, _now())

    def warn_of_coming_slots(self) -> None:
        if not self._gate.is_open():
            return
        with self._services.sessions.reading() as session:
            glances = warn_editors.due_checks(session, _now())
        for glance in glances:
            with set_aside("the check of a slot", glance), self._services.sessions.begin() as session:
                warn_editors.check_slot(session, self._services.audience, glance, _now(), grace=self._services.grace)

    def write_digests(self) -> None:
        with self._services.sessions.reading() as session:
            waiting = digests.publications_to_write(session)
        for publication_id in waiting:
            with set_aside("the digest of a publication", publication_id), self._services.sessions.begin() as session:
                monthly_digest.write_waiting(session, self._services.links, publication_id, _now())

    def start_due_issues(self) -> None:
        if not self._gate.is_open():
            return
        # Before the issue of the same slot, which the next digest lists.
        self._send_due_digests()
        if has_work(self._services.sessions, self._context, publish.is_any_due):
            with self._services.sessions.begin() as session:
                publish.publish_due(session, self._services.grace, _now())

    def send_welcome_series(self) -> None:
        if not self._gate.is_open():
            return
        welcome_series.send_due(self._services.sessions, self._services.letters, self._context)

    def catch_up_corrections(self) -> None:
        if self._gate.is_open():
            self._in_groups(correct_issue.catch_up, correct_issue.is_behind)

    def _send_due_digests(self) -> None:
        services, grace = self._services, self._services.grace
        with services.sessions.reading() as session:
            due = monthly_digest.due_digests(session, grace, _now())
        for one in due:
            with set_aside("a digest", one), services.sessions.begin() as session:
                monthly_digest.send_due(session, services.audience, services.letters, one, grace, _now())

    def empty_the_outbox(self) -> None:
        while self._may_go_on() and self._mailer.deliver_due():
            pass

    def send_copies(self) -> None:
        while self._may_go_on() and self._bulk_sender.run_once():
            pass

    def finish_letters(self) -> None:
        with self._services.sessions.begin() as session:
            ledger.finish(session, _now())
            doubts.reopen(session, _now())
        self._in_groups(breaker.release_held)

    def report_refusals(self) -> None:
        with self._services.sessions.reading() as session:
            untold = breaker.unreported(session)
        for trip_id in untold:
            with set_aside("the alert of a breaker", trip_id), self._services.sessions.begin() as session:
                alert_editors.send_alert(session, self._services.audience, trip_id, _now())

    def skip_stopped_copies(self) -> None:
        with self._services.sessions.reading() as session:
            unfinished = stopping.unfinished(session)
        for letter_id in unfinished:
            with set_aside("the stop of a letter", letter_id):
                self._skip_copies(letter_id)

    def _skip_copies(self, letter_id: int) -> None:
        while not self._stopping.is_set() and stopping.skip_next_group(self._services.sessions, letter_id, _now()):
            pass

    def index_readers(self) -> None:
        self._in_groups(lambda session, _: search_index.index_some(session), search_index.is_due)

    def chain_consent(self) -> None:
        self._in_groups(consent_chain.chain_some, consent_chain.is_due)

    def tend_consent_chain(self) -> None:
        self._in_groups(consent_chain.chain_late, consent_chain.is_late_due)
        with self._services.sessions.reading() as session:
            consent_chain.log_head(session)

    def tend_signups(self) -> None:
        settings, audience = self._services.settings, self._services.audience
        keep = timedelta(days=settings.signup_pending_days)
        for act in tend_signups.acts(audience, keep, reminds=settings.signup_reminder):
            with set_aside("a part of looking after sign-ups", act):
                self._in_groups(act)

    def store_stats(self) -> None:
        while not self._stopping.is_set() and stats.store_next(self._services.sessions):
            pass

    def recover_lost_copies(self) -> None:
        now = _now()
        with self._services.sessions.begin() as session:
            fallen_silent = self._liveness.fallen_silent(session, now)
            for name in fallen_silent:
                if name != self.name:
                    lease_recovery.recover_silent(session, name, now)
            living = self._liveness.living(now) | {self.name}
            ledger.recover(session, now, self._services.settings.in_doubt, living)
            outbox.recover(session, now)
        self._liveness.settled(fallen_silent)

    def shorten_waits(self) -> None:
        self._in_groups(
            lambda session, now: clock_setback.shorten_waits(session, now, self._liveness.living(now) | {self.name})
        )

    def beat(self) -> None:
        away = {MailKind.ISSUES: self._bulk_sender.away, MailKind.LETTERS: self._mailer.away}
        with self._services.sessions.begin() as session:
            heartbeat.beat(session, self.name, _now(), away)

    def prune_outbox(self) -> None:
        self._in_groups(outbox.prune)
        # Otherwise deleted data would stay in SQLite's write-ahead log, such as that of somebody erased during a read.
        self._services.sessions.checkpoint()

    def _may_go_on(self) -> bool:
        return not self._stopping.is_set() and self._gate.is_open()

    def _in_groups(self, act: Callable[[Session, datetime], int], is_due: _Check | None = None) -> None:
        """Run the job, if it `is_due`, until nothing is left to do, each time in its own transaction."""
        run_in_groups(self._services.sessions, self._context, act, is_due)

    def _sign_off(self) -> None:
        # A database that does not answer must not delay a stop; other workers notice the missing heartbeat.
        sign_off = _guarded(Job("sign off", timedelta(0), self._remove_heartbeat))
        last = threading.Thread(target=sign_off, daemon=True)
        last.start()
        last.join(_SIGN_OFF_WITHIN)

    def _remove_heartbeat(self) -> None:
        with self._services.sessions.begin() as session:
            heartbeat.sign_off(session, self.name)

    def _wait_for_jobs(self, scheduler: BackgroundScheduler) -> None:
        patience = threading.Timer(_FINISH_IN_FLIGHT, self._mailer.interrupt)
        patience.start()
        scheduler.shutdown(wait=True)
        patience.cancel()

    def _scheduler(self) -> BackgroundScheduler:
        jobs = self.jobs()
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(jobs))},
            # A job that still runs is not started a second time, and one that is late runs once.
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
        )
        first = _now()
        for place, job in enumerate(jobs):
            apart = _APART if job.every < timedelta(minutes=1) else _FAR_APART
            at, seconds = first + place * apart, job.every.total_seconds()
            scheduler.add_job(_guarded(job), "interval", seconds=seconds, name=job.name, next_run_time=at)
        return scheduler


def servers(settings: Settings) -> tuple[MailServer, MailServer]:
    """The mail servers for single letters and for issues; Refused, saying what to set, if there is none."""
    mail, bulk = settings.mail, settings.bulk_mail
    if mail is None or bulk is None:
        raise Refused("MAIL_SERVER is not set: name the server that takes the mail (docs/settings.md)")
    return mail, bulk


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
