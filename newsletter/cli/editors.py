"""`newsletter editors`: the people who may sign in at the desk."""

import sys

import click

from newsletter import editors as people
from newsletter import publications
from newsletter.audience.address import Address
from newsletter.cli.common import as_json, print_json, print_table, with_services
from newsletter.clock import now
from newsletter.editors import Editor, Role, accounts, emails, names, second_factor
from newsletter.editors.emails import EmailContext
from newsletter.wiring import Services

_WAS_RESET = (
    "Your two-factor authentication was reset on the server, and you are signed out everywhere. "
    "Your password alone signs you in until you set it up again."
)

_person_argument = click.argument("person", metavar="EMAIL")


@click.group()
def editors() -> None:
    """Manage the people who may sign in at the desk."""


@editors.command()
@_person_argument
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.EDITOR.value, show_default=True)
@click.option("--name", default="", help="The name that the team sees.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@with_services
def add(services: Services, person: str, role: str, name: str, password_stdin: bool) -> None:
    """Let a person sign in at the desk. With a password, or by the one-time link that this prints."""
    with services.sessions.begin() as session:
        editor = people.add(session, Address.parse(person).email, Role(role), now())
        editor.name = names.parse_name(name)
        if password_stdin:
            people.set_password(editor, sys.stdin.readline().rstrip("\r\n"))
    click.echo(f"{editor.email} may sign in as {editor.role.value} at {services.links.desk()}")
    if not password_stdin:
        _print_link(services, editor)


@editors.command("list")
@as_json
@with_services
def list_(services: Services, as_json: bool) -> None:
    """List everybody who may sign in. With their role, and whether they use two-factor authentication."""
    with services.sessions.reading() as session:
        everybody = [_document(editor) for editor in session.scalars(accounts.team())]
    if as_json:
        print_json(everybody)
    else:
        rows = (
            [cell if isinstance(cell, str) else ("yes" if cell else "no") for cell in one.values()] for one in everybody
        )
        print_table(("email", "name", "role", "password", "second factor"), rows, "nobody may sign in yet")


@editors.command()
@_person_argument
@with_services
def link(services: Services, person: str) -> None:
    """Print a new one-time sign-in link. For somebody who has lost their password; their sessions end."""
    with services.sessions.begin() as session:
        editor = people.find(session, person)
        accounts.end_sessions(editor)
    _print_link(services, editor)


@editors.command()
@_person_argument
@with_services
def remove(services: Services, person: str) -> None:
    """Remove a person from the team; their sessions end at once. The last owner stays."""
    with services.sessions.begin() as session:
        editor = people.find(session, person)
        accounts.remove(session, editor)
    click.echo(f"{editor.email} may no longer sign in")


@editors.command("reset-factor")
@_person_argument
@with_services
def reset_factor(services: Services, person: str) -> None:
    """Reset two-factor authentication. Their sessions end, and the password alone lets them in again."""
    with services.sessions.begin() as session:
        editor = people.find(session, person)
        second_factor.disable(session, editor)
        if publication := publications.first(session):
            by = EmailContext(publication, services.audience.compose, services.links)
            emails.notify_change(session, by, editor, _WAS_RESET, now())
        accounts.end_sessions(editor)
    click.echo(f"{editor.email} signs in by password alone, until they set up two-factor authentication again")


def _document(editor: Editor) -> dict[str, str | bool]:
    return {
        "email": editor.email,
        "name": editor.name,
        "role": editor.role.value,
        "password": editor.password_hash is not None,
        "second_factor": editor.factor is not None,
    }


def _print_link(services: Services, editor: Editor) -> None:
    click.echo(f"once, within a day, without a password: {services.links.sign_in(editor.id, editor.nonce, now())}")
