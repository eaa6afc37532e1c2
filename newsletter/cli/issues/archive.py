"""`newsletter issues import-archive` and `publish-imported`: the posts that come along from another program."""

from dataclasses import asdict
from pathlib import Path

import click

from newsletter import publications
from newsletter.audience.importing.reading import files
from newsletter.cli.common import as_json, print_json, publication_option, with_services
from newsletter.clock import now
from newsletter.editorial.imported import posts
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import import_archive as archives
from newsletter.workflows import peer_archives
from newsletter.workflows.import_archive import PostFate

_SOURCES = tuple(peer_archives.PROGRAMS)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source",
    type=click.Choice(list(peer_archives.PROGRAMS)),
    help="The program it comes from; by default, recognised by its contents.",
)
@click.option("--pictures", is_flag=True, help="Fetch the pictures in the posts; otherwise each becomes a link.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each post, and change nothing.")
@as_json
@publication_option
@with_services
def import_archive(
    services: Services,
    file: Path,
    source: str | None,
    pictures: bool,
    dry_run: bool,
    as_json: bool,
    publication: str | None,
) -> None:
    """Import the posts of another program as drafts with their old dates; they are never sent.

    `publish-imported` puts them into the archive. Running it twice imports nothing twice.
    """
    with services.sessions.reading() as session:
        home = publications.find(session, publication)
    found, archive = peer_archives.read_archive(file, source or "")
    fetch = archives.fetch_with(services.guarded_client) if pictures else None
    job = archives.ArchiveImport(services.sessions, services.pictures, home, found, fetch, dry_run)
    fates = []
    for fate in archives.import_posts(job, archive, now()):
        fates.append(fate)
        if not as_json:
            _print(fate)
    if files.holds_list(file):
        click.echo(
            f"{file} also holds a list of readers; to import them: newsletter subscribers import {file}", err=True
        )
    imported = sum(bool(fate.slug) for fate in fates)
    if as_json:
        print_json({"source": found, "imported": imported, "posts": [asdict(fate) for fate in fates]})
    else:
        done = "would be imported" if dry_run else "imported"
        click.echo(f"{found}: {formats.number(imported)} of {formats.number(len(fates))} posts {done} as drafts")


@click.command()
@click.argument("slugs", nargs=-1, metavar="[SLUG]...")
@click.option("--all", "all_of_them", is_flag=True, help="Every imported issue that is not published yet.")
@publication_option
@with_services
def publish_imported(services: Services, slugs: tuple[str, ...], all_of_them: bool, publication: str | None) -> None:
    """Publish imported issues in the archive, at their old dates. Nobody is mailed."""
    if bool(slugs) == all_of_them:
        raise click.UsageError("name the issues, or give --all")
    with services.sessions.reading() as session:
        if all_of_them:
            home = publications.find(session, publication)
            slugs = tuple(issue.slug for issue, _ in posts.unpublished(session, home.id))
    refused = 0
    for fate in archives.publish_each(services.sessions, services.letters, slugs, now()):
        refused += bool(fate.refusal)
        if fate.refusal:
            click.echo(f"{fate.slug}: not published: {fate.refusal}", err=True)
        else:
            click.echo(f"{fate.slug}: published{''.join(f'; preflight: {one}' for one in fate.remarks)}")
    if refused:
        raise Conflict(f"not published: {formats.number(refused)} of {formats.counted(len(slugs), 'issue')}")


def _print(fate: PostFate) -> None:
    lost = f" (not carried over: {', '.join(fate.lost)})" if fate.lost else ""
    click.echo(f"{fate.title[:80]}: {fate.slug or f'not imported: {fate.reason}'}{lost}")
