"""What a library that we import imports in turn."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """In the block, whoever imports this module is told that it is not installed, unless it is loaded already."""
    if name in sys.modules:
        yield
        return
    # As Python itself marks what cannot be imported.
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
