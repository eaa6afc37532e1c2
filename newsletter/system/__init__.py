"""The machine: files, folders, ports, and child processes."""
