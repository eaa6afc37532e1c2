"""`newsletter doctor`: what is wrong with settings, DNS, mail servers and this machine, and how to mend it."""

import sys
from contextlib import suppress

import click

from newsletter import config, logs
from newsletter.cli.common import as_json, print_json
from newsletter.clock import now
from newsletter.doctor import Level, gather, report, run_checks
from newsletter.wiring import open_services


@click.command()
@click.option("--offline", is_flag=True, help="Ask nothing outside this machine and the database.")
@as_json
def doctor(offline: bool, as_json: bool) -> None:
    """Say what is wrong and how to mend it: settings, DNS, mail servers, database and this machine.

    Exits with 1 if a finding is an error.
    """
    settings = config.load()
    logs.configure(settings)
    services = open_services(settings, check_schema=False)
    try:
        facts = gather.gather(settings, services.sessions, now(), None if offline else gather.Outside())
    finally:
        services.close()
    findings = run_checks(facts)
    if not offline:
        # For the desk; if that cannot be, they are printed all the same.
        with suppress(OSError):
            report.keep_report(settings.data_dir, findings, facts.now)
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        click.echo(report.as_text(findings))
    if any(finding.level is Level.ERROR for finding in findings):
        sys.exit(1)
