"""The code is laid out as docs/architecture.md and docs/glossary.md say."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from newsletter import errors

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "architecture.md"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def layers() -> str:
    """The layers of each contract that has some, as the document shows them."""
    shown = []
    for contract in CONTRACTS:
        if contract["type"] == "layers":
            names = "\n".join(f"    {layer.replace('(', '').replace(')', '')}" for layer in contract["layers"])
            shown.append(f"**{contract['name']}** (`{contract['containers'][0]}`)\n\n{names}")
    return "\n\n".join(shown)


def test_the_layers_of_the_document_are_those_of_the_contracts() -> None:
    found = re.search(r"<!-- layers -->\n(.*)\n<!-- /layers -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    assert found[1].strip() == layers()


def test_each_place_that_the_document_names_is_there() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").replace("`web/api/`", "")
    for place in re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|\.py))`", text):
        here = [ROOT / place, ROOT / "newsletter" / place]
        assert any(path.exists() for path in here) or list((ROOT / "newsletter").rglob(place)), place


def tree_of_errors() -> Iterator[tuple[str, str]]:
    """Each error of the code base with the one that it is a kind of."""
    classes = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for path in (ROOT / "newsletter").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }

    def below(name: str) -> Iterator[tuple[str, str]]:
        for kind in (each for each, bases in classes.items() if name in bases):
            yield kind, name
            yield from below(kind)

    return below("PressError")


def test_the_tree_of_errors_shows_each_of_them_in_its_place() -> None:
    above, shown = {}, set()
    for marks, name in re.findall(r"^([│├└─ ]*)(_?[A-Z]\w+) {2,}", errors.__doc__ or "", re.MULTILINE):
        above[len(marks) // 4] = name
        if marks:
            shown.add((name, above[len(marks) // 4 - 1]))
    assert shown == set(tree_of_errors())
