"""A part that is missing: skipped with the reason on a person's machine, a failure where CI=true."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
    import pytest

    @pytest.mark.xfail(reason="not yet", strict=True)
    def test_that_is_expected_to_fail():
        assert False

    def test_that_needs_a_part(smtp_sink):
        assert smtp_sink
"""


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_missing_part_skips_with_the_reason_and_fails_in_ci(tmp_path: Path, ci: str, code: int) -> None:
    ran = run_without_postfix(tmp_path, TESTS, ci)
    assert ran.returncode == code, ran.stdout
    assert "postfix is missing on this machine and could not be installed" in ran.stdout
    assert ("nothing may be skipped" in ran.stdout) is (ci == "true")
    assert "1 xfailed" in ran.stdout


def test_a_file_that_skips_itself_fails_in_ci(tmp_path: Path) -> None:
    ran = run_without_postfix(tmp_path, "import pytest\npytest.importorskip('no_such_package')", "true")
    assert ran.returncode != 0
    assert "nothing may be skipped" in ran.stdout


def run_without_postfix(folder: Path, tests: str, ci: str) -> subprocess.CompletedProcess[str]:
    plugin = "from tests import real_parts\nreal_parts.FINDERS['postfix'] = lambda: None\n"
    (folder / "conftest.py").write_text(plugin)
    (folder / "test_it.py").write_text("\n".join(line.removeprefix("    ") for line in tests.splitlines()))
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-ra",
            "-p",
            "tests.real_parts",
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
