"""Editorial: issues and their revisions, rendering to mail, preflight checks, and weekly slots."""
