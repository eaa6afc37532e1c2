"""SPF (RFC 7208): reads a domain's record with all that it includes, and judges an address by it."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from newsletter.outbound.dns_client import Ask

MOST_LOOKUPS = 10
"""Terms that ask the DNS, in all records together; with more the record is void (RFC 7208, 4.6.4)."""
MOST_VOID = 2
"""Of these, how many may find nothing."""
# A hostile record could go on for ever; after this many terms nothing more is looked up.
_STOP_ASKING = 30
_MOST_HOSTS = 10

_TERM = re.compile(
    r"(?P<sign>[-+?~]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)(?:(?P<mark>[:/])(?P<value>\S+))?|"
    r"(?P<modifier>[a-z][a-z0-9_.-]*)=(?P<argument>\S*)",
    re.IGNORECASE,
)
_ALL = re.compile("[-+?~]?all", re.IGNORECASE)
_MODIFIER = re.compile("[a-z][a-z0-9_.-]*=", re.IGNORECASE)
_REDIRECT = re.compile("redirect=", re.IGNORECASE)
_PREFIXES = re.compile(r"(?P<host>[^/]*)(?:/(?P<four>\d{1,3}))?(?://(?P<six>\d{1,3}))?")
_ASKS = {"include", "a", "mx", "ptr", "exists", "redirect"}

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class SpfResult(StrEnum):
    """What a record says of an address."""

    PASS = "pass"  # noqa: S105  (RFC 7208's word)
    FAIL = "fail"
    SOFT_FAIL = "softfail"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"
    """It cannot be decided in advance: the record is void, or depends on more than the address."""


_SIGNS = {"+": SpfResult.PASS, "-": SpfResult.FAIL, "~": SpfResult.SOFT_FAIL, "?": SpfResult.NEUTRAL}


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism, or the redirect, with what its names stand for."""

    sign: str
    name: str
    value: str
    networks: tuple[Network, ...] = ()
    is_complete: bool = True
    """Whether the DNS said all that the networks depend on."""
    record: "SpfRecord | None" = None
    """Of the domain that it includes or redirects to."""


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A domain's record; without text if there is none."""

    domain: str
    text: str = ""
    terms: tuple[Term, ...] = ()
    fault: str = ""
    """Why the DNS gave no answer; completes a sentence about the domain."""
    problems: tuple[str, ...] = ()
    """What makes the record void, each a sentence; of those that it includes, too."""
    lookups: int = 0
    voids: int = 0
    unanswered: tuple[str, ...] = ()
    """What the DNS gave no answer to, each a sentence: mail is judged only when it does."""
    ignored: tuple[str, ...] = ()
    """The words that no receiver reads, because they stand behind `all`, or redirect beside it."""

    @property
    def ends_in(self) -> str:
        """The sign of `all`, also through a redirect; empty if the record says nothing of all others."""
        for term in self.terms:
            if term.name == "all":
                return term.sign
            if term.name == "redirect" and term.record:
                return term.record.ends_in
        return ""

    def uses(self, name: str) -> bool:
        """Whether this mechanism stands in the record or in what it includes."""
        return any(term.name == name or (term.record and term.record.uses(name)) for term in self.terms)

    def verdict(self, address: Address) -> SpfResult:
        """What the record says of mail from that address (RFC 7208, 4.6)."""
        if not self.text or self.problems or self.fault:
            return SpfResult.UNKNOWN
        possible: set[SpfResult] = set()
        for term in self.terms:
            if term.name == "redirect" and term.record:
                possible.add(term.record.verdict(address))
                break
            matches = _matches(term, address)
            if matches is not False:
                possible.add(_SIGNS[term.sign])
            if matches:
                break
        else:
            possible.add(SpfResult.NEUTRAL)
        return possible.pop() if len(possible) == 1 else SpfResult.UNKNOWN


