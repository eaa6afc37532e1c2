"""`newsletter db`: migrate, or say whether the schema is the code's."""

import click

from newsletter import migrations_runner, schema
from newsletter.cli.common import as_json, opened_services, print_json
from newsletter.errors import Conflict


@click.group()
def db() -> None:
    """Migrate the database, or check it."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version. Running it twice changes nothing."""
    with opened_services(check_schema=False) as services:
        before = schema.schema_state(services.sessions.reading_engine)
        migrations_runner.upgrade(services.sessions.engine)
    click.echo("the database is current" if before is schema.SchemaState.CURRENT else "the database was upgraded")


@db.command()
@as_json
def check(as_json: bool) -> None:
    """Say whether the schema matches the code. Exits with 1 if it does not."""
    with opened_services(check_schema=False) as services:
        engine = services.sessions.reading_engine
        if as_json:
            print_json({"schema": schema.schema_state(engine).value})
        try:
            schema.require_current(engine)
        except Conflict:
            if as_json:
                raise click.exceptions.Exit(1) from None
            raise
    if not as_json:
        click.echo("the database is current")
