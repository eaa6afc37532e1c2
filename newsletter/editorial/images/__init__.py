"""Pictures: processed for mail, named by their content, and stored once."""
