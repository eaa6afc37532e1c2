"""The rules: one rule, one function, over frozen facts."""
