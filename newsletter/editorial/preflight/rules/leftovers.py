"""The rule for leftovers: buttons and menus that were copied along with a text."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.registry import rule

_NETWORKS = (
    "Facebook|Twitter|Instagram|LinkedIn|Pinterest|WhatsApp|YouTube|TikTok|Reddit|Telegram|Tumblr|Bluesky|Mastodon"
)
_BUTTONS = f"{_NETWORKS}|Tweet|Share|Pin|Pin it|E-?mail|Print|Save|Like|Copy link|X"


def _any_of(*ways: str) -> str:
    return f"(?:{'|'.join(ways)})"


_ANYWHERE = re.compile(
    _any_of(
        rf"\b(?:{_NETWORKS}|Tweet|Share|Email|Print)X?(?:{_NETWORKS})(?:{_NETWORKS}|Tweet|Share|Email|Print|X)*\b",
        r"\bLeave a (?:Reply|Comment)\b",
        r"\b[Ss]hare this ?:(?=\s*(?:$|[A-Z]))",
        r"\b(?:Share|Tweet|Pin|Like)\d+\b",
        r"\bPosted in [A-Z][^.|]*\|",
        r"^\W*By admin\b(?=\W*$|\W*on\b)",
    )
    + "|(?i:"
    + _any_of(
        r"\bskip to (?:main )?(?:content|navigation)\b",
        r"\byour e-?mail address will not be published\b|\brequired fields are marked\b",
        r"\bclick here to (?:un)?subscribe\b|\bclick to (?:share|tweet|e-?mail|print|enlarge|expand)\b",
        r"\b(?:read more|continue reading) ?[»›→]|\[(?:…|\.\.\.|&hellip;|read more|continue reading)\](?!\()",
        r"\bview (?:this|it|the) (?:e-?mail |newsletter |message )?in (?:your|a) browser\b|^\W*view in browser\b",
        r"(?:©|\(c\)|copyright) ?\d{4}[^.]*\.? ?all rights reserved\b",
        r"\bsave my name, e-?mail\b|\bname \* e-?mail \*|\bnotify me of (?:follow-?up comments|new posts)\b",
        r"\benter your e-?mail(?: address)? (?:to|below)\b|\b(?:this|our) (?:web)?site uses (?:cookies|akismet)\b",
        r"\bleave a (?:comment|reply) (?:below|or)\b|\b(?:log ?in|logged in) to (?:leave|post|reply)\b",
        r"\(opens in (?:a )?new (?:window|tab)\)|\blike this: ?like loading|\bproudly powered by\b",
        r"\bsent from my (?:iphone|ipad|android|phone|samsung)\b|---- ?original message ?----",
        r"\b(?:img|dscn?|pxl|screenshot)[_-]?\d{3,}\.(?:jpe?g|png|heic|gif)\b|\[object object\]",
    )
    + ")"
)
_LINE = (
    _any_of(
        r"Posted (?:in|by) [A-Z][^.]*",
        r"(?:Posted|Published|Written) (?:by|on) [^.]{,40}\b(?:(?:19|20)\d\d|\d:\d\d ?[ap]m)\b[^.]{,20}",
        rf"(?:{_BUTTONS})(?:[ ,|·/-]+(?:{_BUTTONS})){{1,12}}",
    )
    + "|(?i:"
    + _any_of(
        r"leave a (?:reply|comment)|(?:post|add a|submit) comment|be the first to comment|cancel reply",
        r"(?:\d+|no) comments?(?: yet)?|comments are (?:closed|off)|log ?in to reply|write a review|rate this post",
        r"share this(?: post| article| page| story| entry)?|share on (?:facebook|twitter|x|linkedin|whatsapp)",
        r"tweet this|pin it|save to pinterest|print this(?: page)?|e-?mail (?:this )?to a friend|like this|reblog",
        r"(?:like|follow) us on (?:facebook|instagram|twitter|x|youtube)|(?:\d+|one) (?:shares|views)",
        r"read more|learn more|continue reading|read the (?:full|whole) article|(?:\d+|one) min(?:ute)?s? read",
        r"(?:previous|next|older|newer|recent|related|latest|popular) (?:posts?|articles?)(?: ?: .*)?",
        r"you (?:may|might) also like|recommended for you|(?:view|see) all (?:posts|articles)(?: by .*)?",
        r"filed under\b[^.]*|tagged(?: with)?:[^.]*|(?:categor(?:y|ies)|tags):[^.]*|permalink|trackbacks?|pingback:.*",
        r"report this ad|edit this (?:entry|post)|reading time: .*|average rating.*|error 404|page not found",
        r"accept (?:all )?cookies|we use cookies(?: (?:to|on|and|for|in)\b.*)?",
        r"(?:cookie|privacy) (?:policy|settings|preferences)",
        r"terms (?:and|&) conditions|all rights reserved|powered by \w+|theme(?: by|:) .*|advertisement",
        r"you are here:.*|home [»›>] .*|main menu|(?:toggle|skip) (?:navigation|menu)|back to top|scroll down",
        r"search(?: for)? ?[:….]+|type here to search|enter your e-?mail(?: address)?|open in app|download pdf",
        r"(?:subscribe to|sign up (?:for|to)|join) (?:our|the) (?:newsletter|mailing list)|(?:subscribe|sign up) now",
        r"add to (?:cart|basket)|buy now|jump to recipe|video player",
        r"(?:(?:home|about(?: us)?|contact(?: us)?|blog|news|shop|log ?in|faqs?|services|privacy(?: policy)?|terms)"
        r"[ |·/-]*){3,}",
    )
    + ")"
)
_WHOLE_LINE = re.compile(rf"[^\w\[]*(?:{_LINE})\W*")
# These words may also stand alone in a line that goes on in the next.
_WHOLE_PARAGRAPH = re.compile(
    rf"[^\w\[#*+-]*(?:{_BUTTONS}|(?i:loading|reply|search|menu|log ?in|sign (?:in|up)|subscribe|next|previous|edit"
    r"|embed|copied|click here|undefined|null|nan))\W*"
)


@rule()
def nothing_came_along_from_a_page(context: CheckContext) -> Iterator[Finding]:
    """Buttons and menus that were copied with a text lead nowhere in an email, and show where it was taken from."""
    for passage in context.passages:
        is_all_buttons = all(_WHOLE_PARAGRAPH.fullmatch(line.text.strip()) for line in passage.lines)
        for line in passage.lines:
            words = line.text.strip()
            found = _ANYWHERE.search(line.text)
            if found or is_all_buttons or _WHOLE_LINE.fullmatch(words):
                place = found.start() if found else line.text.index(words)
                yield warning(
                    f"“{(found[0] if found else words)[:60].strip()}” looks as if it was copied from a web page",
                    "delete it",
                    line.number,
                    line.column(place),
                )
