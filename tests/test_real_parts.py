"""A part that is missing: skipped with the reason on a person's machine, a failure where CI=true."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = """
    import pytest

    @pytest.mark.xfail(reason="not yet", strict=True)
    def test_that_is_expected_to_fail():
        assert False

    def test_that_needs_a_part(smtp_sink):
        assert smtp_sink
"""


SKIPS_ITSELF = "import pytest\npytest.importorskip('no_such_package')"


def test_a_missing_part_skips_with_the_reason(tmp_path: Path) -> None:
    ran = run_without_postfix(tmp_path, ci="")
    assert ran.returncode == 0, ran.stdout
    assert "postfix is missing on this machine and could not be installed" in ran.stdout
    assert "nothing may be skipped" not in ran.stdout
    assert "2 skipped, 1 xfailed" in ran.stdout


def test_in_ci_a_test_that_lacks_a_part_and_a_file_that_skips_itself_fail(tmp_path: Path) -> None:
    ran = run_without_postfix(tmp_path, ci="true")
    assert ran.returncode != 0
    assert "postfix is missing on this machine and could not be installed" in ran.stdout
    assert ran.stdout.count("nothing may be skipped") >= 2
    assert "1 xfailed, 2 errors" in ran.stdout


def run_without_postfix(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    plugin = "from tests import real_parts\nreal_parts.FINDERS['postfix'] = lambda: None\n"
    (folder / "conftest.py").write_text(plugin)
    (folder / "test_it.py").write_text(textwrap.dedent(TESTS))
    (folder / "test_that_skips_itself.py").write_text(SKIPS_ITSELF)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-ra",
            "-p",
            "tests.real_parts",
            "--continue-on-collection-errors",
            "-c",
            os.devnull,
            "--rootdir",
            folder,
            folder,
        ],
        cwd=ROOT,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