def read_record(ask: Ask, domain: str) -> SpfRecord:
    """The SPF record of a domain, with all it includes; the problems of the whole are in the first."""
    walk = _Walk(ask)
    found = walk.read(domain, ())
    if walk.lookups > MOST_LOOKUPS:
        walk.problems.append(f"it needs {walk.lookups} DNS lookups, and at most {MOST_LOOKUPS} are made")
    if walk.voids > MOST_VOID:
        walk.problems.append(f"{walk.voids} of its names are not in the DNS, and at most {MOST_VOID} may be missing")
    problems, unanswered = (tuple(dict.fromkeys(sentences)) for sentences in (walk.problems, walk.unanswered))
    return replace(found, problems=problems, unanswered=unanswered, lookups=walk.lookups, voids=walk.voids)


def _matches(term: Term, address: Address) -> bool | None:
    """Whether the term matches the address; None if that cannot be decided."""
    if term.name == "all":
        return True
    if term.name == "include" and term.record:
        inner = term.record.verdict(address)
        return None if inner is SpfResult.UNKNOWN else inner is SpfResult.PASS
    if term.name in {"include", "redirect", "ptr", "exists"} or "%" in term.value:
        return None
    return any(address in network for network in term.networks) or (False if term.is_complete else None)


@dataclass
class _Walk:
    """Reads records, and counts what that costs a receiver."""

    ask: Ask
    lookups: int = 0
    voids: int = 0
    problems: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def read(self, domain: str, above: tuple[str, ...]) -> SpfRecord:
        answer = self.ask(domain, "TXT")
        texts = [text for text in answer.values if re.match(r"v=spf1(?: |$)", text, re.IGNORECASE)]
        if answer.fault:
            self.unanswered += [f"{domain}, which it includes, {answer.fault}"] if above else []
            return SpfRecord(domain, fault=answer.fault)
        if above and not texts:
            self.problems.append(f"{domain}, which it includes, has no SPF record")
        if len(texts) > 1:
            self.problems.append(f"{domain} has {len(texts)} SPF records, and may have one")
        if len(texts) != 1:
            return SpfRecord(domain, " | ".join(texts))
        words = texts[0].split()[1:]
        unread = _unread(words)
        terms = self._terms(domain, words, unread, (*above, domain))
        # A redirect counts only where nothing else matches, wherever it stands.
        ordered = sorted(terms, key=lambda term: term.name == "redirect")
        return SpfRecord(domain, texts[0], tuple(ordered), ignored=tuple(words[place] for place in sorted(unread)))

    def _terms(
        self, domain: str, words: Sequence[str], unread: Collection[int], path: tuple[str, ...]
    ) -> Iterator[Term]:
        modifiers: list[str] = []
        for place, word in enumerate(words):
            found = _TERM.fullmatch(word)
            if found is None or not _has_right_value(found):
                self.problems.append(f"“{word[:80]}” in the record of {domain} is not SPF")
            elif found["name"]:
                value = (found["mark"] if found["mark"] == "/" else "") + (found["value"] or "")
                if place not in unread and (found["mark"] is None or value):
                    yield self._term(found["sign"] or "+", found["name"].lower(), value, path)
            else:
                modifiers.append(found["modifier"].lower())
                if modifiers[-1] == "redirect" and place not in unread:
                    yield self._term("", "redirect", found["argument"], path)
        if any(modifiers.count(name) > 1 for name in ("redirect", "exp")):
            self.problems.append(f"the record of {domain} has redirect or exp twice")

    def _term(self, sign: str, name: str, value: str, path: tuple[str, ...]) -> Term:
        if name in {"ip4", "ip6"}:
            return Term(sign, name, value, tuple(self._literal(name, value, path[-1])))
        self.lookups += name in _ASKS
        if name not in _ASKS or "%" in value or self.lookups > _STOP_ASKING:
            return Term(sign, name, value)
        if name in {"include", "redirect"}:
            return Term(sign, name, value, record=self._included(value, path))
        if name == "exists":
            self.voids += self._is_void([value])
        if name not in {"a", "mx"}:
            return Term(sign, name, value)
        asked_before = len(self.unanswered)
        networks = tuple(self._hosts(name, value, path[-1]))
        return Term(sign, name, value, networks, is_complete=len(self.unanswered) == asked_before)

    def _included(self, domain: str, path: tuple[str, ...]) -> SpfRecord | None:
        if domain.lower().rstrip(".") in {each.lower() for each in path}:
            self.problems.append(f"{path[-1]} includes {domain}, which includes it in turn")
            return None
        if not domain:
            self.problems.append(f"an include in the record of {path[-1]} names no domain")
            return None
        return self.read(domain.rstrip("."), path)

    def _literal(self, name: str, value: str, domain: str) -> Iterator[Network]:
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            network = None
        if network is None or network.version != int(name[-1]):
            self.problems.append(f"“{name}:{value[:60]}” in the record of {domain} is not an address")
        else:
            yield network

    def _hosts(self, name: str, value: str, domain: str) -> Iterator[Network]:
        found = _PREFIXES.fullmatch(value)
        if found is None or int(found["four"] or 0) > 32 or int(found["six"] or 0) > 128:
            self.problems.append(f"“{name}:{value[:60]}” in the record of {domain} is not SPF")
            return
        hosts = [found["host"] or domain]
        if name == "mx":
            if fault := self.ask(hosts[0], "MX").fault:
                self.unanswered.append(f"{hosts[0]}, which it names, {fault}")
                return
            hosts = self._mail_hosts(hosts[0])
        addresses = [each for host in hosts for each in host_addresses(self.ask, host)]
        self.voids += self._is_void(hosts)
        for address in addresses:
            prefix = found["four"] if address.version == 4 else found["six"]
            yield ip_network(f"{address}/{prefix or address.max_prefixlen}", strict=False)

    def _mail_hosts(self, domain: str) -> list[str]:
        answer = self.ask(domain, "MX")
        if len(answer.values) > _MOST_HOSTS:
            self.problems.append(
                f"{domain} has {len(answer.values)} mail servers, and at most {_MOST_HOSTS} may be asked"
            )
        return [value.split()[-1] for value in answer.values][:_MOST_HOSTS]

    def _is_void(self, hosts: list[str]) -> bool:
        """Whether the DNS says that there are no addresses; where it says nothing, that is noted."""
        faults = [f"{host}, which it names, {fault}" for host in hosts if (fault := address_fault(self.ask, host))]
        self.unanswered += faults
        return not faults and not any(host_addresses(self.ask, host) for host in hosts)


def _unread(words: Sequence[str]) -> set[int]:
    """The places of the words that no receiver reads: mechanisms behind `all`, and a redirect anywhere beside it."""
    end = next((place for place, word in enumerate(words) if _ALL.fullmatch(word)), len(words))
    behind = {place for place, word in enumerate(words) if place > end and not _MODIFIER.match(word)}
    return behind | {place for place, word in enumerate(words) if end < len(words) and _REDIRECT.match(word)}


def _has_right_value(term: re.Match[str]) -> bool:
    """Whether a term has a value where the grammar wants one (RFC 7208, 12); `include` is told by its own words."""
    match (term["name"] or "").lower():
        case "all":
            return term["mark"] is None
        case "exists" | "ip4" | "ip6":
            return term["mark"] == ":"
    return True


def host_addresses(ask: Ask, host: str) -> list[Address]:
    """The addresses of a host, by A and AAAA."""
    return [ip_address(value) for kind in ("A", "AAAA") for value in ask(host, kind).values]


def address_fault(ask: Ask, host: str) -> str:
    """Why the DNS did not say what addresses a host has; empty if it did."""
    return next(filter(None, (ask(host, kind).fault for kind in ("A", "AAAA"))), "")
