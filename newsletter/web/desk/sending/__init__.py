"""Sending at the desk: the calendar, the queue, and an issue on its way."""
