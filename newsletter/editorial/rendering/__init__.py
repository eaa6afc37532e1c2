"""Rendering: from an issue's source to its mail, as MJML, HTML and plain text."""
