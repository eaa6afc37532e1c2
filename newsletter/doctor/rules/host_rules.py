"""Hosts: the address that mail leaves from, and the hosts that take bounces."""

from collections.abc import Iterator
from ipaddress import ip_address

from newsletter.delivery.message.dkim import DnsRecord
from newsletter.doctor.facts import AddressFacts, EnvelopeFacts, MailHost, SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding
from newsletter.doctor.registry import rule


@rule(Area.SENDING, "Google, Email sender guidelines; RFC 1912, 2.1")
def the_address_has_a_name_that_leads_back(facts: SystemFacts) -> Iterator[Finding]:
    """Google, Microsoft and others refuse mail from an address whose PTR names no host, or one that does not lead back
    to it."""
    relay = facts.relay
    if relay and not relay.is_here:
        message = f"mail leaves from the addresses of {relay.host}; their names are its operator's care"
        yield Finding(OK, relay.host, message)
    yield from (_name_of(own, facts.helo or "mail.example.org") for own in facts.own_addresses)


def _name_of(own: AddressFacts, host: str) -> Finding:
    at = own.address
    if own.names.fault:
        return Finding(WARNING, at, f"the name of {at} {own.names.fault}", "try again")
    if not own.names.values:
        pointer = DnsRecord(ip_address(at).reverse_pointer, f"{host}.", "PTR")
        return Finding(ERROR, at, f"{at} has no name (PTR)", "have whoever gave you the address publish it", pointer)
    named = own.names.values[0]
    if own.confirmed:
        return Finding(OK, at, f"{at} is {own.confirmed[0]}, in both directions")
    if own.fault:
        message = f"{at} is called {named}, and that {own.fault}"
        return Finding(WARNING, at, message, "try again, or ask its DNS provider")
    record = DnsRecord(named, at, "A" if ip_address(at).version == 4 else "AAAA")
    return Finding(ERROR, at, f"{at} is called {named}, which does not lead back to it", "publish it", record)


@rule(Area.SENDING, "RFC 5321, 4.1.4")
def this_machine_has_a_name(facts: SystemFacts) -> Iterator[Finding]:
    """Mail servers are greeted by a full name (EHLO), which should lead to the address that mail leaves from."""
    relay = facts.relay
    if facts.asked_outside and relay and relay.is_here and not facts.own_addresses:
        message = f"the DNS names no address of “{facts.helo}”" if facts.helo else "this machine has no full name"
        mend = "set the name by which the DNS knows it"
        yield Finding(WARNING, facts.helo or "MAIL_HELO", message, mend, line="MAIL_HELO=mail.example.org")


@rule(Area.BOUNCES, "RFC 5321, 5.1; RFC 7505")
def bounces_find_their_way(facts: SystemFacts) -> Iterator[Finding]:
    """A domain that takes no mail loses every bounce, and many receivers refuse mail from it at once."""
    yield from (_way_of_bounces(each, facts.helo or f"mail.{each.domain}") for each in facts.envelopes)


def _way_of_bounces(each: EnvelopeFacts, host: str) -> Finding:
    hosts = [value.split()[-1] for value in each.mx.values]
    record = DnsRecord(each.domain, f"10 {host}.", "MX")
    if each.mx.fault:
        return Finding(WARNING, each.domain, f"{each.domain} {each.mx.fault}", "try again")
    if numeric := [name for name in hosts if _is_address(name)]:
        message = f"the MX names {numeric[0]}, and has to name a host, so no bounce arrives"
        return Finding(ERROR, each.domain, message, "replace it", record)
    if "." in hosts:
        return Finding(ERROR, each.domain, "the domain says that it takes no mail (a null MX)", "replace it", record)
    if hosts:
        return Finding(OK, each.domain, f"bounces go to {', '.join(hosts[:3])}")
    if each.addresses:
        message = f"there is no MX, so bounces go to {each.addresses[0]}"
        return Finding(HINT, each.domain, message, "name the host that takes them", record)
    if each.mx.is_name:
        return Finding(ERROR, each.domain, "there is no MX, so no bounce arrives", "publish one", record)
    return Finding(ERROR, each.domain, "this domain is not in the DNS", "publish an MX", record)


@rule(Area.BOUNCES, "RFC 3207; RFC 8314")
def bounces_come_encrypted(facts: SystemFacts) -> Iterator[Finding]:
    """A bounce tells whose address it is about; some servers give mail only to hosts with a valid certificate."""
    hosts = (host for each in facts.envelopes for host in each.hosts)
    yield from (_encryption_of(host) for host in hosts if not _is_address(host.name))


def _encryption_of(host: MailHost) -> Finding:
    if not (host.addresses or host.fault):
        message = f"{host.name}, where bounces go, has no address in the DNS"
        record = DnsRecord(host.name, "192.0.2.1", "A")
        return Finding(WARNING, host.name, message, "publish it, with its own address", record)
    if host.has_answered:
        message = f"{host.name} does not let this machine in: {host.fault}"
        return Finding(HINT, host.name, message, "see whether it takes mail from other machines")
    if host.fault:
        message = f"{host.name} cannot be asked on port 25: {host.fault}"
        return Finding(HINT, host.name, message, "many networks block that port from inside; ask from another place")
    if not host.has_starttls:
        return Finding(WARNING, host.name, f"{host.name} offers no STARTTLS", "give it a certificate")
    if host.tls_fault:
        message = f"{host.name} offers STARTTLS, and it does not work: {host.tls_fault}"
        return Finding(WARNING, host.name, message, "see the log of that server")
    if host.certificate_fault:
        message = f"the certificate of {host.name} is not valid: {host.certificate_fault}"
        return Finding(WARNING, host.name, message, "renew it, for exactly this name")
    return Finding(OK, host.name, f"{host.name} takes mail encrypted, with a valid certificate")


@rule(Area.BOUNCES, "RFC 3461; Amazon SES, Custom MAIL FROM")
def bounces_are_told_apart(facts: SystemFacts) -> Iterator[Finding]:
    """Without a return path of its own, every bounce goes to the From's mailbox, where nobody counts it."""
    if facts.relays and not facts.return_path and facts.senders:
        domain = facts.senders[0].domain
        message = "no return path is set, so bounces go to the sender's own mailbox"
        mend = "set one below your domain, if you read bounces here"
        line = f"MAIL_RETURN_PATH_DOMAIN=bounces.{domain}"
        yield Finding(HINT, "MAIL_RETURN_PATH_DOMAIN", message, mend, line=line)


@rule(Area.SENDING)
def the_sender_is_ones_own(facts: SystemFacts) -> Iterator[Finding]:
    """Free-mail providers let nobody else send as their domain (DMARC), so an issue from such an address is refused."""
    for sender in facts.senders:
        if sender.free_mail:
            yield Finding(ERROR, sender.address, sender.free_mail, "send from an address at a domain of your own")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
