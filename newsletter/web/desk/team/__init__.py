"""The team at the desk: signing in, accounts, people, and the audit log."""
