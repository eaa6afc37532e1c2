"""The import of a list on SQLite, consent recorded, beside email-validator alone over the same addresses.

`python -m bench.importing 1000000` measures that many rows, once; with a database's URL after it, in that database.
"""

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
from zipfile import ZIP_DEFLATED, ZipFile

import structlog
from email_validator import validate_email

from bench.rows import RUNS, Row
from newsletter import migrations_runner
from newsletter.audience.importing.importer import ImportRun
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.importing.reading.csv_reader import CsvRow
from newsletter.audience.models import Status
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.db import Sessions, open_engine
from newsletter.delivery.transactional.outbox import Composed
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.system import memory
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
    """The same of a zip of three lists with proofs of consent, tags, notes and attributes."""
    return _measure(" of Mailchimp", _write_mailchimp)


def of_workbook() -> Row:
    """The same of an XLSX workbook, whose cells share their texts and have dates as numbers, as Excel writes it."""
    return _measure(" of a workbook", _write_workbook)


def _measure(what: str, write: Callable[[Path, int], None]) -> Row:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list"
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
    """One run of any size, with what the table has no room for; of another list with BENCH_OF=mailchimp or workbook."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        writers = {"mailchimp": _write_mailchimp, "workbook": _write_workbook}
        writers.get(os.environ.get("BENCH_OF", ""), _write)(path, rows)
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
            file.write(f"{_email(chance, number)},Reader {number},2024-01-02 10:00:00\n")


def _write_mailchimp(path: Path, rows: int) -> None:
    """The zip of three that Mailchimp exports: six in seven subscribe, the others have left or bounced."""
    chance = random.Random(1)  # noqa: S311  (the same list in every run)
    numbers = chance.sample(range(rows), rows)
    gone, bounced = rows // 8, rows // 50
    parts = (
        ("subscribed", "", numbers[gone + bounced :]),
        ("unsubscribed", "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,", numbers[:gone]),
        ("cleaned", "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,", numbers[gone : gone + bounced]),
    )
    with ZipFile(path, "w", ZIP_DEFLATED) as opened:
        for name, ending, theirs in parts:
            with opened.open(f"{name}_members_export_1.csv", "w") as file:
                file.write((_MAILCHIMP % ending).encode())
                for number in theirs:
                    file.write(_mailchimp_line(chance, number, ending).encode())


_MAILCHIMP = (
    "Email Address,First Name,Last Name,City,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,"
    "LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,%sLAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
)


def _mailchimp_line(chance: random.Random, number: int, ending: str) -> str:
    """Of each reader another moment, network and note, for none of them is to be known from the line before."""
    day = f"20{number % 13 + 12}-{number % 12 + 1:02}-{number % 28 + 1:02}"
    hour, minute, second = number % 24, number % 49, number % 60
    asked, confirmed = (f"{day} {hour:02}:{minute + late:02}:{second:02}" for late in (0, 3))
    ip = f"192.{number % 251}.{number // 251 % 241}.{number % 239}"
    ended = {4: f"{day} 20:00:00,An issue,ab{number % 90},NORMAL,", 3: f"{day} 20:00:00,An issue,ab{number % 90},"}
    note = f"Met in {number}" if number % 10 == 0 else ""
    return (
        f"{_email(chance, number)},{NAMES[number % 6]},Reader {number},City {number % 700},2,{asked},{ip},{confirmed},"
        f"{ip},52.5,13.4,1,2,,DE,BE,{ended.get(ending.count(','), '')}{confirmed},{number},ab{number},{note},"
        f'"""Tag {number % 9}"",""Group {number % 4}"""\n'
    )


def _write_workbook(path: Path, rows: int) -> None:
    chance = random.Random(1)  # noqa: S311  (the same list in every run)
    numbers = chance.sample(range(rows), rows)
    with ZipFile(path, "w", ZIP_DEFLATED) as opened:
        for name, content in _WORKBOOK.items():
            opened.writestr(f"xl/{name}", content)
        with opened.open("xl/sharedStrings.xml", "w") as file:
            file.write(f"<sst {_MAIN}><si><t>email</t></si><si><t>name</t></si><si><t>created_at</t></si>".encode())
            for number in numbers:
                file.write(f"<si><t>{_email(chance, number)}</t></si><si><t>Reader {number}</t></si>".encode())
            file.write(b"</sst>")
        with opened.open("xl/worksheets/sheet1.xml", "w") as file:
            header = "".join(f'<c r="{"ABC"[at]}1" t="s"><v>{at}</v></c>' for at in range(3))
            file.write(f'<worksheet {_MAIN}><sheetData><row r="1">{header}</row>'.encode())
            for at in range(rows):
                file.write((_WORKBOOK_ROW.format(row=at + 2, email=2 * at + 3, name=2 * at + 4)).encode())
            file.write(b"</sheetData></worksheet>")


_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_WORKBOOK = {
    "workbook.xml": f'<workbook {_MAIN} xmlns:r="r"><sheets><sheet name="Readers" r:id="r1"/></sheets></workbook>',
    "_rels/workbook.xml.rels": (
        '<Relationships><Relationship Id="r1" Type="r/worksheet" Target="worksheets/sheet1.xml"/>'
        '<Relationship Id="r2" Type="r/sharedStrings" Target="sharedStrings.xml"/>'
        '<Relationship Id="r3" Type="r/styles" Target="styles.xml"/></Relationships>'
    ),
    "styles.xml": f'<styleSheet {_MAIN}><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
}
_WORKBOOK_ROW = (
    '<row r="{row}" spans="1:3"><c r="A{row}" t="s"><v>{email}</v></c><c r="B{row}" t="s"><v>{name}</v></c>'
    '<c r="C{row}" s="1"><v>45293.416666666664</v></c></row>'
)


def _email(chance: random.Random, number: int) -> str:
    return f"{chance.choice(NAMES)}.{number}@mail{number % 5000}.example.org"


def _validator(path: Path) -> float:
    with files.open_file(path) as opened, opened.lists() as lists:
        rows = (row for sheet in lists for row in sheet.rows)
        addresses = [row.cells[0] for row in itertools.islice(rows, SAMPLE) if isinstance(row, CsvRow)]
    began = time.perf_counter()
    for address in addresses:
        validate_email(address, strict=True, check_deliverability=False, test_environment=True)
    return (time.perf_counter() - began) / len(addresses)


def _import(path: Path, url: str) -> Taken:
    engine = open_engine(url)
    migrations_runner.upgrade(engine)
    engine.dispose()
    # In a process of its own, whose memory is nobody else's.
    command = [sys.executable, "-m", "bench.importing", "--run", str(path), url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Taken(*map(float, done.stdout.split()))


def _run(path: Path, url: str) -> None:
    engine = open_engine(url)
    sessions, now = Sessions(engine), datetime.now(UTC)
    audience = AudienceServices(
        Links("https://letters.example.org", TokenSeal(b"bench")), _compose, SignupCaps(1, 1, 1), "none", b"bench"
    )
    home = Publication(slug="bench", name="Bench", sender_name="B", sender_address="b@example.org", created_at=now)
    with sessions.begin() as session:
        session.add(home)
    memory.collect_rarely()
    began = time.perf_counter()
    with files.open_file(path) as opened:
        run = ImportRun(sessions, audience, home, ImportSettings(ImportTerms(Status.ACTIVE, "the old list")), now)
        ends, reader = [], 0.0
        for _ in run.import_file(opened, list_rows.survey(opened)):
            ends.append(time.perf_counter())
            reader = max(reader, _reader_megabytes())
    longest = max(end - start for start, end in itertools.pairwise([began, *ends]))
    print(ends[-1] - began, longest, _peak_megabytes() + reader)
    engine.dispose()


def _compose(kind: str, publication: Publication, fields: Mapping[str, str], language: str | None = None) -> Composed:
    raise AssertionError(f"an active reader gets no {kind} letter: {publication}, {fields}, {language}")


def _peak_megabytes() -> float:
    # Linux counts ru_maxrss from before the exec; VmHWM is this program's own.
    if Path("/proc/self/status").exists():
        return _peak_of(os.getpid())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


def _reader_megabytes() -> float:
    """The peak of the process that reads the list, which only Linux tells."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return sum(map(_peak_of, map(int, children.read_text().split()))) if children.exists() else 0.0


def _peak_of(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return sum(map(int, re.findall(r"VmHWM:\s+(\d+) kB", status))) / 1024  # one that has just ended has none


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if sys.argv[1] == "--run":
        _run(Path(sys.argv[2]), sys.argv[3])
    else:
        main(int(sys.argv[1]), *sys.argv[2:])
