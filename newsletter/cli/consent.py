"""`newsletter consent`: verify that the record of consent was not changed."""

import click

from newsletter.audience import consent_chain
from newsletter.audience.consent_chain import Verification
from newsletter.cli.common import as_json, print_json, with_services
from newsletter.wiring import Services


@click.group()
def consent() -> None:
    """Verify that the record of consent was not changed."""


@consent.command()
@click.option(
    "--head", default="", metavar="HEX", help="Also look for this head of the chain, as the log once told it."
)
@as_json
@with_services
def verify(services: Services, head: str, as_json: bool) -> None:
    """Check each entry of the record against the hash chain; exit 1 if one was changed, deleted or put in.

    Newer entries may not be in the chain yet: the worker adds them within a minute.
    """
    with services.sessions.reading() as session:
        found = consent_chain.verify(session, head)
    if as_json:
        print_json(found.as_json())
    else:
        click.echo(_described(found))
    if found.broken:
        raise click.exceptions.Exit(1)


def _described(found: Verification) -> str:
    waiting = f"; {found.unchained:,} not in the chain yet" if found.unchained else ""
    if found.broken:
        return (
            f"Broken at entry {found.broken.event_id} (link {found.broken.position:,}): {found.broken.reason}.\n"
            f"The {found.chained:,} before it are as they were{waiting}."
        )
    erased = f", {found.erased:,} of them erased" if found.erased else ""
    return f"{found.chained:,} entries are as they were{erased}{waiting}.\nHead: {found.head}"
