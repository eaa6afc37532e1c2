"""Addresses that must get nothing more, and why."""
