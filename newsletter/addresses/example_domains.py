"""Example domains: names that are set aside for examples and tests, where no mail arrives (RFC 2606, RFC 6761)."""

_TOP_LEVEL = frozenset({"example", "invalid", "localhost", "test"})
_DOMAINS = frozenset({"example.com", "example.net", "example.org"})


def is_example(address: str) -> bool:
    """Whether an address is at an example domain."""
    labels = address.rpartition("@")[2].strip().lower().rstrip(".").split(".")
    return labels[-1] in _TOP_LEVEL or ".".join(labels[-2:]) in _DOMAINS
