"""Workflows: one module for each operation that involves more than one of audience, editorial and delivery."""
