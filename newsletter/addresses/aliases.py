"""Aliases: the addresses that reach one mailbox, by what its provider makes of tags, dots and its own domains.

Only for limits. Everywhere else two spellings are two subscribers (see `newsletter.addresses.mailboxes`).
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from newsletter.addresses.provider_groups import ProviderGroups


class _Rules(NamedTuple):
    domain: str = ""
    """The domain that stands for all that mean the same mailbox; empty if this one is by itself."""
    same: Mapping[int, int | None] = {}
    """Characters that are ignored, or mean another one."""
    tags: str = "+"
    """Whatever follows one of these characters is a tag (RFC 5233)."""


_GROUPS = ProviderGroups()
_BY_GROUP = {
    "gmail": _Rules("gmail.com", str.maketrans("", "", ".")),
    "icloud": _Rules("icloud.com"),
    "yahoo": _Rules(tags="+-"),  # disposable addresses are base-keyword@, and no name contains a hyphen
}
_PROTON = _Rules("proton.me", str.maketrans("", "", ".-_"))
_YANDEX = _Rules("yandex.com", str.maketrans("-", "."))
_BY_DOMAIN = {
    **dict.fromkeys(("proton.me", "protonmail.com", "protonmail.ch", "pm.me"), _PROTON),
    **dict.fromkeys(("ya.ru", *(f"yandex.{each}" for each in ("by", "com", "com.tr", "kz", "ru", "ua"))), _YANDEX),
}
_ANY = _Rules()
# anything@ada.fastmail.com reaches ada@fastmail.com.
_OWN_SUBDOMAIN = re.compile(r"([^.]+)\.(fastmail\.[a-z.]+)")


def mailbox_of(key: str) -> str:
    """The mailbox that the address with this key probably reaches, in one spelling."""
    name, _, domain = key.rpartition("@")
    if owned := _OWN_SUBDOMAIN.fullmatch(domain):
        name, domain = owned.groups()
    rules = _BY_DOMAIN.get(domain) or _BY_GROUP.get(_GROUPS.of_domain(domain), _ANY)
    for tag in rules.tags:
        name = name.partition(tag)[0] or name
    return f"{unicodedata.normalize('NFKC', name).casefold().translate(rules.same)}@{rules.domain or domain}"
