"""Reports at the desk: what came of each issue, and the readers behind each number."""
