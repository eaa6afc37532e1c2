"""Reports at the desk: the results of each issue, and the readers behind each number."""
