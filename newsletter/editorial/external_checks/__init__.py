"""What others said of an issue, kept until it is stale: whether its links answer, and what the spam filter makes of it."""
