"""`newsletter issues check`: preflight at the command line, with the links and the spam filter asked on the spot."""

from dataclasses import asdict
from datetime import timedelta

import click

from newsletter import inspecting
from newsletter.cli.common import as_json, in_house, now, print_json, watched
from newsletter.editorial import link_checks, shelf, spam
from newsletter.editorial.preflight import Finding
from newsletter.editorial.preflight.weight import Weight
from newsletter.inspecting import Inspection
from newsletter.wiring import House


@click.command()
@click.argument("slug")
@click.option("--links", "ask_links", is_flag=True, help="Check now whether the links respond.")
@as_json
@in_house
def check(house: House, slug: str, ask_links: bool, as_json: bool) -> None:
    """Run preflight. Exits with 1 when something blocks the issue."""
    if ask_links:
        _ask_links(house, slug)
    _ask_spam_filter(house, slug)
    with house.sessions.reading() as session:
        may_ask = ask_links or house.settings.link_checks
        found = inspecting.inspect(session, shelf.find(session, slug), house.links, may_ask=may_ask)
    if as_json:
        print_json(_document(found))
    else:
        _print(slug, found)
    if found.is_blocked:
        raise click.exceptions.Exit(1)


def _ask_links(house: House, slug: str) -> None:
    with house.sessions.begin() as session:
        urls = inspecting.addresses(shelf.find(session, slug), house.links)
        link_checks.ask(session, urls, now(), older=timedelta(0))
    for answer in watched(house.scout.ask_all(urls), len(urls)):
        with house.sessions.begin() as session:
            link_checks.record(session, answer, now())


def _ask_spam_filter(house: House, slug: str) -> None:
    with house.sessions.reading() as session:
        issue = shelf.find(session, slug)
        content = inspecting.content_hash(issue, house.links)
        mail = inspecting.message(session, issue.id, content, house.links, now())
        is_known = not spam.verdict(session, content).fault
    if mail is None or is_known or (said := spam.judge(mail)) is None:
        return
    with house.sessions.begin() as session:
        spam.ask(session, issue.id, content, now())
        spam.record(session, content, said, now())


def _print(slug: str, found: Inspection) -> None:
    for finding in found.findings:
        click.echo(str(finding))
        click.echo(f"    {_why(finding)}")
    if not found.findings:
        click.echo(f"{slug}: nothing to fix")
    said = found.questions.verdict
    if said and said.score is not None:
        click.echo(f"\nSpamAssassin gives it {said.score} points; {said.threshold} would be spam.")
    if found.weight:
        _print_weight(found.weight)


def _print_weight(weight: Weight) -> None:
    click.echo(f"\nThe email has {weight.total:,} bytes of HTML; Gmail shows {weight.limit:,}. Its largest blocks:")
    for block in weight.largest:
        words = f" “{block.words}”" if block.words else ""
        click.echo(f"{block.bytes:>9,}  line {block.line}: {block.kind.lower()}{words}")


def _why(finding: Finding) -> str:
    return f"{finding.why} ({finding.source})" if finding.source else finding.why


def _document(found: Inspection) -> dict[str, object]:
    weight = found.weight
    return {
        "findings": [asdict(finding) for finding in found.findings],
        "spam": asdict(found.questions.verdict) if found.questions.verdict else None,
        "bytes": weight.total if weight else None,
        "limit": weight.limit if weight else None,
        "blocks": [asdict(block) for block in weight.blocks] if weight else [],
    }
