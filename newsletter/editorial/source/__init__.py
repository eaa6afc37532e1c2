"""Source: an issue as a Markdown file with front matter, parsed, validated, and edited as a form."""
