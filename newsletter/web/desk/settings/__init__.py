"""A publication's settings at the desk."""
