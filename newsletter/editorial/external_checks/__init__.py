"""Checks that ask programs outside: link checks and SpamAssassin, with their results cached."""
