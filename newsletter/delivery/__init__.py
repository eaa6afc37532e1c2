"""Did each copy arrive? Letters, the outbox, the ledger, and the two lanes that carry them."""
