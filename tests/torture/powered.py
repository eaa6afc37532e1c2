"""A program whose database lies on a disk that may lose power: `python powered.py DATABASE SURVIVORS PROGRAM …`."""

import runpy
import sys
from pathlib import Path

from tests import disk

_, database, survivors, *program = sys.argv
sys.argv = program
with disk.over(disk.Powered(Path(database), Path(survivors))):
    runpy.run_path(program[0], run_name="__main__")
