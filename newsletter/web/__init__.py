"""How people and programs reach the other rooms: the pages of readers, editors and operators.

public                                       a reader's way in and out, the archive, the feeds
desk                                         the editors' side
health, metrics                              what machines ask
context                                      what a request finds at hand: services, time, client
security, error_pages, template_helpers      what every page shares
proxies, connections, server                 the real server, and who is believed to be asking
"""

from newsletter.web.app import create_app

__all__ = ["create_app"]
