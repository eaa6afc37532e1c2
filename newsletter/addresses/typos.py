"""Typing errors in the domain of an address: `gmial.com` is probably `gmail.com`.

Only a hint, for real domains differ by a letter from the large ones; the person decides.
"""

from functools import lru_cache

from newsletter.addresses import mailboxes

# The largest providers of mailboxes; their neighbours in _NO_ERRORS exist, and are never taken for errors.
_LARGEST = (
    "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com",
    "protonmail.com", "yahoo.co.uk", "yahoo.fr", "hotmail.fr", "hotmail.co.uk", "web.de", "gmx.de", "gmx.net",
    "t-online.de", "orange.fr", "wanadoo.fr", "laposte.net", "libero.it", "comcast.net", "verizon.net", "wp.pl",
)  # fmt: skip
_NEIGHBOURS = """
    mail.com email.com fmail.com gmx.com gmx.at gmx.ch me.com msn.com mac.com ymail.com rocketmail.com love.com
    yahoo.ca yahoo.de yahoo.es yahoo.it yahoo.in hotmail.de hotmail.es hotmail.it live.fr live.nl live.ca live.de
    outlook.fr outlook.de outlook.es outlook.it wp.eu o2.pl op.pl aim.com aon.at web.com iloud.com cloud.com
"""
_NO_ERRORS = frozenset(_NEIGHBOURS.split())


def suggestion(email: str) -> str:
    """The address that was probably meant, if its domain is one typing error from a large provider's; else empty."""
    name, _, domain = email.strip().rpartition("@")
    host = mailboxes.host_of(domain)
    provider = _provider_meant_by(host)
    return f"{name}@{provider}" if provider else ""


@lru_cache(maxsize=1_000)
def _provider_meant_by(host: str) -> str:
    if host in _LARGEST or host in _NO_ERRORS:
        return ""
    return next((one for one in _LARGEST if _is_one_slip(host, one)), "")


def _is_one_slip(typed: str, correct: str) -> bool:
    """Whether one letter is missing, too many or another, or two neighbours changed places."""
    # In a short name, one letter makes another name: life.com, line.com and olive.com are no live.com.
    if len(correct) < 9 or abs(len(typed) - len(correct)) > 1:
        return False
    # Another country's is the same provider's there: hotmail.fi, yahoo.gr.
    if typed[:-2] == correct[:-2] and typed[-3] == ".":
        return False
    start = next((n for n, (one, other) in enumerate(zip(typed, correct, strict=False)) if one != other), None)
    if start is None:
        return len(typed) != len(correct)
    rest, wanted = typed[start:], correct[start:]
    swapped = rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:]
    return swapped or rest[1:] == wanted or rest == wanted[1:] or rest[1:] == wanted[1:]
