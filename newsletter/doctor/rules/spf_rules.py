"""SPF: who may send for the domain that bounces go to (RFC 7208)."""

from collections.abc import Iterator
from ipaddress import ip_address

from newsletter.delivery.message.dkim import DnsRecord
from newsletter.doctor.facts import EnvelopeFacts, RelayFacts, SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding, Level
from newsletter.doctor.registry import rule
from newsletter.doctor.spf import MOST_LOOKUPS, SpfRecord, SpfResult

_NEARLY_ALL = MOST_LOOKUPS - 1

# What a provider tells its customers to include, by the end of its mail server's name.
_INCLUDES = {
    "amazonaws.com": "amazonses.com",
    "brevo.com": "spf.brevo.com",
    "fastmail.com": "spf.messagingengine.com",
    "gmail.com": "_spf.google.com",
    "google.com": "_spf.google.com",
    "mailgun.org": "mailgun.org",
    "mailjet.com": "spf.mailjet.com",
    "messagingengine.com": "spf.messagingengine.com",
    "office365.com": "spf.protection.outlook.com",
    "outlook.com": "spf.protection.outlook.com",
    "postmarkapp.com": "spf.mtasv.net",
    "resend.com": "amazonses.com",
    "sendgrid.net": "sendgrid.net",
    "sparkpostmail.com": "sparkpostmail.com",
}


@rule(Area.SPF, "RFC 7208, 3")
def the_return_path_has_an_spf_record(facts: SystemFacts) -> Iterator[Finding]:
    """Receivers ask the envelope sender's domain which servers may send for it. Google, Yahoo and Microsoft require
    it of bulk senders."""
    for each in facts.envelopes:
        spf = each.spf
        if spf.fault:
            yield Finding(WARNING, each.domain, f"{each.domain} {spf.fault}", "try again, or ask its DNS provider")
        elif not spf.text:
            record = DnsRecord(each.domain, f"v=spf1 {_mechanism(facts)} ~all")
            yield Finding(ERROR, each.domain, "there is no SPF record", "publish one", record)
        elif not spf.problems and not spf.unanswered:
            lookups = f"{spf.lookups} of at most {MOST_LOOKUPS} lookups"
            yield Finding(OK, each.domain, f"SPF is published and valid, with {lookups}")


@rule(Area.SPF, "RFC 7208, 4.6")
def the_record_can_be_evaluated(facts: SystemFacts) -> Iterator[Finding]:
    """A record with one fault anywhere, also in what it includes, is an error as a whole: nothing passes SPF."""
    for spf, level in _records(facts):
        for silence in spf.unanswered:
            yield Finding(WARNING, spf.domain, f"not all of the SPF record can be read: {silence}", "try again")
        for problem in spf.problems:
            yield Finding(level, spf.domain, f"the SPF record is void: {problem}", f"mend “{spf.text[:255]}”")
        if not spf.problems and spf.lookups > _NEARLY_ALL:
            message = f"the SPF record needs all {MOST_LOOKUPS} lookups; one more anywhere, and it is void"
            yield Finding(HINT, spf.domain, message, "take out an include that no longer sends for you")


@rule(Area.SPF, "RFC 7208, 5.1")
def the_record_says_what_of_all_others(facts: SystemFacts) -> Iterator[Finding]:
    """Without `~all` or `-all` at its end, a record allows everybody or says nothing, and protects the domain from
    no one."""
    for spf, level in _records(facts):
        if not spf.text or spf.problems:
            continue
        if spf.ends_in == "+":
            message = "the SPF record ends in +all: it lets the whole world send in your name"
            yield Finding(level, spf.domain, message, "end it in ~all", _ending_softly(spf))
        elif spf.ends_in in {"", "?"}:
            message = "the SPF record does not end in ~all or -all, so it refuses nobody"
            yield Finding(WARNING, spf.domain, message, "end it in ~all", _ending_softly(spf))


@rule(Area.SPF, "RFC 7208, 5.1 and 6.1")
def all_of_the_record_is_read(facts: SystemFacts) -> Iterator[Finding]:
    """Receivers read a record up to `all`: what stands behind it lets no server send, nor does a redirect beside it."""
    for spf, _ in _records(facts):
        if spf.ignored:
            words = [word for word in spf.text.split() if not (_is_all(word) or word.lower().startswith("redirect="))]
            record = DnsRecord(spf.domain, " ".join([*words, f"{spf.ends_in}all"]))
            message = f"no receiver reads “{' '.join(spf.ignored)[:255]}” in the SPF record, because of all"
            yield Finding(WARNING, spf.domain, message, "let all come last, or take out what is not needed", record)


@rule(Area.SPF, "RFC 7208, 5.5")
def the_record_needs_no_ptr(facts: SystemFacts) -> Iterator[Finding]:
    """The mechanism `ptr` is slow and unreliable; the standard says not to publish it, and large receivers skip it."""
    for spf, _ in _records(facts):
        if spf.uses("ptr"):
            yield Finding(WARNING, spf.domain, "the SPF record uses ptr", "name the servers by ip4, ip6, a or include")


