"""Sending at the desk: the calendar, the queue, scheduling, and an issue under way."""
