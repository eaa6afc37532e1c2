"""`newsletter issues`: each of its commands."""
