"""The web: pages for readers and editors, and endpoints for operators.

public                                       sign-up, preferences, the archive, the feeds
desk                                         the editors' side
health, metrics                              endpoints for operators
context                                      services, time and client of a request
security, error_pages, template_helpers      what every page shares
proxies, connections, server                 the web server, and trusted proxies
"""

from newsletter.web.app import create_app

__all__ = ["create_app"]
