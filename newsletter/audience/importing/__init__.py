"""Lists from elsewhere: read, planned row by row, and applied; and the list of readers as a file."""
