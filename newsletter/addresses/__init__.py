"""Addresses: spellings of the same mailbox, provider groups, free-mail domains, and masking."""
