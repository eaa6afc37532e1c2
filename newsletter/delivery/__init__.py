"""Delivery: letters and their copies, the outbox, and what sends and records both."""
