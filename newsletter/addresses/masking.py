"""Masked addresses: enough to tell readers apart, and nobody's address, for lists that are printed or logged."""

import re

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"']+@[^\s@<>()\[\],;:\"']+")


def mask_address(address: str) -> str:
    """`a…@example.org`; what has no @ keeps its first character, and an erased one is empty."""
    local, at, domain = address.rpartition("@")
    return f"{(local or domain)[:1]}…{at}{domain if local else ''}" if address else ""


def mask_in_text(address: str, text: str) -> str:
    """A text, such as a server's reply, with this address masked in it, in whatever case it is repeated."""
    return re.sub(re.escape(address), lambda _: mask_address(address), text, flags=re.IGNORECASE) if address else text


def mask_all_in_text(text: str) -> str:
    """A text with every address masked in it, whosever it is."""
    return _ADDRESS.sub(lambda found: mask_address(found[0]), text)
