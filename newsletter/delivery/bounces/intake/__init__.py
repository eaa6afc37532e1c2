"""How mail comes in: from a pipe, a mailbox (IMAP) or the mail server itself (LMTP), and how much of it did."""
