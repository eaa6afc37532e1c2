"""The code is laid out as docs/architecture.md and docs/glossary.md say."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter import errors

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "architecture.md"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


# Verbs and nouns that mean the same wherever they stand.
OBVIOUS = {
    *("add", "claim", "confirm", "find", "init_app", "is_due", "load", "lock", "page"),
    *("parse", "pause", "prune", "record", "remove", "resume", "save"),
}


def layers() -> str:
    """Each contract as the document shows it: the layers of those that have some, then what the others forbid."""
    shown, forbidden = [], []
    for contract in CONTRACTS:
        if contract["type"] == "layers":
            names = "\n".join(f"    {layer.replace('(', '').replace(')', '')}" for layer in contract["layers"])
            shown.append(f"**{contract['name']}** (`{contract['containers'][0]}`)\n\n{names}")
        elif contract["type"] == "forbidden":
            places, barred = (listed(contract[key]) for key in ("source_modules", "forbidden_modules"))
            forbidden.append(f"- {contract['name']}: no {barred} in {places}{doors(contract)}.")
        else:
            forbidden.append(f"- {contract['name']}: from {listed(contract['ancestors'])} down.")
    return "\n\n".join([*shown, "\n".join(forbidden)])


def listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def doors(contract: dict[str, Any]) -> str:
    exempt = [line.partition(" -> ")[0] for line in contract.get("ignore_imports", ())]
    return f", except in {listed([name for name in exempt if not name.endswith('.**')])}" if exempt else ""


def test_the_layers_of_the_document_are_those_of_the_contracts() -> None:
    found = re.search(r"<!-- layers -->\n(.*)\n<!-- /layers -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    assert found[1].strip() == layers()


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_each_place_that_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8").replace("`web/api/`", "")
    for place in re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|\.py|\.md))`", text):
        here = [ROOT / place, ROOT / "newsletter" / place]
        assert any(path.exists() for path in here) or list((ROOT / "newsletter").rglob(place)), place


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Each file of the code, parsed."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "newsletter").rglob("*.py")}


def tree_of_errors(trees: dict[Path, ast.Module]) -> Iterator[tuple[str, str]]:
    """Each error of the code base with the one that it is a kind of."""
    classes = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    def below(name: str) -> Iterator[tuple[str, str]]:
        for kind in (each for each, bases in classes.items() if name in bases):
            yield kind, name
            yield from below(kind)

    return below("PressError")


def test_the_tree_of_errors_shows_each_of_them_in_its_place(trees: dict[Path, ast.Module]) -> None:
    above, shown = {}, set()
    for marks, name in re.findall(r"^([│├└─ ]*)(_?[A-Z]\w+) {2,}", errors.__doc__ or "", re.MULTILINE):
        above[len(marks) // 4] = name
        if marks:
            shown.add((name, above[len(marks) // 4 - 1]))
    assert shown == set(tree_of_errors(trees))


def test_each_term_of_the_glossary_stands_there_once_and_in_order() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    terms = [term for term, _ in rows if term != "term"]
    assert terms == sorted(set(terms), key=str.lower)


def public_names(trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """Each public function and class of the code, and the modules that define it; views and commands are named
    by what they answer to."""
    found: dict[str, set[str]] = {}
    for path, tree in trees.items():
        module = path.relative_to(ROOT / "newsletter").with_suffix("").as_posix()
        if module.startswith(("web/desk/", "web/public/", "cli/")) or "vendor" in path.parts:
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                found.setdefault(node.name, set()).add(module)
    return found


def test_no_public_name_has_a_third_meaning(trees: dict[Path, ast.Module]) -> None:
    often = {name: modules for name, modules in public_names(trees).items() if len(modules) > 2}
    assert {name: sorted(modules) for name, modules in often.items() if name not in OBVIOUS} == {}
    assert set(often) == OBVIOUS, "what is no longer defined so often leaves the list"


# Metaphors of earlier versions; the field's standard terms took their place.
OLD_WORDS = re.compile(
    r"\b(berths?|crew|galley|leash|post ?room|press ?run|scout|scribe|the house|tempo|tray|lanes?)\b", re.IGNORECASE
)
SETTINGS = {"mail_lanes", "mail_lane_domains"}


def prose_and_names(source: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The comments, docstrings and names in a file, without the names of settings."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.COMMENT, tokenize.NAME} and token.string not in SETTINGS:
            yield token.start[0], token.string.replace("_", " ")
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def test_no_docstring_comment_or_name_uses_a_metaphor_of_earlier_versions(trees: dict[Path, ast.Module]) -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in trees}
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path, tree in trees.items()
        if OLD_WORDS.search(sources[path].replace("_", " "))  # few files have one in whatever place
        for line, text in prose_and_names(sources[path], tree)
        if OLD_WORDS.search(text)
    ]
    assert found == []


# Words that say of a value only what happened to it, not what it is.
VAGUE_NAMES = {
    "given",
    "goes",
    "gone",
    "here",
    "kept",
    "of",
    "said",
    "shown",
    "stands",
    "there",
    "told",
    "went",
    "whoever",
}


def names_given(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The name of each variable, argument and function that a file defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name


def test_a_name_says_what_its_value_is(trees: dict[Path, ast.Module]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path, tree in trees.items()
        for line, name in names_given(tree)
        if name.strip("_") in VAGUE_NAMES
    ]
    assert found == []


def _is_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "now" and ast.unparse(node.value) == "datetime"


def test_the_clock_is_read_in_one_place(trees: dict[Path, ast.Module]) -> None:
    reads = {path for path, tree in trees.items() for node in ast.walk(tree) if _is_clock(node)}
    assert reads == {ROOT / "newsletter" / "clock.py"}
