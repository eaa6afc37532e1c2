"""Free mail: providers at whose domains nobody but they may send, so that an issue from such an address is refused.

Their DMARC policies tell every other server to quarantine or reject what they did not sign themselves (RFC 7489).
"""

from newsletter.addresses import provider_groups

_OWN_GROUPS = {"gmail", "icloud", "outlook", "yahoo"}
_NAMES = """
126.com 163.com bigpond.com bk.ru bluewin.ch btinternet.com centrum.cz comcast.net cox.net daum.net email.cz
fastmail.com fastmail.fm free.fr freemail.hu freenet.de gazeta.pl gmx.at gmx.ch gmx.com gmx.de gmx.eu gmx.fr gmx.net
hey.com hushmail.com inbox.lv inbox.ru interia.eu interia.pl laposte.net libero.it list.ru mail.com mail.de mail.ru
mailbox.org naver.com neuf.fr o2.pl onet.eu onet.pl op.pl orange.fr pm.me poczta.fm poczta.onet.pl posteo.de proton.me
protonmail.ch protonmail.com qq.com rediffmail.com seznam.cz sfr.fr sky.com t-online.de talktalk.net telus.net
tiscali.it tlen.pl tuta.com tuta.io tutanota.com tutanota.de ukr.net virgilio.it virginmedia.com wanadoo.fr web.de
wp.pl ya.ru yandex.by yandex.com yandex.kz yandex.ru zoho.com
"""
_DOMAINS = frozenset(_NAMES.split())
_EVERY = provider_groups.ProviderGroups()


def provider(address: str) -> str:
    """The domain of an address at a free-mail provider; empty for any other address."""
    domain = address.rpartition("@")[2].strip().lower().rstrip(".")
    return domain if domain in _DOMAINS or _EVERY.of_domain(domain) in _OWN_GROUPS else ""


def warning(address: str) -> str:
    """What is wrong with sending issues from such an address, and what to do; empty where nothing is."""
    domain = provider(address)
    if not domain:
        return ""
    return (
        f"Issues from an address at {domain} are refused or end up in spam folders: only {domain} itself may send in "
        "its name, and readers’ mail servers check that (DMARC). Use an address at a domain of your own; replies may "
        f"still go to {address}."
    )
