"""The ledger: a row for each copy, every move it can make, and what the servers answered."""

from newsletter.delivery.ledger.copies import (
    LEASE,
    Claimed,
    Recovered,
    begin,
    blank,
    claim,
    extend_leases,
    finish,
    halted,
    reached,
    record,
    recover,
    recover_from,
    release,
    release_unbegun,
    skip_pending,
)

__all__ = [
    "LEASE",
    "Claimed",
    "Recovered",
    "begin",
    "blank",
    "claim",
    "extend_leases",
    "finish",
    "halted",
    "reached",
    "record",
    "recover",
    "recover_from",
    "release",
    "release_unbegun",
    "skip_pending",
]
