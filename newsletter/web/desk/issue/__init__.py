"""One issue at the desk: written, checked, approved, tested and corrected."""
