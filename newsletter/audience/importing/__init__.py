"""Import of subscriber lists from other programs, and export of subscribers, both as CSV."""
