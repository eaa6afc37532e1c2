"""An issue's source: a Markdown file with front matter, read, checked, and shown as a form."""
