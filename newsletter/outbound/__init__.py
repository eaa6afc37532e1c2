"""Requests to URLs that people typed: does a page respond, and what does a small file contain?

A URL may lead anywhere, including our own network, and possibly only after a redirect or when its name is looked up
again. So a name is looked up once for each hop, all its addresses must be on the open internet, and the connection
goes to such an address. Only ports 80 and 443, no credentials, no proxy; of a page that is only checked the body is
not read, and of a file no more than was asked for.

ssrf_guard      which addresses may be reached
guarded_client  requests with redirects and deadlines (urllib3)
dns_client      questions to the name servers of DNS_RESOLVER (dnspython); domain_lookup asks whether a domain gets mail
"""

from newsletter.outbound.guarded_client import Answer, GuardedClient

__all__ = ["Answer", "GuardedClient"]
