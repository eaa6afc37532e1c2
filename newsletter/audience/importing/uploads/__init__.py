"""Lists that editors upload to be imported: questions, dry run, the import in the worker, and its report."""
