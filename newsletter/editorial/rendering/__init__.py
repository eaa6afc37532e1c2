"""From an issue's source to its mail: MJML, HTML that mail programs show, and plain text."""
