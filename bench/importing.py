"""The import of a list on SQLite, consent recorded, beside email-validator alone over the same addresses.

`python -m bench.importing 1000000` measures that many rows, once; with a database's URL after it, in that database.
"""

import gc
import itertools
import logging
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from email_validator import validate_email

from bench.rows import RUNS, Row
from newsletter import migrations_runner
from newsletter.audience.importing.importer import ImportRun
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import files
from newsletter.audience.models import Status
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.cli.subscribers import COLLECTION, SWITCH_INTERVAL
from newsletter.db import Sessions, open_engine
from newsletter.delivery.transactional.outbox import Composed
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.tokens import TokenSeal

ROWS = 200_000
"""A fifth of the million that the measure names, because it is taken three times; a row costs a little more there."""
SAMPLE = 50_000
NAMES = ("ada", "Bob", "cyd.lee", "dan_k", "Eve-Marie", "fay+news")


@dataclass(frozen=True, slots=True)
class Taken:
    """One import: its seconds, the longest of its steps, and its process's peak of memory."""

    seconds: float
    longest: float
    megabytes: float


def measure() -> Row:
    """Rows a second, and how many times the validator's time that is."""
    return _measure("", _write)


def of_mailchimp() -> Row:
    """The same of a list with proofs of consent, tags and attributes."""
    return _measure(" of Mailchimp", _write_mailchimp)


def _measure(what: str, write: Callable[[Path, int], None]) -> Row:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        write(path, ROWS)
        pairs = [(_import(path, f"sqlite:///{folder}/bench-{run}.db"), _validator(path)) for run in range(RUNS)]
    ours = statistics.median(taken.seconds for taken, _ in pairs)
    reference = statistics.median(each for _, each in pairs)
    peak = max(taken.megabytes for taken, _ in pairs)
    return Row(
        f"import of {ROWS:,} rows{what}, SQLite",
        f"{ROWS / ours:,.0f} rows/s, {peak:.0f} MB",
        f"email-validator: {1 / reference:,.0f}/s (from {SAMPLE:,})",
        ours / (reference * ROWS),
        "≤ 1.3, ≤ 200 MB",
    )


def main(rows: int, url: str = "") -> None:
    """One run of any size, with what the table has no room for; of Mailchimp with BENCH_OF=mailchimp."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        (_write_mailchimp if os.environ.get("BENCH_OF") == "mailchimp" else _write)(path, rows)
        before = _validator(path)
        taken = _import(path, url or f"sqlite:///{folder}/bench.db")
        reference = (before + _validator(path)) / 2
    each = taken.seconds / rows
    print(f"{rows:,} rows in {taken.seconds:.1f} s: {1 / each:,.0f}/s, {each * 1e6:.1f} µs a row")
    print(f"email-validator alone: {reference * 1e6:.1f} µs a row; ratio {each / reference:.2f}")
    print(f"longest step {taken.longest:.2f} s, peak memory {taken.megabytes:.0f} MB")


def _write(path: Path, rows: int) -> None:
    chance = random.Random(1)  # noqa: S311  (the same list in every run)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("email,name,created_at\n")
        # In no order, as people signed up: a list in order of the alphabet would flatter the index.
        for number in chance.sample(range(rows), rows):
            email = f"{chance.choice(NAMES)}.{number}@mail{number % 5000}.example.org"
            file.write(f"{email},Reader {number},2024-01-02 10:00:00\n")


def _write_mailchimp(path: Path, rows: int) -> None:
    chance = random.Random(1)  # noqa: S311  (the same list in every run)
    proof = "2024-01-02 10:00:00,192.0.2.7,2024-01-02 10:05:00,192.0.2.7"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(
            "Email Address,First Name,Last Name,City,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
            "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
        )
        for number in chance.sample(range(rows), rows):
            email = f"{chance.choice(NAMES)}.{number}@mail{number % 5000}.example.org"
            place = f"52.5,13.4,1,2,,,,2024-01-02 10:05:00,{number},ab{number}"
            file.write(f'{email},Reader,{number},City {number % 100},2,{proof},{place},,"""Tag {number % 9}"""\n')


def _validator(path: Path) -> float:
    with path.open(encoding="utf-8") as file:
        addresses = [line.split(",", 1)[0] for line, _ in zip(file, range(SAMPLE + 1), strict=False)][1:]
    began = time.perf_counter()
    for address in addresses:
        validate_email(address, strict=True, check_deliverability=False, test_environment=True)
    return (time.perf_counter() - began) / len(addresses)


def _import(path: Path, url: str) -> Taken:
    # In a process of its own, whose memory is nobody else's.
    command = [sys.executable, "-m", "bench.importing", "--run", str(path), url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Taken(*map(float, done.stdout.split()))


def _run(path: Path, url: str) -> None:
    engine = open_engine(url)
    migrations_runner.upgrade(engine)
    sessions, now = Sessions(engine), datetime.now(UTC)
    audience = AudienceServices(
        Links("https://letters.example.org", TokenSeal(b"bench")), _compose, SignupCaps(1, 1, 1), "none", b"bench"
    )
    home = Publication(slug="bench", name="Bench", sender_name="B", sender_address="b@example.org", created_at=now)
    with sessions.begin() as session:
        session.add(home)
    gc.set_threshold(COLLECTION)
    sys.setswitchinterval(SWITCH_INTERVAL)
    began = time.perf_counter()
    with files.open_file(path) as opened:
        run = ImportRun(sessions, audience, home, ImportSettings(ImportTerms(Status.ACTIVE, "the old list")), now)
        ends = [time.perf_counter() for _ in run.import_file(opened)]
    longest = max(end - start for start, end in itertools.pairwise([began, *ends]))
    print(ends[-1] - began, longest, _peak_megabytes())
    engine.dispose()


def _compose(kind: str, publication: Publication, fields: Mapping[str, str], language: str | None = None) -> Composed:
    raise AssertionError(f"an active reader gets no {kind} letter: {publication}, {fields}, {language}")


def _peak_megabytes() -> float:
    # Linux counts ru_maxrss from before the exec; there VmHWM is this program's own.
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(kilobytes) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if sys.argv[1] == "--run":
        _run(Path(sys.argv[2]), sys.argv[3])
    else:
        main(int(sys.argv[1]), *sys.argv[2:])
