"""Circuit breaker: stops a letter, or one provider's share of it, when servers refuse us and not the readers.

    refused for what we are or send ── a strike      taken ── what its provider held against us is forgotten
    five strikes in a row ── open: the letter pauses, or the copies to that provider are held
    a person goes on ── closed

"In a row" is: nothing of the letter was taken between, or, for one provider, nothing that went there. Strikes and
what is open are rows beside the ledger, written with the results themselves, so a kill forgets none and all workers
count together. What was refused by these strikes waits again, as if it had never been tried.
"""

from newsletter.delivery.breaker.strikes import Breaker
from newsletter.delivery.breaker.trips import (
    COMPLAINED,
    HELD,
    STRIKES,
    WHOLE,
    Strike,
    Trip,
    claim_report,
    close,
    open_trips,
    release_held,
    release_letter,
    resumption,
    unreported,
)

__all__ = [
    "COMPLAINED",
    "HELD",
    "STRIKES",
    "WHOLE",
    "Breaker",
    "Strike",
    "Trip",
    "claim_report",
    "close",
    "open_trips",
    "release_held",
    "release_letter",
    "resumption",
    "unreported",
]
