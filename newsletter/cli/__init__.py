"""The `newsletter` command: exit 0 done, 1 refused with the reason, 2 wrong usage.

Each command's module is imported only when it is called, so `--help` comes at once.
"""

import gc
import importlib
import os
import sys

import click

from newsletter import characters
from newsletter.cli import streams
from newsletter.cli.failures import sentence_of

# command → (module of this package, its line in --help)
_COMMANDS = {
    "up": ("processes", "Run web, worker and local inbox together, for a laptop."),
    "serve": ("processes", "Run the web server; any number may run."),
    "worker": ("processes", "Run the scheduler and sender; any number may run."),
    "inbox": ("processes", "Run the local inbox alone."),
    "db": ("db", "Migrate the database, or check it."),
    "editors": ("editors", "Manage the people who may sign in at the desk."),
    "issues": ("issues.issues", "Load, show, check, schedule and send issues."),
    "ledger": ("ledger", "Show how large the ledger is; delete the copies of old issues."),
    "bounce": ("bounce", "Read a bounce, complaint or other incoming mail."),
    "doctor": ("doctor", "Say what is wrong with DNS, mail and this machine, and how to mend it."),
    "dkim": ("dkim", "Manage the keys that sign mail."),
    "backup": ("backup", "Back up everything into one file, while everything keeps running."),
    "restore": ("backup", "Restore a backup into an empty database, with sending off."),
    "arm": ("arm", "Let a restored or copied database send."),
    "subscribers": ("subscribers", "Import, export, show and erase readers."),
    "segments": ("segments", "List segments, count them and print their readers."),
    "consent": ("consent", "Verify that the record of consent was not changed."),
}


class _LazyGroup(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        # First, because it imports structlog without what we do not need.
        importlib.import_module("newsletter.logs")
        module = importlib.import_module(f"newsletter.cli.{_COMMANDS[name][0]}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsletter-press", prog_name="newsletter")
def newsletter() -> None:
    """A small press for email newsletters."""


def main() -> None:
    """Run the command; a refusal is printed on standard error as a line, or a line for each problem."""
    # Files that we create hold readers' addresses and keys: no other user of this machine may read them.
    os.umask(0o077)
    streams.prepare()
    # What a command imports stays: to look through it for garbage every 700 objects is a fifth of its start.
    gc.set_threshold(10_000)
    if any(not _is_text(argument) for argument in sys.argv):
        click.echo("the arguments must be UTF-8 text", err=True)
        sys.exit(2)
    try:
        try:
            newsletter()
        finally:
            streams.write_rest()
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; that is no error.
        sys.exit(1)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        # It may quote an argument, whose control characters are not for the terminal.
        click.echo(characters.as_lines(sentence), err=True)
        sys.exit(1)


def _is_text(argument: str) -> bool:
    # Bytes that are no UTF-8 become lone surrogates, which can be neither printed nor stored.
    return argument.isprintable() or not any("\ud800" <= character <= "\udfff" for character in argument)
