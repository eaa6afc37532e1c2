"""Issues and every revision of their text: stored, drafted, compared, approved, corrected, archived."""
