"""Sending an issue to all its readers: claim copies, hand them over, record each answer."""
