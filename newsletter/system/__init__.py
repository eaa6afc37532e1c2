"""This machine: its files, folders and ports, and what ties its processes together."""
