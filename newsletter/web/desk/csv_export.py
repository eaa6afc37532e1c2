"""CSV downloads of any length, with formulas escaped for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from flask import Response, request

from newsletter.errors import Unavailable
from newsletter.formulas import escape_formula
from newsletter.web.desk import streams

_BUSY = "Several downloads are already being prepared. Try again in a minute."
# Line by line, each would be a write of its own to the network.
_LINES_AT_ONCE = 64


def answer(name: str, rows: Iterable[Iterable[object]]) -> Response:
    """A CSV file of these rows, streamed while it is made; raises Unavailable while too many others are."""
    return stream_file(name, _chunked(map(_line, rows)))


def stream_file(name: str, pieces: Iterator[str]) -> Response:
    """A CSV file in these pieces, streamed while it is made; raises Unavailable while too many others are."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return Response(mimetype="text/csv", headers=headers)
    made = streams.stream("text/csv", pieces, **headers)
    if made is None:
        raise Unavailable(_BUSY)
    return made


def _chunked(lines: Iterable[str]) -> Iterator[str]:
    some: list[str] = []
    for line in lines:
        some.append(line)
        if len(some) == _LINES_AT_ONCE:
            yield "".join(some)
            some.clear()
    yield "".join(some)


def _line(cells: Iterable[object]) -> str:
    # RFC 4180.
    line = io.StringIO()
    csv.writer(line).writerow(map(_cell, cells))
    return line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) else value
