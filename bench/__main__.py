"""`make bench`: every benchmark as one table; `make bench ARGS="sending"` for those whose name has this in it."""

import logging
import sys
from collections.abc import Callable, Sequence

import structlog
from rich.console import Console
from rich.table import Table

from bench import (
    checking,
    choosing,
    fanning_out,
    importing,
    pages,
    reading_bounces,
    rendering,
    sending,
    serving,
    signing_up,
    starting,
    writing,
)
from bench.rows import Row
from bench.sinks import Missing

MEASURES: Sequence[Callable[[], Row]] = (
    rendering.measure,
    checking.measure,
    reading_bounces.measure,
    starting.measure,
    sending.on_sqlite,
    sending.on_postgresql,
    sending.by_the_worker_on_sqlite,
    sending.by_the_worker_on_postgresql,
    sending.on_slow_disks,
    sending.on_slow_disks_by_more,
    sending.from_afar,
    sending.from_afar_on_many,
    sending.by_two,
    sending.signed,
    sending.as_the_list_grows,
    fanning_out.on_sqlite,
    fanning_out.on_postgresql,
    importing.measure,
    importing.of_mailchimp,
    importing.of_workbook,
    signing_up.measure,
    serving.measure,
    serving.of_home,
    choosing.on_sqlite,
    pages.on_sqlite,
    pages.on_postgresql,
    writing.of_opening,
    writing.of_keys,
)

_COLUMNS = {"what": 54, "ours": 31, "reference, same run": 39, "ratio": 6, "reach": 20}
"""With their widths, which cannot wait for the last row."""


def main(words: Sequence[str]) -> None:
    """Measure what is asked for, and print each row as soon as it is there."""
    console = Console(width=160)
    chosen = [each for each in MEASURES if not words or any(word in _name(each) for word in words)]
    console.print(_table(show_header=True))
    for measure in chosen:
        print(f"measuring {_name(measure)} …", file=sys.stderr)
        row, table = _row(measure), _table(show_header=False)
        table.add_row(row.what, row.ours, row.reference, f"{row.ratio:.2f}" if row.ratio else "–", row.reach)
        console.print(table)


def _row(measure: Callable[[], Row]) -> Row:
    try:
        return measure()
    except Missing as missing:
        return Row(_name(measure), f"not measured: {missing}", "–", None, "–")


def _table(*, show_header: bool) -> Table:
    table = Table(box=None, header_style="bold", show_header=show_header)
    for name, width in _COLUMNS.items():
        table.add_column(name, width=width)
    return table


def _name(measure: Callable[[], Row]) -> str:
    return f"{measure.__module__.removeprefix('bench.')}.{measure.__name__}"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    main(sys.argv[1:])
