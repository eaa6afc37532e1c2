"""DMARC (RFC 9989): reads a domain's policy, and finds its organizational domain by the DNS tree walk."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.outbound.dns_client import Ask

MOST_QUERIES = 8
"""Of one tree walk (RFC 9989, 4.10)."""

POLICIES = {"none", "quarantine", "reject"}
REMOVED = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 took away."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record: where it stands, as text, and its tags."""

    domain: str
    text: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def psd(self) -> str:
        """Whether it is that of a registry (y), or of an organization (n)."""
        return self.tags.get("psd", "u").lower()


@dataclass(frozen=True, slots=True)
class Walk:
    """What the tree walk from a domain found: the records on the way, and faults of the DNS."""

    domain: str
    policies: tuple[Policy, ...] = ()
    """From the domain itself upwards."""
    several: tuple[str, ...] = ()
    """Names with more than one record, which count as none."""
    faults: tuple[str, ...] = ()

    @property
    def organizational_domain(self) -> str:
        """The domain that alignment compares (RFC 9989, 4.10.2)."""
        for policy in self.policies:
            if policy.psd == "n":
                return policy.domain
            if policy.psd == "y" and policy.domain != self.domain:
                below = self.domain.removesuffix(f".{policy.domain}")
                return f"{below.rpartition('.')[2]}.{policy.domain}"
        return self.policies[-1].domain if self.policies else self.domain

    @property
    def policy(self) -> Policy | None:
        """The record that holds for the domain (RFC 9989, 4.10.1): its own, the organization's, or the registry's."""
        own = self.organizational_domain
        found = {policy.domain: policy for policy in self.policies}
        for domain in (self.domain, own):
            if domain in found:
                return found[domain]
        return next((policy for policy in self.policies if policy.psd == "y"), None)


def walk_up(ask: Ask, domain: str) -> Walk:
    """Ask for the records of a domain and of those above it."""
    policies, several, faults = [], [], []
    for name in _names(domain):
        answer = ask(f"_dmarc.{name}", "TXT")
        found = [policy for text in answer.values if (policy := _parse_policy(name, text))]
        if answer.fault:
            faults.append(f"_dmarc.{name} {answer.fault}")
        if len(found) > 1:
            several.append(name)
        if len(found) == 1:
            policies.append(found[0])
            if found[0].psd == "n" or (found[0].psd == "y" and name != domain):
                break
    return Walk(domain, tuple(policies), tuple(several), tuple(faults))


def _parse_policy(domain: str, text: str) -> Policy | None:
    """The policy in the text of a record; None if it is no DMARC record."""
    parts = [part.partition("=") for part in text.split(";")]
    tags: dict[str, str] = {}
    for name, _, value in parts:
        if name.strip():
            tags.setdefault(name.strip().lower(), value.strip())
    is_first = parts[0][0].strip().lower() == "v"
    # The version is compared as it stands (RFC 9989, 4.7).
    return Policy(domain, text, tags) if is_first and tags.get("v") == "DMARC1" else None


def _names(domain: str) -> list[str]:
    labels = domain.split(".")
    # From a long name the walk goes on seven labels from the end, so that nobody can make it longer.
    start = max(1, len(labels) - (MOST_QUERIES - 1))
    return [".".join(labels), *(".".join(labels[at:]) for at in range(start, len(labels)))]
