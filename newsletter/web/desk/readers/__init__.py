"""Readers at the desk."""
