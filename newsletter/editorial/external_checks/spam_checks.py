"""SpamAssassin checks: run by the worker or the command line, and cached by the mail's content hash.

SpamAssassin runs locally, without network tests (`-L`). If it is not installed, the verdict says so.
"""

import email
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from subprocess import DEVNULL, PIPE

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.models import SpamCheck
from newsletter.editorial.preflight import SpamVerdict

NOT_INSTALLED = SpamVerdict(fault="SpamAssassin is not installed on the server")
NOT_ASKED = SpamVerdict(fault="it has not been run on this text yet")
CHANGED = SpamVerdict(fault="the text was changed before it ran")
_SILENT = SpamVerdict(fault="SpamAssassin did not respond; try it on the server: spamassassin -L -t")

_SECONDS = 60
_LOOK = 0.25
_LEASE = timedelta(minutes=5)
_STATUS = re.compile(r"score=(-?[\d.]+) required=(-?[\d.]+)(?: tests=([A-Z0-9_,\s]*))?")
# Every message without a Received header has these, and none of ours has one yet.
_NOT_THE_TEXTS = {"none", "NO_RECEIVED", "NO_RELAYS"}


def command() -> str | None:
    """The path of SpamAssassin; None if it is not installed."""
    return shutil.which("spamassassin")


def run_spamassassin(mail: bytes, stopping: Callable[[], bool] = lambda: False) -> SpamVerdict | None:
    """Run SpamAssassin on a whole message, which takes some seconds; None if `stopping` became true first."""
    program = command()
    if program is None:
        return NOT_INSTALLED
    try:
        asked = subprocess.Popen([program, "-L", "-t"], stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return _SILENT
    with asked:
        judged = _answer(asked, mail, stopping)
    if judged is None:
        return None if stopping() else _SILENT
    return _read(judged)


def verdict(session: Session, content_hash: str) -> SpamVerdict:
    """The verdict on this content, or the reason why there is none."""
    row = session.get(SpamCheck, content_hash)
    if row is None or row.checked_at is None:
        return NOT_ASKED
    return SpamVerdict(row.score, row.threshold, tuple(row.tests), row.fault)


def is_waiting(session: Session, content_hash: str) -> bool:
    """Whether a check of this content is pending."""
    row = session.get(SpamCheck, content_hash)
    return row is not None and row.checked_at is None


def request_check(session: Session, issue_id: int, content_hash: str, now: datetime) -> None:
    """Request a check of an issue's content, unless there is a verdict already."""
    row = {"content_hash": content_hash, "issue_id": issue_id, "asked_at": now, "tests": [], "fault": ""}
    request = {"asked_at": now, "checked_at": None, "claimed_until": None}
    insertion = insert(session, SpamCheck).values(row)
    session.execute(
        insertion.on_conflict_do_update(index_elements=["content_hash"], set_=request, where=SpamCheck.fault != "")
    )


def is_due(session: Session, now: datetime) -> bool:
    """Whether `claim` would find something."""
    return session.scalar(select(SpamCheck.content_hash).where(_due(now)).limit(1)) is not None


def claim(session: Session, most: int, now: datetime) -> Sequence[tuple[str, int]]:
    """Up to `most` pending checks as (content hash, issue id); no other worker gets them until the lease expires."""
    waiting = select(SpamCheck.content_hash).where(_due(now)).order_by(SpamCheck.asked_at).limit(most)
    chosen = waiting.with_for_update(skip_locked=True)
    take = update(SpamCheck).where(SpamCheck.content_hash.in_(chosen), _due(now)).values(claimed_until=now + _LEASE)
    taken = take.returning(SpamCheck.content_hash, SpamCheck.issue_id)
    return [(row[0], row[1]) for row in session.execute(taken.execution_options(synchronize_session=False))]


def record(session: Session, content_hash: str, verdict: SpamVerdict, now: datetime) -> None:
    """Store a verdict, unless another worker has stored one."""
    row = update(SpamCheck).where(SpamCheck.content_hash == content_hash, SpamCheck.checked_at.is_(None))
    measured = {"score": verdict.score, "threshold": verdict.threshold, "tests": list(verdict.tests)}
    session.execute(row.values(checked_at=now, claimed_until=None, fault=verdict.fault, **measured))


def _due(now: datetime) -> ColumnElement[bool]:
    free = or_(SpamCheck.claimed_until.is_(None), SpamCheck.claimed_until < now)
    return and_(SpamCheck.checked_at.is_(None), free)


def _answer(asked: "subprocess.Popen[bytes]", mail: bytes, stopping: Callable[[], bool]) -> bytes | None:
    """The program's output; None if it took too long or `stopping` became true."""
    until = time.monotonic() + _SECONDS
    unsent: bytes | None = mail
    while time.monotonic() < until and not stopping():
        try:
            return asked.communicate(unsent, timeout=_LOOK)[0]
        except subprocess.TimeoutExpired:
            unsent = None  # communicate() has taken it
    asked.kill()
    return None


def _read(judged: bytes) -> SpamVerdict:
    """The verdict, read from the header that SpamAssassin adds."""
    found = _STATUS.search(" ".join(str(email.message_from_bytes(judged)["X-Spam-Status"]).split()))
    if found is None:
        return SpamVerdict(fault="SpamAssassin's output cannot be read")
    tests = re.split(r"[,\s]+", found[3].strip()) if found[3] else []
    return SpamVerdict(float(found[1]), float(found[2]), tuple(test for test in tests if test not in _NOT_THE_TEXTS))
