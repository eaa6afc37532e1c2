"""DMARC: the policy of the domain in From, and whether SPF and DKIM speak for that domain (RFC 9989)."""

from collections.abc import Iterator

from newsletter.delivery.message.dkim import DnsRecord
from newsletter.doctor.dmarc import POLICIES, REMOVED, Policy, Walk
from newsletter.doctor.facts import EnvelopeFacts, SenderFacts, SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding
from newsletter.doctor.registry import rule

_SOURCE = "RFC 9989"


@rule(Area.DMARC, "Google, Email sender guidelines; RFC 9989, 4.10")
def the_domain_in_from_has_a_policy(facts: SystemFacts) -> Iterator[Finding]:
    """Google, Yahoo and Microsoft take bulk mail only from a domain with a DMARC record, if only `p=none`."""
    for sender in facts.senders:
        walk = sender.dmarc
        for name in walk.several:
            message = f"_dmarc.{name} has several DMARC records, which count as none"
            yield Finding(ERROR, sender.domain, message, "leave one of them")
        record = DnsRecord(f"_dmarc.{sender.domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{sender.domain}")
        if _is_of_registry(walk):
            message = "there is no DMARC record but that of the registry above it"
            yield Finding(WARNING, sender.domain, message, "publish one of your own", record)
        elif walk.policy:
            yield Finding(OK, sender.domain, f"the policy of {walk.policy.domain} holds: “{walk.policy.text[:255]}”")
        elif walk.faults:
            yield Finding(WARNING, sender.domain, walk.faults[0], "try again, or ask its DNS provider")
        elif not walk.several:
            yield Finding(ERROR, sender.domain, "there is no DMARC record", "publish one", record)


@rule(Area.DMARC, "RFC 9989, 4.7")
def the_policy_can_be_read(facts: SystemFacts) -> Iterator[Finding]:
    """Receivers take a record without a valid policy as `p=none` or as none at all."""
    for sender, policy in _policies(facts):
        wanted = policy.tags.get("p", "").lower()
        if wanted not in POLICIES:
            known = f"p={wanted[:40]} is no policy" if wanted else "the record has no p"
            level = WARNING if "rua" in policy.tags else ERROR
            yield Finding(level, sender.domain, known, "say none, quarantine or reject", _with(policy, p="none"))
        if policy.psd == "y":
            message = "psd=y says that this is a registry's domain, so nothing below it is aligned with it"
            yield Finding(WARNING, sender.domain, message, "take it out", _with(policy, psd=None))
        for name in ("sp", "np"):
            if policy.tags.get(name, "none").lower() not in POLICIES:
                message = f"{name}={policy.tags[name][:40]} is no policy"
                yield Finding(WARNING, sender.domain, message, "mend it or take it out", _with(policy, **{name: None}))
        for name in ("adkim", "aspf"):
            if policy.tags.get(name, "r").lower() not in {"r", "s"}:
                message = f"{name}={policy.tags[name][:40]} is neither r nor s"
                yield Finding(WARNING, sender.domain, message, "take it out", _with(policy, **{name: None}))


@rule(Area.DMARC, "RFC 9989, C.5")
def no_tag_is_of_the_old_standard(facts: SystemFacts) -> Iterator[Finding]:
    """RFC 9989 took `pct`, `rf` and `ri` away: some receivers still obey them and others do not, so the policy is not
    the same everywhere."""
    for sender, policy in _policies(facts):
        if old := [name for name in REMOVED if name in policy.tags]:
            # What people meant by pct=0, and what took its place.
            changes = {"t": "y"} if policy.tags.get("pct") == "0" else {}
            message = f"the record has tags that are no longer part of DMARC: {', '.join(old)}"
            yield Finding(WARNING, sender.domain, message, "take them out", _with(policy, **changes))


@rule(Area.DMARC, _SOURCE)
def the_policy_is_enforced(facts: SystemFacts) -> Iterator[Finding]:
    """With `p=none` or `t=y`, forged mail in your name is delivered like your own."""
    for sender, policy in _policies(facts):
        is_below = policy.domain != sender.domain
        effective = policy.tags.get("sp" if is_below and "sp" in policy.tags else "p", "none").lower()
        if effective == "none":
            changes = {"sp" if is_below and "sp" in policy.tags else "p": "quarantine"}
            message = "the policy is none, so forged mail is let through"
            mend = "once the reports show that all your mail passes, raise it"
            yield Finding(HINT, sender.domain, message, mend, _with(policy, **changes))
        elif policy.tags.get("t", "n").lower() == "y":
            message = "t=y asks receivers to apply the policy one step weaker"
            yield Finding(HINT, sender.domain, message, "take it out when the tests are done", _with(policy, t=None))


