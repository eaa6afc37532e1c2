"""Hosts: the address that mail leaves from, and the hosts that take bounces."""

from collections.abc import Iterator
from ipaddress import ip_address

from newsletter.delivery.message.dkim import DnsRecord
from newsletter.doctor.facts import SystemFacts
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
    for own in facts.own_addresses:
        host = facts.helo or "mail.example.org"
        pointer = DnsRecord(ip_address(own.address).reverse_pointer, f"{host}.", "PTR")
        if own.names.fault:
            yield Finding(WARNING, own.address, f"the name of {own.address} {own.names.fault}", "try again")
        elif not own.names.values:
            mend = "have whoever gave you the address publish it"
            yield Finding(ERROR, own.address, f"{own.address} has no name (PTR)", mend, pointer)
        elif own.fault and not own.confirmed:
            message = f"{own.address} is called {own.names.values[0]}, and that {own.fault}"
            yield Finding(WARNING, own.address, message, "try again, or ask its DNS provider")
        elif not own.confirmed:
            named = own.names.values[0]
            kind = "A" if ip_address(own.address).version == 4 else "AAAA"
            message = f"{own.address} is called {named}, which does not lead back to it"
            yield Finding(ERROR, own.address, message, "publish it", DnsRecord(named, own.address, kind))
        else:
            yield Finding(OK, own.address, f"{own.address} is {own.confirmed[0]}, in both directions")


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
    for each in facts.envelopes:
        hosts = [value.split()[-1] for value in each.mx.values]
        record = DnsRecord(each.domain, f"10 {facts.helo or f'mail.{each.domain}'}.", "MX")
        if each.mx.fault:
            yield Finding(WARNING, each.domain, f"{each.domain} {each.mx.fault}", "try again")
        elif numeric := [host for host in hosts if _is_address(host)]:
            message = f"the MX names {numeric[0]}, and has to name a host, so no bounce arrives"
            yield Finding(ERROR, each.domain, message, "replace it", record)
        elif "." in hosts:
            yield Finding(ERROR, each.domain, "the domain says that it takes no mail (a null MX)", "replace it", record)
        elif hosts:
            yield Finding(OK, each.domain, f"bounces go to {', '.join(hosts[:3])}")
        elif each.addresses:
            message = f"there is no MX, so bounces go to {each.addresses[0]}"
            yield Finding(HINT, each.domain, message, "name the host that takes them", record)
        elif each.mx.is_name:
            yield Finding(ERROR, each.domain, "there is no MX, so no bounce arrives", "publish one", record)
        else:
            yield Finding(ERROR, each.domain, "this domain is not in the DNS", "publish an MX", record)


@rule(Area.BOUNCES, "RFC 3207; RFC 8314")
def bounces_come_encrypted(facts: SystemFacts) -> Iterator[Finding]:
    """A bounce tells whose address it is about; some servers give mail only to hosts with a valid certificate."""
    for each in facts.envelopes:
        for host in each.hosts:
            if _is_address(host.name):
                continue
            if not (host.addresses or host.fault):
                message = f"{host.name}, where bounces go, has no address in the DNS"
                record = DnsRecord(host.name, "192.0.2.1", "A")
                yield Finding(WARNING, host.name, message, "publish it, with its own address", record)
            elif host.has_answered:
                message = f"{host.name} does not let this machine in: {host.fault}"
                yield Finding(HINT, host.name, message, "see whether it takes mail from other machines")
            elif host.fault:
                message = f"{host.name} cannot be asked on port 25: {host.fault}"
                mend = "many networks block that port from inside; ask from another place"
                yield Finding(HINT, host.name, message, mend)
            elif not host.has_starttls:
                yield Finding(WARNING, host.name, f"{host.name} offers no STARTTLS", "give it a certificate")
            elif host.tls_fault:
                message = f"{host.name} offers STARTTLS, and it does not work: {host.tls_fault}"
                yield Finding(WARNING, host.name, message, "see the log of that server")
            elif host.certificate_fault:
                message = f"the certificate of {host.name} is not valid: {host.certificate_fault}"
                yield Finding(WARNING, host.name, message, "renew it, for exactly this name")
            else:
                yield Finding(OK, host.name, f"{host.name} takes mail encrypted, with a valid certificate")


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
