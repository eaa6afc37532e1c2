"""SMTP (RFC 5321) from the client's side: the protocol without a socket, and the connections. No database, no clock."""