@rule(Area.DMARC, "RFC 9990")
def reports_arrive(facts: SystemFacts) -> Iterator[Finding]:
    """Reports tell who sends in your name and what of it fails. Another domain gets them only if it says that it takes
    them."""
    for sender, policy in _policies(facts):
        # Reports go by mail alone (RFC 9989, 4.7).
        if "mailto:" not in policy.tags.get("rua", "").lower():
            mend = "name a mailbox for reports"
            record = _with(policy, rua=f"mailto:dmarc@{policy.domain}")
            yield Finding(HINT, sender.domain, "nobody gets the reports of receivers", mend, record)
        for each in sender.reports:
            permits = any(text.replace(" ", "").startswith("v=DMARC1") for text in each.permission.values)
            if not permits and not each.permission.fault:
                record = DnsRecord(f"{policy.domain}._report._dmarc.{each.domain}", "v=DMARC1")
                message = f"{each.domain} does not say that it takes the reports about {policy.domain}"
                yield Finding(WARNING, sender.domain, message, f"publish this at {each.domain}", record)


@rule(Area.DMARC, "RFC 9989, 4.4")
def spf_or_dkim_is_aligned(facts: SystemFacts) -> Iterator[Finding]:
    """DMARC passes if SPF or DKIM passes for the domain in From: the same one, or, unless the policy is strict, one of
    the same organization."""
    for sender in facts.senders:
        if envelope := facts.envelope_of(sender):
            yield _alignment(sender, envelope)


@rule(Area.DMARC, "AuthIndicators, BIMI")
def a_logo_is_shown(facts: SystemFacts) -> Iterator[Finding]:
    """Some mailboxes show a sender's logo (BIMI) once the policy is quarantine or reject; it needs a certificate, and
    nothing depends on it."""
    for sender, policy in _policies(facts):
        is_enforced = policy.tags.get("p", "none").lower() in {"quarantine", "reject"}
        has_logo = any("v=BIMI1" in text.replace(" ", "") for text in sender.bimi.values)
        if is_enforced and not has_logo and not sender.bimi.fault:
            value = "v=BIMI1; l=https://www.example.org/logo.svg; a=https://www.example.org/logo.pem"
            record = DnsRecord(f"default._bimi.{sender.domain}", value)
            yield Finding(HINT, sender.domain, "no logo is published", "if you would like one, publish it", record)


def _policies(facts: SystemFacts) -> Iterator[tuple[SenderFacts, Policy]]:
    for sender in facts.senders:
        # A registry's record is not the sender's to change.
        if (policy := sender.dmarc.policy) and not _is_of_registry(sender.dmarc):
            yield sender, policy


def _is_of_registry(walk: Walk) -> bool:
    """Whether nothing holds but the policy of a registry, such as that of a top-level domain."""
    found = walk.policy
    return found is not None and found.domain != walk.domain and found.psd == "y"


def _alignment(sender: SenderFacts, envelope: EnvelopeFacts) -> Finding:
    domain, tags = sender.domain, sender.dmarc.policy.tags if sender.dmarc.policy else {}
    strict = tags.get("aspf", "r").lower() == "s"
    same_organization = envelope.organizational_domain == sender.dmarc.organizational_domain
    if not sender.dmarc.policy:
        # Without a record nothing tells the organization; the one to publish will.
        same_organization = _is_below(envelope.domain, domain) or _is_below(domain, envelope.domain)
    by_spf = envelope.domain == domain or (same_organization and not strict)
    # Our signatures are of the From's very domain.
    by_dkim = any(key.signs for key in sender.keys)
    line = f"newsletter dkim keygen {domain}"
    if by_spf and by_dkim:
        return Finding(OK, domain, "SPF and DKIM are both aligned with the domain in From")
    if by_dkim:
        strictly = ", and the policy is strict (aspf=s)" if strict and same_organization else ""
        message = f"only DKIM carries DMARC: the return path is of {envelope.domain}{strictly}"
        return Finding(HINT, domain, message, "that is enough; a return path that is aligned would make it two")
    if by_spf:
        message = "only SPF carries DMARC, unless your mail server signs; a forwarded copy loses it"
        return Finding(HINT, domain, message, "sign with a key of this domain", line=line)
    message = f"neither the return path ({envelope.domain}) nor a key here is aligned with the domain in From"
    return Finding(WARNING, domain, message, "sign with a key of this domain", line=line)


def _is_below(domain: str, other: str) -> bool:
    return f".{domain}".endswith(f".{other}")


def _with(policy: Policy, **changes: str | None) -> DnsRecord:
    """The record without the old tags, and with some changed, added at the end, or (None) taken out."""
    tags = {"p": "none", **policy.tags, **dict.fromkeys(REMOVED), **changes}
    order = ["v", "p", *(name for name in tags if name not in {"v", "p"})]
    value = "; ".join(f"{name}={tags[name]}" for name in order if tags.get(name) is not None)
    return DnsRecord(f"_dmarc.{policy.domain}", value)
