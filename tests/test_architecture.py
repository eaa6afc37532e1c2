"""The code is laid out as docs/architecture.md and docs/glossary.md say."""

import re
import tomllib
from pathlib import Path

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
