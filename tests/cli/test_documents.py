"""docs/commands.md is true: it tells of every command with every option, and of no other."""

import re
from collections.abc import Iterator

import click
import pytest

from newsletter.cli import newsletter

from .conftest import ROOT

ROW = re.compile(r"^\| `(newsletter [a-z -]+[a-z])(?: [^`]*)?` \|(.*?)\| .+ \|$", re.MULTILINE)
DOCUMENT = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8").replace("\\|", "/")
TOLD = {command: set(re.findall(r"--[a-z0-9-]+", options)) for command, options in ROW.findall(DOCUMENT)}


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
    assert sorted(TOLD) == sorted(THERE)


@pytest.mark.parametrize("command", THERE)
def test_every_option_of_a_command_is_told_and_no_other(command: str) -> None:
    assert TOLD.get(command) == THERE[command]