@rule(Area.SPF, "RFC 7208, 4.6")
def the_mail_server_passes(facts: SystemFacts) -> Iterator[Finding]:
    """SPF passes only for the addresses in the record: a mail server that is not among them fails it."""
    relay = facts.relay
    for each in facts.envelopes if relay else ():
        if each.spf.text and not each.spf.problems and relay:
            yield from _judged(facts, relay, each)


@rule(Area.SPF, "M3AAWG, Email Authentication Recommended Best Practices")
def the_domain_in_from_is_protected(facts: SystemFacts) -> Iterator[Finding]:
    """SPF is asked of the envelope's domain alone. A record of the From's domain keeps others from using it as
    theirs."""
    asked = {each.domain for each in facts.envelopes}
    for sender in facts.senders:
        if sender.domain not in asked and not (sender.spf.text or sender.spf.fault):
            record = DnsRecord(sender.domain, f"v=spf1 {_mechanism(facts)} ~all")
            yield Finding(HINT, sender.domain, "the domain in From has no SPF record of its own", "publish one", record)


def _records(facts: SystemFacts) -> Iterator[tuple[SpfRecord, Level]]:
    """The records of the envelope's domains, and of those in From, where a fault costs less."""
    asked = {each.domain for each in facts.envelopes}
    yield from ((each.spf, ERROR) for each in facts.envelopes)
    yield from ((sender.spf, WARNING) for sender in facts.senders if sender.domain not in asked)


def _judged(facts: SystemFacts, relay: RelayFacts, each: EnvelopeFacts) -> Iterator[Finding]:
    leaving = [own.address for own in facts.own_addresses] if relay.is_here else list(relay.addresses)
    verdicts = {address: each.spf.verdict(ip_address(address)) for address in leaving}
    failing = [address for address, verdict in verdicts.items() if verdict is not SpfResult.PASS]
    if failing and each.spf.unanswered:
        return
    if leaving and not failing:
        yield Finding(OK, each.domain, f"mail from {', '.join(leaving)} passes SPF")
    elif failing and relay.is_here:
        yield _own_address_fails(each, failing[0], verdicts[failing[0]])
    elif (include := _include(relay.host)) and not _includes(each, include):
        record = DnsRecord(each.domain, _with_mechanism(each.spf.text, f"include:{include}"))
        message = f"the SPF record does not include {include}, by which {relay.host} sends"
        yield Finding(WARNING, each.domain, message, "include it, unless its operator told you otherwise", record)
    elif failing and not include:
        message = f"{relay.host} ({failing[0]}) is not in the SPF record; it may send from other addresses"
        yield Finding(HINT, each.domain, message, "ask whoever runs it what the record has to name")


def _own_address_fails(each: EnvelopeFacts, failed: str, verdict: SpfResult) -> Finding:
    record = DnsRecord(each.domain, _with_mechanism(each.spf.text, f"ip{ip_address(failed).version}:{failed}"))
    if verdict is SpfResult.UNKNOWN:
        message = f"whether mail from {failed}, this machine's address, passes SPF depends on more than the address"
        return Finding(WARNING, each.domain, message, "if it does not, name it in the record", record)
    message = f"mail from {failed}, this machine's address, does not pass SPF ({verdict.value})"
    return Finding(ERROR, each.domain, message, "name it in the record", record)


def _includes(each: EnvelopeFacts, wanted: str) -> bool:
    def within(terms: tuple[object, ...]) -> bool:
        return any(
            getattr(term, "value", "") == wanted or within(getattr(getattr(term, "record", None), "terms", ()))
            for term in terms
        )

    return within(each.spf.terms)


def _mechanism(facts: SystemFacts) -> str:
    """What lets the mail server send: its provider's include, this machine's address, or the server's own name."""
    relay = facts.relay
    if relay and (include := _include(relay.host)):
        return f"include:{include}"
    if relay and not relay.is_here:
        return f"a:{relay.host}"
    addresses = [f"ip{ip_address(own.address).version}:{own.address}" for own in facts.own_addresses]
    return " ".join(addresses) or f"a:{facts.helo or 'mail.example.org'}"


def _include(host: str) -> str:
    return next((include for end, include in _INCLUDES.items() if f".{host}".endswith(f".{end}")), "")


def _ending_softly(spf: SpfRecord) -> DnsRecord | None:
    """The record that ends in ~all: this one, or that which it redirects to, because beside `all` none is followed."""
    onward = next((term for term in spf.terms if term.name == "redirect"), None)
    if onward:
        return _ending_softly(onward.record) if onward.record else None
    words = [word for word in spf.text.split() if not _is_all(word)]
    return DnsRecord(spf.domain, " ".join([*words, "~all"]))


def _is_all(word: str) -> bool:
    return word.lstrip("+-?~").lower() == "all"


def _with_mechanism(text: str, mechanism: str) -> str:
    first, *others = text.split()
    return " ".join([first, mechanism, *others])
