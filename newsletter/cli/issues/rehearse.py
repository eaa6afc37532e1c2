"""`newsletter issues rehearse`: compose every copy for every reader, and report what would happen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from newsletter.cli.common import as_json, print_json, with_progress_bar, with_services
from newsletter.clock import now
from newsletter.delivery.bulk.rehearsal import LIMIT, AffectedReaders
from newsletter.editorial.issues import issue_store
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import rehearse_issue
from newsletter.workflows.rehearse_issue import ONE_COPY, RehearsalReport

_TOP = 20


@click.command()
@click.argument("slug")
@as_json
@with_services
def rehearse(services: Services, slug: str, as_json: bool) -> None:
    """Build and check every copy, but send none. Writes nothing; exits with 1 when something blocks the issue."""
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
        report = rehearse_issue.rehearse_issue(
            session,
            issue,
            now(),
            settings=services.settings,
            letters=services.letters,
            keyring=services.keyring,
            watched=with_progress_bar,
        )
    document = _document(report)
    if as_json:
        print_json(document)
    else:
        for line in _lines(report, document, services.settings.mail_connections):
            click.echo(line)
    if report.blocking or report.rehearsal.faults:
        raise click.exceptions.Exit(1)


def _document(report: RehearsalReport) -> dict[str, Any]:
    found = report.rehearsal
    top = sorted(found.domains.items(), key=lambda domain: (-domain[1], domain[0]))[:_TOP]
    return {
        "readers": report.readers,
        "suppressed": report.suppressed,
        "blank_fields": dict(found.blank),
        "size": {
            "least": min(found.sizes, default=0),
            "median": found.median,
            "largest": max(found.sizes, default=0),
            "over_limit": found.oversized,
        },
        "unsendable": _affected(found.unsendable),
        "smtputf8": _affected(found.international),
        "domains": {
            "top": [{"domain": domain, "readers": count} for domain, count in top],
            "rest": {
                "domains": len(found.domains) - len(top),
                "readers": found.domains.total() - sum(count for _, count in top),
            },
        },
        "errors": {name: _affected(readers) for name, readers in found.faults.items()},
        "seconds": report.seconds,
        "slowest": report.forecast.slowest,
        "blocking": report.blocking,
    }


def _affected(readers: AffectedReaders) -> dict[str, Any]:
    first = [{"subscription": subscription, "address": address} for subscription, address in readers.first]
    return {"count": readers.count, "first": first}


def _lines(report: RehearsalReport, document: dict[str, Any], connections: int) -> Iterator[str]:
    """The report as lines for people."""
    found, size, rest = report.rehearsal, document["size"], document["domains"]["rest"]
    yield (
        f"{formats.counted(report.readers, 'reader')}; suppressed, and so left out: {formats.number(report.suppressed)}"
    )
    yield (
        f"a copy has {formats.number(size['least'])} to {formats.number(size['largest'])} bytes, the "
        f"median {formats.number(size['median'])}"
    )
    if size["over_limit"]:
        yield (
            f"copies over {formats.number(LIMIT)} bytes, which some mail programs clip: "
            f"{formats.number(size['over_limit'])}"
        )
    for name, count in found.blank.items():
        yield f"copies with an empty {{{{ {name} }}}}, which has no fallback: {formats.number(count)}"
    yield from _named("addresses that mail cannot be sent to", found.unsendable)
    yield from _named("addresses that need SMTPUTF8, which not every mail server has", found.international)
    for error, readers in found.faults.items():
        yield from _named(f"copies that cannot be composed, because of a fault on our side ({error})", readers)
    yield "domains: " + ", ".join(
        f"{one['domain']} {formats.number(one['readers'])}" for one in document["domains"]["top"]
    )
    if rest["domains"]:
        yield f"other domains: {formats.number(rest['domains'])}, with {formats.number(rest['readers'])} readers"
    yield _duration(report, connections)
    for reason in report.blocking:
        yield f"blocking: {reason.removeprefix('blocking: ')}"


def _named(what: str, readers: AffectedReaders) -> Iterator[str]:
    if readers.count:
        first = ", ".join(f"{address} (subscription {subscription})" for subscription, address in readers.first)
        yield (f"{what}: {formats.number(readers.count)}, {first}{', …' if readers.count > len(readers.first) else ''}")


def _duration(report: RehearsalReport, connections: int) -> str:
    if report.forecast.beyond:
        return "it takes more than a year under the limits that are set"
    guess = f"if the mail server needs {round(ONE_COPY * 1000)} ms a copy, over {connections} connections"
    takes = f"it takes about {timedelta(seconds=report.seconds)}, {guess}"
    if report.forecast.slowest is None:
        return takes
    return f"{takes}; what limits it most is {report.forecast.slowest or 'what all mail may take (MAIL_RATE …)'}"
