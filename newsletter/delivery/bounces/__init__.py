"""Bounces and complaints: read, classified, recorded and decided about; and the suppression list."""
