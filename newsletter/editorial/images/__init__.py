"""Pictures: processed for mail, stored once under the hash of their content."""
