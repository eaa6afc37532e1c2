"""The rules of preflight: one rule, one function."""
