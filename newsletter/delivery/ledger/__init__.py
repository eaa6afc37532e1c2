"""The ledger: a row for each copy, every move it can make, and what the servers answered."""

from newsletter.delivery.ledger.copies import (
    LEASE,
    Recovered,
    begin,
    claim,
    extend_leases,
    finish,
    halted_letters,
    reached_subscriptions,
    record,
    recover,
    recover_from,
    release,
    release_unbegun,
)
from newsletter.delivery.ledger.moves import ClaimedCopy
from newsletter.delivery.ledger.skipping import REOPEN_WITHIN, anonymize, skip_all_pending, skip_pending

__all__ = [
    "LEASE",
    "REOPEN_WITHIN",
    "ClaimedCopy",
    "Recovered",
    "anonymize",
    "begin",
    "claim",
    "extend_leases",
    "finish",
    "halted_letters",
    "reached_subscriptions",
    "record",
    "recover",
    "recover_from",
    "release",
    "release_unbegun",
    "skip_all_pending",
    "skip_pending",
]
