"""The public pages, for readers and search engines."""
