"""The database, the workers and this machine."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from newsletter.doctor.facts import SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding
from newsletter.doctor.registry import rule

_GIGABYTE = 1 << 30
_LITTLE_ROOM = _GIGABYTE
_LARGE_LOG = 256 << 20
_SLOW = timedelta(milliseconds=50)
_LATE_MAIL = timedelta(minutes=5)
_LATE_COPIES = timedelta(minutes=30)
_OLD_BACKUP = timedelta(days=2)
_MONTH = timedelta(days=31)
_SNS = "ses"
_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@rule(Area.DATABASE)
def the_database_answers(facts: SystemFacts) -> Iterator[Finding]:
    """Everything is kept in it; a schema of another version stops every process."""
    database = facts.database
    if database.fault:
        yield Finding(ERROR, "DATABASE_URL", f"the database does not answer: {database.fault}", "see DATABASE_URL")
    elif database.schema:
        yield Finding(ERROR, "schema", database.schema, line="newsletter db upgrade")
    else:
        yield Finding(
            OK, "database", f"{_KINDS[database.kind]}, {_size(database.size)}, with the schema of this version"
        )


@rule(Area.DATABASE, "SQLite, Write-Ahead Logging")
def the_write_ahead_log_is_small(facts: SystemFacts) -> Iterator[Finding]:
    """The log shrinks only when nobody reads: one that keeps growing slows every query and fills the disk."""
    if facts.database.log_size > _LARGE_LOG:
        message = f"the write-ahead log has grown to {_size(facts.database.log_size)}"
        yield Finding(
            WARNING, "database", message, "stop what reads it for long, such as a copy or a backup that hangs"
        )


@rule(Area.DATABASE)
def commits_are_quick_and_durable(facts: SystemFacts) -> Iterator[Finding]:
    """Each copy is marked before it leaves, and what is committed must be on the disk: otherwise a power cut sends
    mails twice."""
    database = facts.database
    if not database.is_durable:
        message = "PostgreSQL answers before a commit is on the disk (fsync is off)"
        yield Finding(ERROR, "database", message, "turn it on in postgresql.conf", line="fsync = on")
    if database.sync is not None:
        took = f"{database.sync / timedelta(milliseconds=1):.1f} ms"
        operation = "a write to its disk" if database.kind == "sqlite" else "a question to it"
        if database.sync > _SLOW:
            yield Finding(WARNING, "database", f"{operation} takes {took}", "move it to a faster disk or nearer")
        else:
            yield Finding(OK, "database", f"{operation} takes {took}")


@rule(Area.WORK)
def a_worker_runs(facts: SystemFacts) -> Iterator[Finding]:
    """Only a worker starts issues and sends mail."""
    database = facts.database
    if _unknown(facts):
        return
    if database.workers:
        yield Finding(OK, "workers", "one is running" if database.workers == 1 else f"{database.workers} are running")
    else:
        last = database.last_worker
        since = f"the last sign of life was {_when(last, facts.now)}" if last else "none ever ran on this database"
        level = ERROR if facts.relays else HINT
        yield Finding(level, "workers", f"no worker is running; {since}", line="newsletter worker")
    if not database.sends:
        message = "sending is off, because this database was restored or copied"
        yield Finding(
            WARNING, "sending", message, "turn it on when you have seen what would go out", line="newsletter arm"
        )


@rule(Area.WORK)
def nothing_waits_for_long(facts: SystemFacts) -> Iterator[Finding]:
    """Somebody is waiting for a confirmation email, and copies should leave as soon as the limits let them."""
    waiting = (
        ("emails", facts.database.oldest_mail, _LATE_MAIL, "the oldest email in the outbox"),
        ("copies", facts.database.oldest_copies, _LATE_COPIES, "the oldest copy that is due"),
    )
    for about, since, patience, what in waiting:
        if since and facts.now - since > patience:
            message = f"{what} has been waiting since {since:%Y-%m-%d %H:%M} UTC"
            yield Finding(WARNING, about, message, "see the mail server above, and the worker's log")
    if not _unknown(facts) and not any(since and facts.now - since > patience for _, since, patience, _ in waiting):
        yield Finding(OK, "queues", "nothing has been waiting for long")


@rule(Area.BOUNCES)
def the_mailbox_of_bounces_can_be_read(facts: SystemFacts) -> Iterator[Finding]:
    """Until it can, bounces, complaints and wishes to leave wait in it."""
    for mailbox, problem in facts.database.unread_mailboxes.items():
        message = f"the mailbox {mailbox} cannot be read: {problem}"
        yield Finding(ERROR, "BOUNCE_IMAP_SERVER", message, "see the settings of the mailbox, BOUNCE_IMAP_…")


@rule(Area.BOUNCES)
def bounces_are_heard(facts: SystemFacts) -> Iterator[Finding]:
    """Whoever goes on mailing addresses that are gone is taken for a spammer; after an issue, bounces come in within
    hours."""
    heard = facts.database.heard
    for way, at in sorted(heard.items()):
        yield Finding(OK, way, f"the last came in by {way} {_when(at, facts.now)}")
    sent = facts.database.sent_last
    recently = sent is not None and timedelta(days=1) < facts.now - sent < _MONTH
    for way in facts.hooks:
        if way not in heard and recently:
            message = f"nothing has ever come in from {way}, and an issue went out"
            line = f"{facts.web.url}/hooks/{way}"
            yield Finding(WARNING, way, message, "see there whether this address is set", line=line)
    if not heard and not facts.hooks and recently and facts.relays:
        message = "no bounce has ever come in by any way, and an issue went out"
        yield Finding(WARNING, "bounces", message, "let your mail server or provider deliver them (docs/bounces.md)")


@rule(Area.BOUNCES, "Amazon SNS, Message delivery retries")
def an_hour_of_downtime_loses_no_bounce(facts: SystemFacts) -> Iterator[Finding]:
    """By default SNS tries three more times within a minute, then drops the event."""
    if _SNS in facts.hooks:
        mend = "give the subscription a delivery policy of up to 3,600 seconds, or an SQS queue for what failed"
        yield Finding(HINT, _SNS, "SNS drops events while this server does not answer", mend)


@rule(Area.MACHINE)
def there_is_room_on_the_disk(facts: SystemFacts) -> Iterator[Finding]:
    """On a full disk nothing can be recorded, so nothing is sent."""
    machine = facts.machine
    for folder, problem in machine.disks.items():
        if problem:
            yield Finding(ERROR, folder, problem)
    if not any(machine.disks.values()):
        level = OK if machine.free_bytes > _LITTLE_ROOM else WARNING
        mend = "" if level is OK else "free some room"
        yield Finding(level, machine.data_dir, f"{_size(machine.free_bytes)} are free", mend)


@rule(Area.MACHINE)
def secrets_are_kept_from_others(facts: SystemFacts) -> Iterator[Finding]:
    """Whoever can read them can sign in, sign mail in your name, or read all addresses."""
    for path in facts.machine.open_files:
        yield Finding(WARNING, path, "other users of this machine can read it", line=f"chmod go-rwx {path}")


@rule(Area.MACHINE)
def there_is_a_recent_backup(facts: SystemFacts) -> Iterator[Finding]:
    """Consents and who has left cannot be made again; who restores an old backup mails people who left since."""
    last = facts.machine.last_backup
    line = "newsletter backup press-$(date +%F).backup"
    if last is None:
        yield Finding(WARNING, "backup", "no backup has been made with this data folder", "make one daily", line=line)
    elif facts.now - last > _OLD_BACKUP:
        yield Finding(
            WARNING, "backup", f"the last backup was made {_when(last, facts.now)}", "make one daily", line=line
        )
    else:
        yield Finding(OK, "backup", f"the last backup was made {_when(last, facts.now)}")


def _unknown(facts: SystemFacts) -> bool:
    return bool(facts.database.fault or facts.database.schema)


def _when(at: datetime, now: datetime) -> str:
    days = (now - at).days
    return f"on {at:%Y-%m-%d} at {at:%H:%M} UTC" + (f", {days} days ago" if days > 1 else "")


def _size(number: int) -> str:
    if number >= _GIGABYTE:
        return f"{number / _GIGABYTE:.1f} GB"
    return f"{number / (1 << 20):.1f} MB"
