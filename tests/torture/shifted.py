"""`newsletter …` on a machine whose clock is wrong: `python shifted.py FILE …`.

FILE holds by how many seconds; it is read each time that somebody asks for the time, so a test can
make the clock of a running worker jump. Durations (time.monotonic) pass as always, as on a real machine.
"""

import datetime  # noqa: ICN001  (it is changed for everybody)
import runpy
import sys
from pathlib import Path
from typing import Any

_real = datetime.datetime
_file = Path(sys.argv.pop(1))


class _EveryDatetime(type):
    """Some moments are still made by C code, which knows the real class only."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _real)


class _Shifted(_real, metaclass=_EveryDatetime):
    __slots__ = ()  # as large as the real one, which C code looks at

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _real.now(tz) + datetime.timedelta(seconds=float(_file.read_text()))


datetime.datetime = _Shifted  # type: ignore[misc]  (before anything of ours is imported)
sys.argv[0] = "newsletter"
runpy.run_module("newsletter", run_name="__main__")
