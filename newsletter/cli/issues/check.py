"""`newsletter issues check`: preflight at the command line, with link checks and the spam check run at once."""

from dataclasses import asdict
from datetime import timedelta

import click

from newsletter.cli.common import as_json, print_json, with_progress_bar, with_services
from newsletter.clock import now
from newsletter.editorial.external_checks import link_checks, spam_checks
from newsletter.editorial.issues import issue_store
from newsletter.editorial.preflight.weight import Weight
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import prepare_issue, run_preflight
from newsletter.workflows.run_preflight import Inspection


@click.command()
@click.argument("slug")
@click.option("--links", "ask_links", is_flag=True, help="Check now whether the links respond.")
@as_json
@with_services
def check(services: Services, slug: str, ask_links: bool, as_json: bool) -> None:
    """Run preflight. Exits with 1 when something blocks the issue."""
    if ask_links:
        _ask_links(services, slug)
    _ask_spam_filter(services, slug)
    with services.sessions.reading() as session:
        may_ask = ask_links or services.settings.link_checks
        found = run_preflight.inspect(session, issue_store.find(session, slug), services.links, may_ask=may_ask)
    if as_json:
        print_json(_document(found))
    else:
        _print(slug, found)
    if found.is_blocked:
        raise click.exceptions.Exit(1)


def _ask_links(services: Services, slug: str) -> None:
    with services.sessions.begin() as session:
        urls = run_preflight.addresses(issue_store.find(session, slug), services.links)
        link_checks.request_checks(session, urls, now(), older=timedelta(0))
    for answer in with_progress_bar(services.guarded_client.ask_all(urls), len(urls)):
        with services.sessions.begin() as session:
            link_checks.record(session, answer, now())


def _ask_spam_filter(services: Services, slug: str) -> None:
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
        content = prepare_issue.prepare(issue, services.links).mail.content_hash
        mail = run_preflight.mail_for_spam_check(session, issue.id, content, services.letters, now())
        is_known = not spam_checks.verdict(session, content).fault
    if mail is None or is_known or (verdict := spam_checks.run_spamassassin(mail)) is None:
        return
    with services.sessions.begin() as session:
        spam_checks.request_check(session, issue.id, content, now())
        spam_checks.record(session, content, verdict, now())


def _print(slug: str, found: Inspection) -> None:
    for finding in found.findings:
        click.echo(str(finding))
        click.echo(f"    {finding.why}" + (f" ({finding.source})" if finding.source else ""))
    if not found.findings:
        click.echo(f"{slug}: nothing to fix")
    verdict = found.questions.verdict
    if verdict and verdict.score is not None:
        click.echo(f"\nSpamAssassin gives it {verdict.score} points; {verdict.threshold} would be spam.")
    if found.weight:
        _print_weight(found.weight)


def _print_weight(weight: Weight) -> None:
    click.echo(
        f"\nThe email has {formats.number(weight.total)} bytes of HTML; Gmail shows "
        f"{formats.number(weight.limit)}. Its largest blocks:"
    )
    for block in weight.largest:
        words = f" “{block.words}”" if block.words else ""
        click.echo(f"{block.bytes:>9,}  line {block.line}: {block.kind.lower()}{words}")


def _document(found: Inspection) -> dict[str, object]:
    weight = found.weight
    return {
        "findings": [asdict(finding) for finding in found.findings],
        "spam": asdict(found.questions.verdict) if found.questions.verdict else None,
        "bytes": weight.total if weight else None,
        "limit": weight.limit if weight else None,
        "blocks": [asdict(block) for block in weight.blocks] if weight else [],
    }
