"""Backup: the whole press in one file, and out of it again.

    taking.py      every table at one instant, the pictures and the keys, while everything goes on
    archive.py     the file: what may be in it, and whether it is whole
    restoring.py   all of it into an empty database, or nothing
    placing.py     the keys, put where none is yet
    numbers.py     the numbers that mail bears, which are never given twice
    tables.py      a table's rows as text that PostgreSQL and SQLite both read
    manifest.py    what a backup says of itself

What was restored sends nothing by itself: see delivery/workers/send_permission.py.
"""
