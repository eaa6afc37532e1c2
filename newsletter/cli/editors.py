"""`newsletter editors`: the people who may sign in at the desk."""

import sys

import click

from newsletter import editors as people
from newsletter.audience.address import Address
from newsletter.cli.common import in_house, now
from newsletter.editors import Editor, Role
from newsletter.wiring import House


@click.group()
def editors() -> None:
    """The people who may sign in at the desk."""


@editors.command()
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.EDITOR.value, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@in_house
def add(house: House, email: str, role: str, password_stdin: bool) -> None:
    """Let a person sign in at /desk/: with a password, or by the one-time link that this prints."""
    with house.sessions.begin() as session:
        editor = people.add(session, Address.parse(email).email, Role(role), now())
        if password_stdin:
            people.set_password(editor, sys.stdin.readline().rstrip("\r\n"))
    click.echo(f"{editor.email} may sign in as {editor.role.value} at {house.links.desk()}")
    if not password_stdin:
        _print_link(house, editor)


@editors.command()
@click.argument("email")
@in_house
def link(house: House, email: str) -> None:
    """A new one-time sign-in link, for somebody of the team who lost their password."""
    with house.sessions.reading() as session:
        editor = people.find(session, email)
    _print_link(house, editor)


def _print_link(house: House, editor: Editor) -> None:
    click.echo(f"once, within a day, without a password: {house.links.sign_in(editor.id, editor.nonce, now())}")
