"""Reads a large file in a process of its own, so that its rows are read on one core and written on another.

The process is given the open file and how to read its columns; it knows no setting, no secret and no database. It
reads one stretch ahead of whoever writes, and ends with its parent, for whatever reason that ends.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from typing import IO, NamedTuple, cast

from newsletter.audience.importing.column_fields import ColumnChoices
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.importing.reading.merged_cells import MergedRanges
from newsletter.audience.importing.reading.stretches import Stretch, read_stretches
from newsletter.errors import Invalid, Unavailable
from newsletter.system import lifeline, memory

SMALL = 1 << 20
"""Bytes up to which a file is read here: a process takes as long to start as some thousand rows."""


class _Order(NamedTuple):
    """What the process is told: the file, which it inherits, and how to read it."""

    descriptor: int
    name: str
    encoding: str
    encodings: dict[int, str]
    merged: dict[str, MergedRanges]
    choices: ColumnChoices
    source: str


def read_ahead(file: ListFile, choices: ColumnChoices, source: str) -> Generator[Stretch]:
    """Every row of a file, list by list; Unavailable if the process that reads them is ended from outside."""
    if file.size <= SMALL:
        yield from read_stretches(file, choices, source)
        return
    order = _Order(file.descriptor, file.name, file.encoding, file.encodings, file.merged, choices, source)
    with _started(file.descriptor) as process:
        try:
            yield from _received(process, order)
        finally:
            process.kill()


def _started(descriptor: int) -> subprocess.Popen[bytes]:
    # Nothing else of the environment, which may hold secrets; a moment without an offset is one of our time zone.
    environment = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "PYTHONSAFEPATH": "1"}
    if zone := os.environ.get("TZ"):
        environment["TZ"] = zone
    return lifeline.start_module(
        __name__,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        environment=environment,
        inherited=[descriptor],
        # A service is stopped by a signal to all its processes, and the importer stops where it can go on.
        blocked=lifeline.STOP_SIGNALS,
    )


def _received(process: subprocess.Popen[bytes], order: _Order) -> Generator[Stretch]:
    orders, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        pickle.dump(order, orders)
        orders.flush()
        yield from iter(partial(_answer, answers), None)
    except (BrokenPipeError, EOFError, pickle.UnpicklingError):
        # Its lifeline, so that it ends if it still lives. What was not sent would be sent again, and hide the reason.
        with suppress(BrokenPipeError):
            orders.close()
        raise Unavailable(
            f"{order.name}: the process that reads it ended with code {process.wait()}, perhaps because memory ran "
            "short; import the file again: it goes on where it was, and nothing is imported twice"
        ) from None


def _answer(answers: IO[bytes]) -> Stretch | None:
    answer: Stretch | str | None = pickle.load(answers)  # noqa: S301  (from our own code)
    if isinstance(answer, str):
        raise Invalid(answer)
    return answer


def main(orders: IO[bytes], answers: IO[bytes]) -> None:
    """The process: hands over each stretch of the file that it is told of, and at the end None or what is wrong."""
    order: _Order = pickle.load(orders)  # noqa: S301  (from our own code)
    lifeline.end_with_holder()
    memory.collect_rarely()
    with os.fdopen(order.descriptor, "rb") as opened:
        file = ListFile(order.name, "", order.encoding, opened, order.encodings, order.merged)
        try:
            for stretch in read_stretches(file, order.choices, order.source):
                _hand_over(answers, stretch)
                del stretch  # so that it takes no memory while the next is read
            _hand_over(answers, None)
        except Invalid as error:
            _hand_over(answers, str(error))
        except BrokenPipeError:
            os._exit(1)  # the parent is gone


def _hand_over(answers: IO[bytes], answer: Stretch | str | None) -> None:
    pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
