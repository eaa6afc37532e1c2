"""Settings: what they name that cannot work."""

from collections.abc import Iterator

from newsletter.doctor.facts import SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding
from newsletter.doctor.registry import rule

_AT_HOME = ("example", "invalid", "localhost", "test", "local")


@rule(Area.SETTINGS)
def there_is_a_mail_server(facts: SystemFacts) -> Iterator[Finding]:
    """Without a mail server, no mail leaves: `newsletter up` keeps it in the local inbox, and a worker does not
    start."""
    if not facts.relays:
        message = "no mail server is set, so mail goes no further than the local inbox"
        yield Finding(HINT, "MAIL_SERVER", message, "name it, to send real mail", line="MAIL_SERVER=mail.example.org")
    else:
        yield Finding(OK, "MAIL_SERVER", f"mail leaves by {' and '.join(relay.host_port for relay in facts.relays)}")


@rule(Area.SETTINGS)
def there_is_a_sender(facts: SystemFacts) -> Iterator[Finding]:
    """All that receivers check is about the domain in From; a sample domain belongs to nobody."""
    if not (facts.sender_addresses or facts.database.fault or facts.database.schema):
        mend = "load one, or make one from issues/publication.toml"
        yield Finding(WARNING, "publications", "there is no publication yet", mend, line="newsletter issues load")
    for sender in facts.senders:
        if sender.domain.rpartition(".")[2] in _AT_HOME:
            message = f"{sender.address} is an address at a sample domain, which nobody can own (RFC 6761)"
            yield Finding(WARNING, sender.domain, message, "set the sender address to one at your domain")


@rule(Area.SETTINGS, "RFC 6376")
def the_keys_can_be_read(facts: SystemFacts) -> Iterator[Finding]:
    """A key that others can read lets them sign in your name, so no worker starts with it."""
    if facts.key_problem:
        yield Finding(ERROR, "DKIM keys", facts.key_problem)


@rule(Area.SETTINGS)
def something_was_asked(facts: SystemFacts) -> Iterator[Finding]:
    """Findings about the DNS, mail servers and the web come only from asking them."""
    if not facts.asked_outside:
        yield Finding(HINT, "network", "nothing outside this machine was asked", line="newsletter doctor")
