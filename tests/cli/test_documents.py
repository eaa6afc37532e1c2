"""docs/commands.md is true: it tells of every command with every option, and of no other. Links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from newsletter.cli import newsletter

from .conftest import ROOT

ROW = re.compile(r"^\| `(newsletter [a-z -]+[a-z])(?: [^`]*)?` \|(.*?)\| .+ \|$", re.MULTILINE)
DOCUMENT = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8").replace("\\|", "/")
REPORTED = {command: set(re.findall(r"--[a-z0-9-]+", options)) for command, options in ROW.findall(DOCUMENT)}


def commands(command: click.Command, name: str) -> Iterator[tuple[str, set[str]]]:
    """Every command below this one, with its options."""
    if not isinstance(command, click.Group):
        yield name, {option for each in command.params for option in each.opts if option.startswith("--")}
        return
    context = click.Context(command)
    for each in command.list_commands(context):
        below = command.get_command(context, each)
        assert below
        yield from commands(below, f"{name} {each}")


THERE = dict(commands(newsletter, "newsletter"))


def test_every_command_is_told_and_no_other() -> None:
    assert sorted(REPORTED) == sorted(THERE)


@pytest.mark.parametrize("command", THERE)
def test_every_option_of_a_command_is_told_and_no_other(command: str) -> None:
    assert REPORTED.get(command) == THERE[command]


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_from_a_page_to_another_leads_to_a_heading_that_is_there(page: Path) -> None:
    # What stands between backticks only shows how a link is written.
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        aim = page.parent / name if name else page
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim), target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
