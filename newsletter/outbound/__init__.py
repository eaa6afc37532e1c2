"""The only door to addresses that people typed: does a page answer there, and what does a small file hold?

An address may lead anywhere, into our own network too, and it may do so only after a redirect or when its name is
looked up again. So a name is looked up once for each hop, every address that it has must be one of the open internet,
and the connection goes to that very address. Only ports 80 and 443, no credentials, no proxy; of a page that is only
checked nothing is read but its head, and of a file no more than was asked for.

ssrf_guard   where an address leads, and whether we may go there
link_client  out to it, along its redirects, and back with what was said there (urllib3)
"""

from newsletter.outbound.link_client import Answer, LinkClient

__all__ = ["Answer", "LinkClient"]
