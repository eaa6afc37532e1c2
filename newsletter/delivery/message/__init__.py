"""The bytes of a message: composed once, filled in for each reader, and signed. No database, no clock."""
