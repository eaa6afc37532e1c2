"""Starting the command line, beside an interpreter that does nothing."""

import subprocess
import sys

from bench.rows import Row, median_seconds


def measure() -> Row:
    """Seconds more than `python -c pass`."""
    ours = median_seconds(lambda: _run("-m", "newsletter", "--help"), 7)
    bare = median_seconds(lambda: _run("-c", "pass"), 7)
    return Row("newsletter --help", f"{ours - bare:.2f} s more", f"python -c pass: {bare:.2f} s", None, "≤ 0.4 s more")


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
