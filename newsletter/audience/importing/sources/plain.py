"""A list of no program in particular: headers and words are understood in five languages."""

from newsletter.audience.importing.sources.source import define

PLAIN = define("plain", "a plain list")
