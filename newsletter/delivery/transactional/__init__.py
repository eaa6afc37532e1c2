"""Single letters that somebody waits for: the outbox, and the mailer that empties it."""
