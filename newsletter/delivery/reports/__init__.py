"""Reports about a letter: counts, speed, failures, clicks, and retention of its copies."""
