"""What a worker does: one table of jobs, each of which several workers, on any hosts, can run at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from newsletter.audience import attribute_changes, bulk_acts, consent_chain, preferences, search_index
from newsletter.audience.importing.uploads.job import UploadJob
from newsletter.db import Session
from newsletter.delivery import breaker, ledger, stopping
from newsletter.delivery.bounces import webhooks
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
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

_Check = Callable[[Session, datetime], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the worker, and how often it runs."""

    name: str
    every: timedelta
    run: Callable[[], object]


class Jobs:
    """The jobs of one worker; each commits what it does."""

    def __init__(self, services: Services, worker: WorkerContext) -> None:
        mail, bulk = services.mail_servers
        self._services = services
        self._worker = worker
        self._now = worker.clock
        self._liveness = LivenessMonitor()
        self._gate = SendGate(services.sessions)
        groups, return_path = services.bounces.groups, services.settings.mail_return_path_domain
        mailer_settings = MailerSettings(mail, services.keyring, services.links.seal, return_path, groups)
        self._mailer = TransactionalMailer(
            services.sessions, mailer_settings, worker=worker.name, stopping=worker.is_stopping
        )
        limits, in_doubt = Limits.from_settings(services.settings), services.settings.in_doubt
        bulk_settings = BulkSettings(bulk, services.links, limits, services.keyring, return_path, in_doubt)
        self._bulk_sender = BulkSender(services.sessions, bulk_settings, worker=worker.name)
        self._intake = services.mail_intake(worker)
        self._checks = services.outside_checks(worker)

    def table(self) -> list[Job]:
        """All of them, and how often each runs."""
        services, worker = self._services, self._worker
        bounces = services.sessions, services.bounces, worker
        acts = services.sessions, services.audience, worker
        uploads = UploadJob(services.sessions, services.audience, services.settings.import_folder, worker)
        archives = services.archive_job(worker)
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
            Job("report refusals", timedelta(seconds=2), self.report_refusals),
            Job("read the mailbox", timedelta(seconds=10), self._intake.read_mailbox),
            Job("listen for mail", timedelta(seconds=5), self._intake.listen),
            Job("decide about bounces", timedelta(seconds=2), partial(tend_bounces.decide_waiting, *bounces)),
            Job("watch for providers that fail", timedelta(minutes=1), partial(tend_bounces.watch_providers, *bounces)),
            Job("watch for complaints", timedelta(minutes=5), partial(tend_bounces.watch_complaints, *bounces)),
            Job("skip what was stopped", timedelta(seconds=2), self.skip_stopped_copies),
            Job("import lists", timedelta(seconds=2), uploads.run),
            Job("import archives", timedelta(seconds=2), archives.run),
            Job("index readers", timedelta(seconds=10), self.index_readers),
            Job("store statistics", timedelta(seconds=10), self.store_stats),
            Job("take back lost copies", timedelta(seconds=10), self.recover_lost_copies),
            Job("cut waits that a clock put back", timedelta(hours=1), self.shorten_waits),
            Job("warn of coming slots", timedelta(minutes=1), self.warn_of_coming_slots),
            Job("queue link checks", timedelta(minutes=1), self._checks.queue_links),
            Job("check links", timedelta(seconds=2), self._checks.check_links),
            Job("ask the spam filter", timedelta(seconds=2), self._checks.check_spam),
            Job("chain the record of consent", timedelta(seconds=30), self.chain_consent),
            Job("look after the consent chain", timedelta(days=1), self.tend_consent_chain),
            Job("wake paused readers", timedelta(minutes=1), partial(self._in_groups, preferences.end_due_pauses)),
            Job("look after sign-ups", timedelta(hours=1), self.tend_signups),
            Job("watch confirmation emails", timedelta(minutes=1), partial(tend_signups.watch, *acts)),
            Job("delete idle limiters", timedelta(hours=1), partial(self._in_groups, limiter_store.prune_idle)),
            Job("delete old link checks", timedelta(hours=1), partial(self._in_groups, link_checks.prune)),
            Job("clear the outbox of old letters", timedelta(hours=1), self.prune_outbox),
            Job("clear old imports", timedelta(hours=1), uploads.prune),
            Job("clear old archives", timedelta(hours=1), archives.prune),
            Job("carry out bulk acts", timedelta(seconds=2), partial(bulk_acts.work, *acts)),
            Job("clear deleted attributes", timedelta(seconds=10), self.clear_deleted_attributes),
            Job("clear old bulk acts", timedelta(hours=1), partial(self._in_groups, bulk_acts.prune)),
            Job("clear old bounces", timedelta(hours=1), partial(self._in_groups, self._intake.prune)),
            Job("look after comments", timedelta(minutes=1), partial(tend_comments.work, *acts)),
            Job(
                "look after requests", timedelta(hours=1), partial(contact_requests.tend, *acts, services.request_times)
            ),
            Job("empty the bin", timedelta(hours=1), partial(self._in_groups, issue_bin.prune)),
            Job("clear old webhook tokens", timedelta(hours=1), partial(self._in_groups, webhooks.prune)),
        ]

    def stop(self) -> None:
        """Ask the bulk sender to finish what is in flight; the other jobs ask whether the worker `is_stopping`."""
        self._bulk_sender.stop()

    def interrupt(self) -> None:
        """Break off the single letter that is being sent."""
        self._mailer.interrupt()

    def close(self) -> None:
        """Close the connections to mail servers, and listen for no more mail; no job runs any more."""
        self._mailer.close()
        self._intake.close()

    def sign_off(self) -> None:
        """Remove the worker's sign of life."""
        with self._services.sessions.begin() as session:
            heartbeat.sign_off(session, self._worker.name)

    def fill_due_slots(self) -> None:
        if not self._gate.is_open():
            return
        services, grace = self._services, self._services.grace
        with services.sessions.reading() as session:
            openings = fill_slots.open_slots(session, grace, self._now())
        for opening in openings:
            with set_aside("a slot", opening), services.sessions.begin() as session:
                fill_slots.fill_slot(session, services.audience, services.letters, opening, grace, self._now())

    def warn_of_coming_slots(self) -> None:
        if not self._gate.is_open():
            return
        services = self._services
        with services.sessions.reading() as session:
            glances = warn_editors.due_checks(session, self._now())
        for glance in glances:
            with set_aside("the check of a slot", glance), services.sessions.begin() as session:
                warn_editors.check_slot(session, services.audience, glance, self._now(), grace=services.grace)

    def write_digests(self) -> None:
        with self._services.sessions.reading() as session:
            waiting = digests.publications_to_write(session)
        for publication_id in waiting:
            with set_aside("the digest of a publication", publication_id), self._services.sessions.begin() as session:
                monthly_digest.write_waiting(session, self._services.links, publication_id, self._now())

    def start_due_issues(self) -> None:
        if not self._gate.is_open():
            return
        # Before the issue of the same slot, which the next digest lists.
        self._send_due_digests()
        if has_work(self._services.sessions, self._worker, publish.is_any_due):
            with self._services.sessions.begin() as session:
                publish.publish_due(session, self._services.grace, self._now())

    def send_welcome_series(self) -> None:
        if not self._gate.is_open():
            return
        welcome_series.send_due(self._services.sessions, self._services.letters, self._worker)

    def catch_up_corrections(self) -> None:
        if self._gate.is_open():
            self._in_groups(correct_issue.catch_up, correct_issue.is_behind)

    def _send_due_digests(self) -> None:
        services, grace = self._services, self._services.grace
        with services.sessions.reading() as session:
            due = monthly_digest.due_digests(session, grace, self._now())
        for one in due:
            with set_aside("a digest", one), services.sessions.begin() as session:
                monthly_digest.send_due(session, services.audience, services.letters, one, grace, self._now())

    def empty_the_outbox(self) -> None:
        while self._may_go_on() and self._mailer.deliver_due():
            pass

    def send_copies(self) -> None:
        while self._may_go_on() and self._bulk_sender.run_once():
            pass

    def finish_letters(self) -> None:
        with self._services.sessions.begin() as session:
            ledger.finish(session, self._now())
            doubts.reopen(session, self._now())
        self._in_groups(breaker.release_held)

    def report_refusals(self) -> None:
        with self._services.sessions.reading() as session:
            untold = breaker.unreported(session)
        for trip_id in untold:
            with set_aside("the alert of a breaker", trip_id), self._services.sessions.begin() as session:
                alert_editors.send_alert(session, self._services.audience, trip_id, self._now())

    def skip_stopped_copies(self) -> None:
        with self._services.sessions.reading() as session:
            unfinished = stopping.unfinished(session)
        for letter_id in unfinished:
            with set_aside("the stop of a letter", letter_id):
                self._skip_copies(letter_id)

    def _skip_copies(self, letter_id: int) -> None:
        while not self._worker.is_stopping() and stopping.skip_next_group(
            self._services.sessions, letter_id, self._now()
        ):
            pass

    def clear_deleted_attributes(self) -> None:
        self._in_groups(attribute_changes.clear_deleted, attribute_changes.has_deleted)

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
        while not self._worker.is_stopping() and stats.store_next(self._services.sessions):
            pass

    def recover_lost_copies(self) -> None:
        now = self._now()
        with self._services.sessions.begin() as session:
            fallen_silent = self._liveness.fallen_silent(session, now)
            for name in fallen_silent:
                if name != self._worker.name:
                    lease_recovery.recover_silent(session, name, now)
            ledger.recover(session, now, self._services.settings.in_doubt, self._living(now))
            outbox.recover(session, now)
        self._liveness.settled(fallen_silent)

    def shorten_waits(self) -> None:
        self._in_groups(lambda session, now: clock_setback.shorten_waits(session, now, self._living(now)))

    def _living(self, now: datetime) -> set[str]:
        return self._liveness.living(now) | {self._worker.name}

    def beat(self) -> None:
        away = {MailKind.ISSUES: self._bulk_sender.away, MailKind.LETTERS: self._mailer.away}
        with self._services.sessions.begin() as session:
            heartbeat.beat(session, self._worker.name, self._now(), away)

    def prune_outbox(self) -> None:
        self._in_groups(outbox.prune)
        # Otherwise deleted data would stay in SQLite's write-ahead log, such as that of somebody erased during a read.
        self._services.sessions.checkpoint()

    def _may_go_on(self) -> bool:
        return not self._worker.is_stopping() and self._gate.is_open()

    def _in_groups(self, act: Callable[[Session, datetime], int], is_due: _Check | None = None) -> None:
        """Run the job, if it `is_due`, until nothing is left to do, each time in its own transaction."""
        run_in_groups(self._services.sessions, self._worker, act, is_due)
