"""`newsletter dkim`: the keys that sign mail, and their DNS records."""

import click

from newsletter import config
from newsletter.cli.common import as_json, print_json
from newsletter.delivery.message import dkim_keys
from newsletter.delivery.message.dkim import SigningKey

_NAMES = {False: "press", True: "press-ed25519"}


@click.group()
def dkim() -> None:
    """Manage the keys that sign mail."""


@dkim.command()
@click.argument("domain")
@click.option("--selector", metavar="NAME", help="The key's name in the DNS (press, or press-ed25519).")
@click.option("--ed25519", is_flag=True, help="An Ed25519 key, to sign in addition to an RSA one.")
def keygen(domain: str, selector: str | None, ed25519: bool) -> None:
    """Make a key that signs mail from a domain. Prints its DNS record."""
    settings = config.load()
    path = dkim_keys.create_key(settings.dkim_folder, domain, selector or _NAMES[ed25519], ed25519=ed25519)
    key = dkim_keys.read_key(path)
    click.echo(f"The private key is in {path}. Publish this record in the DNS:\n")
    _print_record(key)
    if key.selector in settings.dkim_selectors_in_use:
        click.echo("\nMail is signed with it as soon as the workers are restarted.")
    else:
        click.echo(f"\nIt signs nothing yet: DKIM_SELECTORS does not name {key.selector}.")


@dkim.command()
@as_json
def show(as_json: bool) -> None:
    """List the keys, with their DNS records."""
    settings = config.load()
    keys = list(dkim_keys.keys_in(settings.dkim_folder))
    if as_json:
        print_json([_document(key, settings.dkim_selectors_in_use) for key in keys])
    elif not keys:
        click.echo(f"no keys in {settings.dkim_folder}; `newsletter dkim keygen DOMAIN` makes one")
    else:
        for key in keys:
            state = "signs" if key.selector in settings.dkim_selectors_in_use else "waits"
            click.echo(f"{key.domain}: {key.selector} ({key.algorithm}) {state}\n")
            _print_record(key)
            click.echo()


def _document(key: SigningKey, in_use: list[str]) -> dict[str, object]:
    record = key.record
    return {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm,
        "signs": key.selector in in_use,
        "name": record.name,
        "value": record.value,
    }


def _print_record(key: SigningKey) -> None:
    record = key.record
    click.echo(f"  name   {record.name}\n  type   TXT\n  value  {record.value}\n")
    click.echo(f"or, as a line of a zone file:\n\n  {record.zone_line}")
