"""What became of a letter's copies: counts, speed, failures, clicks, and how long all of it is kept."""
