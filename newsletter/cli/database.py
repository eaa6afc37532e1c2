"""`newsletter db`: migrate, or say whether the schema is the code's."""

import click

from newsletter import migrating, schema
from newsletter.cli.common import as_json, print_json, the_house
from newsletter.errors import Conflict


@click.group()
def db() -> None:
    """Migrate the database, or check it."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version. Running it twice changes nothing."""
    with the_house(check_schema=False) as house:
        before = schema.standing(house.sessions.engine)
        migrating.upgrade(house.sessions.engine)
    click.echo("the database is current" if before is schema.Standing.CURRENT else "the database was upgraded")


@db.command()
@as_json
def check(as_json: bool) -> None:
    """Say whether the schema matches the code. Exits with 1 if it does not."""
    with the_house(check_schema=False) as house:
        if as_json:
            print_json({"schema": schema.standing(house.sessions.engine).value})
        try:
            schema.require_current(house.sessions.engine)
        except Conflict:
            if as_json:
                raise click.exceptions.Exit(1) from None
            raise
    if not as_json:
        click.echo("the database is current")
