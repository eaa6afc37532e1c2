"""Backup: everything in one file, and restoring it.

    take.py        back up every table from one snapshot, the pictures and the keys, without downtime
    archive.py     the zip file: what it may contain, and verifying it
    restore.py     restore all of it into an empty database, or nothing; keys where there are none yet
    sequences.py   ids that appear in mail, and must never be reused
    tables.py      rows as text that both PostgreSQL and SQLite can load
    manifest.py    the description of a backup's contents

A restored database sends nothing until a person allows it: see delivery/workers/send_permission.py.
"""
