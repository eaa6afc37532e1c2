"""`make bench`: every benchmark as one table."""

import logging

import structlog
from rich.console import Console
from rich.table import Table

from bench import rendering, sending, starting

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def main() -> None:
    """Measure everything, and print each row as soon as all are there."""
    table = Table("what", "ours", "reference, same run", "ratio", "reach", box=None, header_style="bold")
    for measure in (rendering.measure, starting.measure, sending.measure):
        row = measure()
        table.add_row(row.what, row.ours, row.reference, f"{row.ratio:.2f}" if row.ratio else "–", row.reach)
    Console(width=140).print(table)


main()
