"""The mailbox that sign-up limits count by: the same for every spelling of an address that it receives mail for.

Only for the limits. Everywhere else two spellings are two subscribers (see `newsletter.addresses.mailboxes`).
"""

from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.audience.address import Address

_GROUPS = ProviderGroups()
_GMAIL = "gmail"
# Beside the provider groups: these offer mailboxes to everybody, so many of their users may sign up within one hour.
_GIVES_TO_EVERYBODY = """
    126.com 163.com bluewin.ch btinternet.com comcast.net fastmail.com free.fr freenet.de gmx.at gmx.ch gmx.com gmx.de
    gmx.net hey.com hushmail.com interia.pl laposte.net libero.it mail.com mail.ru mailbox.org naver.com o2.pl onet.pl
    op.pl orange.fr posteo.de proton.me protonmail.com qq.com sfr.fr sky.com t-online.de talktalk.net telus.net
    tuta.io virginmedia.com wanadoo.fr web.de wp.pl yandex.com yandex.ru zoho.com
"""
_PROVIDERS = frozenset(_GIVES_TO_EVERYBODY.split())


def mailbox_of(address: Address) -> str:
    """The mailbox behind an address: without a plus tag (RFC 5233), and for Gmail without dots."""
    name, _, domain = address.key.rpartition("@")
    name = name.partition("+")[0] or name
    if _GROUPS.of_domain(domain) == _GMAIL:
        return f"{name.replace('.', '')}@gmail.com"
    return f"{name}@{domain}"


def is_provider(domain: str) -> bool:
    """Whether the domain offers mailboxes to the public, so that its users have nothing to do with each other."""
    return domain in _PROVIDERS or _GROUPS.of_domain(domain) != domain
