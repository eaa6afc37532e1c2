"""`newsletter subscribers held`: readers whom a provider calls unknown, and what a person decides about them."""

import click

from newsletter.cli.common import as_json, print_listing, with_services
from newsletter.clock import now
from newsletter.delivery.bounces import holds
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import tend_bounces

_COLUMNS = ("provider", "since", "unknown", "copies", "readers")


@click.command()
@click.argument("provider", required=False)
@click.option("--suppress", "fate", flag_value="suppress", help="They are gone: suppress them.")
@click.option("--keep", "fate", flag_value="keep", help="The provider was wrong: they get the next issue.")
@as_json
@with_services
def held(services: Services, provider: str | None, fate: str | None, as_json: bool) -> None:
    """List the providers that call so many readers unknown that a person has to decide; with PROVIDER, decide."""
    if provider and fate:
        suppress = fate == "suppress"
        count = tend_bounces.settle(services.sessions, services.bounces, provider, now, suppress=suppress)
        click.echo(f"{formats.counted(count, 'reader')} {'suppressed' if suppress else 'kept'}")
        return
    if provider or fate:
        raise click.UsageError("to decide, name the provider and say --suppress or --keep")
    with services.sessions.reading() as session:
        found = [
            {
                "provider": hold.provider_group,
                "since": hold.opened_at.isoformat(timespec="seconds"),
                "unknown": hold.unknown,
                "copies": hold.copies,
                "readers": readers,
            }
            for hold, readers in holds.open_holds(session)
        ]
    print_listing(found, _COLUMNS, "no reader is held", as_json=as_json)
