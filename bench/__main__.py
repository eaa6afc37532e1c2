"""`make bench`: every benchmark as one table; `make bench ARGS="sending"` for those whose name has this in it."""

import logging
import sys
from collections.abc import Callable, Sequence

import structlog
from rich.console import Console
from rich.table import Table

from bench import checking, fanning_out, importing, rendering, sending, starting
from bench.rows import Row

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

MEASURES: Sequence[Callable[[], Row]] = (
    rendering.measure,
    checking.measure,
    starting.measure,
    sending.on_sqlite,
    sending.on_postgresql,
    sending.from_afar,
    sending.from_afar_on_many,
    sending.by_two,
    sending.signed,
    sending.as_the_list_grows,
    fanning_out.on_sqlite,
    fanning_out.on_postgresql,
    importing.measure,
)


def main(words: Sequence[str]) -> None:
    """Measure what is asked for, and print all rows at the end."""
    table = Table("what", "ours", "reference, same run", "ratio", "reach", box=None, header_style="bold")
    chosen = [each for each in MEASURES if not words or any(word in _name(each) for word in words)]
    for measure in chosen:
        print(f"measuring {_name(measure)} …", file=sys.stderr)
        row = measure()
        table.add_row(row.what, row.ours, row.reference, f"{row.ratio:.2f}" if row.ratio else "–", row.reach)
    Console(width=160).print(table)


def _name(measure: Callable[[], Row]) -> str:
    return f"{measure.__module__.removeprefix('bench.')}.{measure.__name__}"


main(sys.argv[1:])
