"""The folders that accompany the package, in a checkout and in an installed wheel."""

from pathlib import Path

from newsletter.errors import NotFound

PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """The folder ``templates``, ``migrations`` …: from the wheel, else from the checkout."""
    for place in (PACKAGE / "_bundled" / name, PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise NotFound(f'the folder "{name}" is neither in the installed package nor beside it; reinstall')
