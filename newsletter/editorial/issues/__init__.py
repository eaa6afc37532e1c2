"""Issues and every revision of their text: storage, drafts, diffs, approvals, corrections, archive."""
