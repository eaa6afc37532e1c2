"""What leaves the workshop: the wheel, the source archive, the locks; and what set-up asks of the machine."""

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
VENDOR = "newsletter/web/assets/vendor"
BUNDLED = ("writing/writing.js", "writing/LICENSES.txt")
"""What `make assets` makes of several packages."""


def test_the_wheel_carries_templates_migrations_and_assets(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    for folder in ("templates", "migrations"):
        assert {f"newsletter/_bundled/{name}" for name in tracked(folder)} <= names
    assert {f"{VENDOR}/{name}" for name in [*vendored(), *BUNDLED]} <= names
    assert set(tracked("newsletter")) <= names


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in ZipFile(wheel).namelist()} == {
        "newsletter",
        "newsletter_press",
    }
    assert not [name for name in ZipFile(wheel).namelist() if "__pycache__" in name]


def test_an_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", "site", str(wheel), cwd=tmp_path)
    program = """
        from sqlalchemy import create_engine
        from newsletter import migrations_runner, schema
        from newsletter.system import bundled
        migrations_runner.upgrade(create_engine("sqlite:///new.db"))
        print(schema.schema_state(create_engine("sqlite:///new.db")))
        print(bundled.folder("templates"))
    """
    lines = "\n".join(line.strip() for line in program.strip().splitlines())
    standing, templates = run("-c", lines, cwd=tmp_path, PYTHONPATH="site").split()
    assert standing == "current"
    assert Path(templates).resolve() == (tmp_path / "site" / "newsletter" / "_bundled" / "templates").resolve()


def test_the_source_archive_builds_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)
    (source,) = tmp_path.iterdir()
    again = build("wheel", source, tmp_path)
    assert sorted(ZipFile(again).namelist()) == sorted(ZipFile(wheel).namelist())


def test_the_source_archive_carries_the_workshop_and_no_shavings(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "LICENSE", "requirements.lock", "package-lock.json", ".ci/run", "tests/conftest.py"} <= names
    assert not {name.split("/")[0] for name in names} & {".venv", "node_modules", "var", "dist", ".git"}


def test_every_vendored_package_keeps_its_licence() -> None:
    for package in {re.match(r"(@[^/]+/)?[^/]+", name)[0] for name in vendored()}:
        told_here = ROOT / "newsletter/web/assets" / f"LICENSE-{package.strip('@').split('/')[0]}.txt"
        assert {f"{package}/LICENSE", f"{package}/LICENSE.txt"} & set(vendored()) or package in told_here.read_text(
            encoding="utf-8"
        )


def test_every_bundled_package_keeps_its_licence() -> None:
    packages = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    told = (ROOT / VENDOR / "writing/LICENSES.txt").read_text(encoding="utf-8")
    sources = "".join(path.read_text() for path in (ROOT / "newsletter/web/assets/src").glob("*.js"))
    bundled = [package for package in packages if f'from "{package}"' in sources]
    assert bundled
    assert [package for package in bundled if f"{package}\n\n" not in told] == []


def test_vendored_files_fetch_nothing_from_elsewhere() -> None:
    for name in vendored():
        if name.endswith(".css"):
            style = (ROOT / VENDOR / name).read_text(encoding="utf-8")
            assert not re.findall(r"""@import|url\(["']?(?!["']?(?:data:|#))""", style)


def test_every_package_that_the_code_imports_is_declared() -> None:
    declared = {
        distribution(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    found = packages_distributions()
    for name in imported() - set(sys.stdlib_module_names) - {"newsletter"}:
        assert declared & {distribution(each) for each in found[name]}, name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_each_package_by_hash_and_names_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    for requirement in re.split(r"\n(?=\S)", text.partition("make lock\n")[2].strip()):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", requirement)
        assert "--hash=sha256:" in requirement
    assert not re.search(r"://|--(index|extra-index|find-links)", text)


def test_the_development_lock_holds_all_of_the_other() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_npm_lock_pins_each_package_by_hash_and_names_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert packages.pop("")["dependencies"] == wanted["dependencies"]
    for package in packages.values():
        assert "integrity" in package
        assert "resolved" not in package


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    asked = machine("python", path=stub(tmp_path, "python3", "exit 1"))
    assert asked.returncode == 1
    assert "needs Python 3.11 or newer" in asked.stderr
    chosen = machine("python", path=tmp_path, PYTHON="python3")
    assert chosen.stderr == "PYTHON=python3 is not a Python 3.11 or newer.\n"


def test_the_newest_python_is_taken(tmp_path: Path) -> None:
    for name in ("python3.12", "python3.11", "python3"):
        stub(tmp_path, name, "exit 0")
    stub(tmp_path, "python3.13", "exit 127")
    assert machine("python", path=tmp_path).stdout == "python3.12\n"


def test_a_python_without_venv_and_without_apt_says_the_line_to_type(tmp_path: Path) -> None:
    answers = 'case "$2" in *ensurepip*) exit 1 ;; *print*) echo 3.11 ;; esac'
    asked = machine("python", path=stub(tmp_path, "python3", answers))
    assert asked.returncode == 1
    assert asked.stderr.endswith("    sudo apt-get install python3.11-venv\n")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def build(target: str, source: Path, to: Path) -> Path:
    run("-m", "hatchling", "build", "--target", target, "--directory", str(to), cwd=source)
    (built,) = [path for path in to.iterdir() if path.name.endswith((".whl", ".tar.gz"))]
    return built


def run(*command: str, cwd: Path, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def machine(what: str, *, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / ".ci/machine"), what],
        env={"PATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def stub(folder: Path, name: str, script: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder


def tracked(folder: str) -> list[str]:
    """The folder's files, as they lie in a checkout."""
    return [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def vendored() -> list[str]:
    """The files that the Makefile copies from npm packages."""
    (listed,) = re.findall(r"^VENDORED := ((?:\\\n\t\S+ ?)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return re.findall(r"[^\s\\]+", listed)


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[\w.\[\],-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE))


def imported() -> set[str]:
    """The top-level packages that the code names in an import."""
    names: set[str] = set()
    for path in (ROOT / "newsletter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return {name.partition(".")[0] for name in names}


def distribution(requirement: str) -> str:
    """The distribution's name in the one spelling that all have (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()
