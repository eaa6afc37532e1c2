"""Answers from outside about an issue, kept until they are stale: do its links answer, what says the spam filter."""
