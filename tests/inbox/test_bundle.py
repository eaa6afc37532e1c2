"""Where the folders beside the package are found."""

from pathlib import Path

import pytest

from newsletter.errors import NotFound
from newsletter.system import bundled


def test_a_checkout_has_its_folders_at_the_top() -> None:
    assert (bundled.folder("templates") / "inbox" / "layout.html").is_file()


def test_a_wheel_has_them_within_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "newsletter" / "_bundled" / "templates").mkdir(parents=True)
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / "newsletter")
    assert bundled.folder("templates") == tmp_path / "newsletter" / "_bundled" / "templates"


def test_a_folder_that_is_nowhere_is_named() -> None:
    with pytest.raises(NotFound, match='"no-such" is neither in the installed package nor beside it'):
        bundled.folder("no-such")
