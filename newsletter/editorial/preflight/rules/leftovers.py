"""The rule for leftovers: buttons and menus that were copied along with a text."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.registry import rule

_NETWORKS = r"(?:Facebook|Twitter|Instagram|LinkedIn|Pinterest|WhatsApp|YouTube|TikTok|Reddit|Telegram|Tumblr|Bluesky)"
_ANYWHERE = re.compile(
    rf"\b(?:{_NETWORKS}|Tweet|Share|Email|Print)X?{_NETWORKS}"
    rf"(?:{_NETWORKS}|Tweet|Share|Email|Print|X)*\b"
    r"|\bLeave a (?:Reply|Comment)\b|\b[Ss]hare this ?:(?=\s*(?:$|[A-Z]))"
    r"|(?i:\bskip to (?:main )?(?:content|navigation)\b"
    r"|\byour e-?mail address will not be published\b|\brequired fields are marked\b"
    r"|\bclick here to (?:un)?subscribe\b|\b(?:read more|continue reading) ?[»›→]|\[…\]|\[&hellip;\]"
    r"|\bview (?:this|it|the) (?:e-?mail |newsletter |message )?in (?:your|a) browser\b"
    r"|(?:©|\(c\)|copyright) ?\d{4}[^.]*\ball rights reserved\b|\bsave my name, e-?mail\b"
    r"|\benter your e-?mail address to\b|\bclick to (?:share|e-?mail|print)\b|\(opens in (?:a )?new (?:window|tab)\)"
    r"|\blike this: ?like loading)"
)
_WHOLE_LINE = re.compile(
    rf"[^\w\[]*(?:Posted (?:in|by) [A-Z][^.]*|(?:Posted|Published|Written) (?:by|on) [^.]{{,40}}\b(?:19|20)\d\d"
    rf"|(?:{_NETWORKS}|X)(?:[ ,|·/-]+(?:{_NETWORKS}|X|E-?mail|Print))+|(?i:"
    r"(?:leave a (?:reply|comment)|share this(?: post| article| page| story)?|like this|read more|continue reading"
    r"|share on (?:facebook|twitter|x|linkedin|whatsapp)|tweet this|pin it|print this(?: page)?|back to top"
    r"|(?:previous|next|older|newer) posts?|related (?:posts?|articles?)|you (?:may|might) also like|log ?in to reply"
    r"|(?:\d+|no) comments?(?: yet)?|comments are (?:closed|off)|filed under\b[^.]*|tagged(?: with)?:[^.]*"
    r"|accept (?:all )?cookies|we use cookies\b.*|cookie (?:policy|settings|preferences)|advertisement"
    r"|main menu|toggle (?:navigation|menu)|(?:\d+|one) min(?:ute)?s? read|loading|reply|tweet|search|menu|log ?in"
    r"|(?:subscribe to|sign up (?:for|to)|join) (?:our|the) (?:newsletter|mailing list)"
    r"|(?:(?:home|about(?: us)?|contact(?: us)?|blog|news|shop"
    r"|log ?in|faqs?|services"
    r"|privacy(?: policy)?|terms)[ |·/-]*){3,}|home [»›>] .*|all rights reserved)))\W*"
)


@rule()
def nothing_came_along_from_a_page(context: CheckContext) -> Iterator[Finding]:
    """Buttons and menus that were copied with a text lead nowhere in an email, and show where it was taken from."""
    for line in context.lines:
        words = line.text.strip()
        found = _ANYWHERE.search(line.text) or (_WHOLE_LINE.fullmatch(words) and re.search(r"\S", line.text))
        if found:
            excerpt = found[0] if len(found[0]) > 1 else words
            yield warning(
                f"“{excerpt[:60]}” looks as if it was copied from a web page",
                "delete it",
                *line.where(found),
            )
