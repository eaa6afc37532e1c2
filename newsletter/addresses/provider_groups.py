"""Provider groups: which provider receives an address's mail, judged by its domain, and how much may go there.

A group is the domains that one provider receives mail for, or else the domain itself. Nothing is
looked up in the DNS; an operator adds hosted domains to a group by MAIL_LANE_DOMAINS.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from newsletter.addresses import mailboxes

EVERY_OTHER = "*"
"""In MAIL_LANES: each group that is not named, by itself."""

_GROUPS = {
    "gmail": ("gmail.com", "googlemail.com"),
    "icloud": ("icloud.com", "me.com", "mac.com"),
    "outlook": ("msn.com", "passport.com", "windowslive.com"),
    "yahoo": (
        "aim.com",
        "aol.com",
        "aol.co.uk",
        "aol.de",
        "aol.fr",
        "att.net",
        "bellsouth.net",
        "myyahoo.com",
        "rocketmail.com",
        "sbcglobal.net",
        "verizon.net",
        "ymail.com",
    ),
}
_SPOKEN = {"gmail": "Gmail", "icloud": "iCloud", "outlook": "Outlook", "yahoo": "Yahoo"}
_KNOWN = {domain: group for group, domains in _GROUPS.items() for domain in domains}
# These have a domain in nearly every country: yahoo.de, yahoo.co.jp, hotmail.com.br.
_WORLDWIDE = {"hotmail": "outlook", "live": "outlook", "outlook": "outlook", "yahoo": "yahoo"}
_COUNTRY = re.compile(r"com|[a-z]{2}|com?\.[a-z]{2}")

_DOMAIN = re.compile(r"[^\s@=,;*]+\.[^\s@=,;*.]+")
_GROUP = re.compile(r"[a-z][a-z0-9-]{0,62}")
_AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)/([shd])")
_LONGEST = 253


@dataclass(frozen=True, slots=True)
class Quota:
    """The most messages a second (evenly spaced), within any hour, and within any day; None for no limit."""

    per_second: float | None = None
    per_hour: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class ProviderGroups:
    """Which provider group an address is in, and its quota."""

    quotas: Mapping[str, Quota] = field(default_factory=dict)
    hosted: Mapping[str, str] = field(default_factory=dict)
    """The operator's own domains, each with its group."""

    def of_address(self, address: str) -> str:
        """The provider group of an address."""
        return self.of_domain(address.rpartition("@")[2])

    def of_domain(self, domain: str) -> str:
        """The provider group of a domain: a group's name, or the domain itself, as its A-label."""
        host = mailboxes.host_of(domain)
        return self.hosted.get(host) or _KNOWN.get(host) or _worldwide(host) or host

    def quota(self, group: str) -> Quota | None:
        """What may go there; None for no limit."""
        return self.quotas.get(group) or self.quotas.get(EVERY_OTHER)


def display_name(group: str) -> str:
    """A group as people call it: `Gmail`, or a domain as it is."""
    return _SPOKEN.get(group, group)


def parse_hosted(text: str) -> dict[str, str]:
    """MAIL_LANE_DOMAINS: `example.org=gmail, clinic.example=outlook`; ValueError, saying how to write it."""
    return dict(_hosted(item) for item in _items(text))


def parse_quotas(text: str, hosted: Mapping[str, str]) -> dict[str, Quota]:
    """MAIL_LANES: `gmail=20/s 10000/h, yahoo=5/s, *=2/s`; ValueError, saying how to write it."""
    groups = {*_GROUPS, *hosted.values()}
    named = [_pair(item, "gmail=20/s 10000/h") for item in _items(text)]
    pairs = [(mailboxes.host_of(group), amounts) for group, amounts in named]
    for group, _ in pairs:
        _require_group(group, groups, hosted)
    if twice := _repeated([group for group, _ in pairs]):
        raise ValueError(f"{twice} is listed twice; separate its limits with spaces: {twice}=20/s 10000/h")
    return {group: _quota(amounts) for group, amounts in pairs}


def _worldwide(domain: str) -> str | None:
    first, _, rest = domain.partition(".")
    return _WORLDWIDE.get(first) if _COUNTRY.fullmatch(rest) else None


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.lower().replace(";", ",").split(",") if item.strip()]


def _pair(item: str, example: str) -> tuple[str, str]:
    name, separator, value = (part.strip() for part in item.partition("="))
    if not (name and separator and value):
        raise ValueError(f"“{item}” cannot be read; write it like {example}")
    return name, value


def _hosted(item: str) -> tuple[str, str]:
    domain, group = _pair(item, "example.org=gmail")
    if not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST:
        raise ValueError(f"“{domain}” is not a domain; write it like example.org=gmail")
    if not _GROUP.fullmatch(group):
        raise ValueError(f"“{group}” cannot name a group: a letter, then letters, digits and dashes")
    return mailboxes.host_of(domain), group


def _require_group(group: str, groups: Collection[str], hosted: Mapping[str, str]) -> None:
    if group == EVERY_OTHER or group in groups:
        return
    if not _DOMAIN.fullmatch(group) or len(group) > _LONGEST:
        raise ValueError(f"“{group}” is neither a domain, nor *, nor one of the groups {', '.join(sorted(groups))}")
    if (whole := ProviderGroups(hosted=hosted).of_domain(group)) != group:
        raise ValueError(f"{group} belongs to the group {whole}; set the limit for {whole}")


def _repeated(names: list[str]) -> str | None:
    return next((name for place, name in enumerate(names) if name in names[:place]), None)


def _quota(amounts: str) -> Quota:
    found = {unit: amount for amount, unit in map(_amount, amounts.split())}
    if len(found) < len(amounts.split()):
        raise ValueError(f"“{amounts}” gives two limits of one kind")
    hour, day = found.get("h"), found.get("d")
    return Quota(found.get("s"), int(hour) if hour else None, int(day) if day else None)


def _amount(text: str) -> tuple[float, str]:
    read = _AMOUNT.fullmatch(text)
    amount = float(read[1]) if read else 0.0
    if not read or amount <= 0 or (read[2] != "s" and amount != int(amount)):
        raise ValueError(f"“{text}” is not a limit; write 5/s, 1000/h or 20000/d")
    return amount, read[2]
