"""Mailboxes: which spellings of an address mean one mailbox, and how the DNS knows its host.

Only letter case is taken away. `ß` and `ss`, `ς` and `σ`, a ligature and its letters stay apart, because a server
may keep a mailbox for each; a person never gets the mail, the record or the erasure of another.
"""

import unicodedata

import idna


def mailbox_key(address: str) -> str:
    """A key that is equal for all spellings of an address: the mailbox part in lower case, the host as its A-label."""
    if address.isascii():
        return address.lower()
    # Composed and decomposed are one text (canonical equivalence, RFC 6532 3.1); compatibility forms are not.
    local, at, host = unicodedata.normalize("NFC", address).rpartition("@")
    # By itself, because the lower case of a Σ depends on the letters around it.
    return f"{local.lower()}@{host_of(host)}" if at else host.lower()


def legacy_mailbox_key(key: str) -> str:
    """The key of today as schema versions before 0014 spelled it, in which several mailboxes shared one key."""
    if key.isascii() and "xn--" not in key:
        return key
    local, at, host = key.rpartition("@")
    return f"{local}{at}{_u_labels(host)}".casefold()


def host_of(domain: str) -> str:
    """A host as its A-label, in lower case; a name that is not valid in the DNS, in lower case only."""
    try:
        return domain.lower() if domain.isascii() else a_labels(domain)
    except UnicodeError:
        return domain.lower()


def a_labels(domain: str) -> str:
    """The domain as the DNS knows it (IDNA 2008, UTS 46 non-transitional); UnicodeError if it cannot be one."""
    return idna.encode(domain, uts46=True).decode()


def is_ascii(address: str) -> bool:
    """Whether any mail server can take the address: its mailbox part is ASCII; a domain goes as its A-label."""
    return address.rpartition("@")[0].isascii()


def _u_labels(host: str) -> str:
    try:
        return idna.decode(host)
    except UnicodeError:
        return host
