"""Attribution: whether a claim is the letter's own, or is denied, asked, quoted or attributed to somebody else."""

import re

from newsletter.editorial.preflight.context import Passage
from newsletter.editorial.preflight.health_claims import Match

_REACH = 160
"""How many characters before and after are examined: a clause or two."""

_DENIED = re.compile(
    r"(?:\b(?:(?<!why )not(?! (?:only|just|merely)\b)|never(?! mind)"
    r"|nothing(?! (?:else|better|safer|faster|stronger)\b)|nobody|none|neither|nor|cannot"
    r"|can['’]t(?! (?:wait|"
    r"believe))|rarely|hardly|beware|myths?|avoid\w*|ignor\w+|distrust\w*|wary|sceptical|skeptical|unlikely|unable|fail"
    r"\w*|refus\w+|doubt\w*|deny|denie[sd]|impossible|far from|wrong\w*|untrue|false\w*|scams?|quack\w*|bogus"
    # “Lie on the mat” denies nothing.
    r"|lies?(?! (?:on|down|back|in|flat|still|under|here|there|over)\b)"
    r"|fake|unproven|no longer|too good|warn\w*"
    r"|(?!(?:don|won|can)['’]t (?:miss|wait|worry|delay|hesitate|believe))[a-z]+n['’]t(?! (?:miss|wait|worry|delay"
    r"|hesitate|believe))"
    r"|(?:search\w*|quest|hop(?:e|ed|es|ing)|hunt\w*|wait\w*|research|look\w*|long\w*|wish\w*"
    r"|pray\w*) (?:\w+ ){0,2}(?:for|into))\b(?:[^\w'’.!?;:-]+[\w'’-]+){0,8}"
    # “No better oil cures it” denies nothing.
    r"|\b(?:no(?! (?:doubt|wonder|question|more|need|other|better|safer|faster|quicker|easier|surer|stronger)\b)"
    r"|without|instead of)\b(?:[^\w'’.!?;:,-]+[\w'’-]+){0,6}(?!\s*,))"
    r"[^\w.!?;:]*$|\bno (?:proof|evidence|trial|study|studies)\b[^.!?;:]*$",
    re.IGNORECASE,
)
_DENIED_BEHIND = re.compile(
    r" (?:nothing|nobody|no one|none|no\b)|[\"”’*_]*(?: (?:for|of|to|from) [\w-]+(?: \w+){0,2}?| \w+(?:ly|ing)| claims?"
    r"| cures?)? "
    r"(?:(?:do|does|did|is|are|was|were|has|have|can)(?: not|n['’]t)|cannot|would|ha(?:s|ve) yet"
    r"|(?:is|are|remains?) (?:only |just |still )?"
    r"(?:an? |)(?:\w+ )?(?:myths?|lies?|lie|nonsense|unknown|rare|unproven|false|impossible|unlikely|sales talk"
    r"|(?:words? |phrases? |claims? )?to (?:distrust|avoid|doubt|be wary)))\b",
    re.IGNORECASE,
)
_HEDGED_BEHIND = re.compile(
    r"[^.!?;:]{0,12}\b(?:a little|a bit|somewhat|to some (?:extent|degree)|in part|partly|in some (?:people|cases)"
    r"|for some"
    r"|more or less|only a little|in the short term)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\bwhether\b[^.!?;]*$|\b(?:may(?! as well| stop)|might(?! as well)|could|perhaps|possibly|would(?! (?:you|never))"
    r"|can help)\b(?: \w+){0,3} *$",
    re.IGNORECASE,
)
_ON_CONDITION = re.compile(
    # “It works even when doctors give up” sets no condition, and “after two sessions it is gone” is a promise.
    r"\b(?:if|(?<![a-z] even )when|whenever|once|until|till|unless|before|while|as (?:soon|long) as|in case)\b"
    r"(?: (?!you (?:want|wish|need|hope|long)\b)[\w'’-]+){0,3} *$",
    re.IGNORECASE,
)
_ATTRIBUTED = re.compile(
    r"\bin (?:the|an?|this|one|his|her|their) (?:adverts?|ads?|brochure|leaflet|poster|video|headline)\b[^.!?;]*$"
    r"|\b(?:so-called|supposed\w*|alleged\w*|(?:sold|touted|marketed|advertised|praised|known) as|claim(?:s|ed|ing)?"
    r"|(?:whoever|anyone|anybody|those|people|somebody|someone|sellers?|who|that|which|they|adverts?|ads?) "
    r"(?:who |that )?(?:tells? you|tell you|told (?:you|me|him|her|us)|asks? you|wants? you|advis\w+|promis\w+"
    r"|guarantee\w*|boast\w*|swears?|insists?|says?|said)"
    r"|(?:adverts?|ads?|advertis\w+|labels?|posters?|packets?|leaflets?|bottles?|flyers?|boxes|box|websites?|sellers?"
    r"|makers?|sales(?:man|people)|influencers?|headlines?|some|others|he|she|tales?|proverbs?|sayings?|books?"
    r"|papers?|articles?|legends?|rumours?|folklore)\b[^.!?;:]{0,40}"
    r"\b(?:say|says|said|promis\w+|insist\w*|tells?|told|boast\w*|swears?|swore|wrote|writes|read|reads|shout\w*"
    r"|asks?|calls?|called|assur\w+|argu\w+"
    r"|maintain\w*|thinks?|thought|hopes?|hoped)|believed"
    r"|believe[sd]? in|swore by|swears? by|used to)\b[^.!?;]*$"
    r"|\b(?:they|people|once|ancients?|monks?|romans?|greeks?|healers?|physicians|doctors)\b[^.!?;:]{0,20}"
    r"\b(?:thought|held|taught|said|claimed|swore)\b[^.!?;]*$"
    r"|\bwhat (?:looks?|sounds?|seems?|feels?|passes) (?:like|to be|as|for) (?:\w+ ){0,3}$"
    r"|\b(?:saying|proverb|tale|myth|rumour|belief|idea|notion|legend|superstition) that\b[^.!?;]*$"
    r"|\baccording to (?:\w+ ){0,2}(?:legends?|folklore|tradition|labels?|adverts?|sellers?|makers?"
    r"|packets?)\b[^.!?;]*$"
    r"|\b(?:sold|sells?|selling|offer(?:s|ed|ing)?|peddl\w+|hawk\w+) (?:\w+ ){0,3}$",
    re.IGNORECASE,
)
_AT_OUR_DOOR = re.compile(
    r"\b(?:we|I|this|our \w+) (?:promis\w+|guarantee\w*|claim\w*|say|swear|told|sell|offer)", re.IGNORECASE
)
_ATTRIBUTED_BEHIND = re.compile(
    r"^[^.!?;\"”]{0,60}[\"”’] (?:is|are|was|were|sounds?|means?|has|have)\b"
    r"|^[^.!?;]{0,60}\b(?:adverts?|ads?|labels?|posters?|packets?|leaflets?|bottles?|websites?|sellers?|makers?"
    r"|headlines?"
    r"|salesman|flyers?|influencers?)\b",
    re.IGNORECASE,
)
_DOUBTED_BEHIND = re.compile(
    r"\b(?:no|not a|hardly a?|little) (?:proof|evidence)\b|\banecdote"
    r"|\b(?:not|less) (?:so |quite )?(?:sure|certain|convinced)\b",
    re.IGNORECASE,
)
_SOLD_BEHIND = re.compile(
    r"[\w ]{0,30} (?:was|were|is|are|had been|has been) (?:\w+ )?(?:promised|sold|offered|advertised|claimed|praised"
    r"|believed|thought|rumoured)\b"
    r"|[^.!?;]{0,40}, says? (?:the|an?) (?:\w+ )?(?:proverb|saying|song|tale|guidelines?)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"“[^“”]*”|\"[^\"]*\"|‘[^‘’]*(?:’\w+[^‘’]*)*’(?!\w)|«[^«»]*»|„[^„“]*“")
_WITNESS = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Ww]e|us|[Oo]ur)\b")
# A rhetorical question is a sales claim.
_SELLS = re.compile(
    r"\W*(?:want|ready|tired|looking|would you like|wish|did you know"
    r"|why (?:not|wait|see|visit|go|pay|take|swallow|risk|undergo|endure"
    r"|live|spend|waste|accept"
    r"|bother|suffer)|who (?:still |even |really )?(?:needs|takes)|who wouldn)",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"\W*(?:because|no|not|hardly|sadly|nobody|nothing)\b", re.IGNORECASE)


def is_reported(passage: Passage, found: Match) -> bool:
    """Whether a match is denied, hedged, a condition, asked, quoted, or attributed to somebody else."""
    sentence, at = passage.sentence(found.start)
    end = at + found.end - found.start
    before, behind = sentence[max(0, at - _REACH) : at], sentence[end : end + _REACH]
    return bool(
        _DENIED.search(before)
        or _DENIED_BEHIND.match(behind)
        or _HEDGED.search(before)
        or (_ON_CONDITION.search(before) and "," not in passage.text[found.start : found.end])
        or _HEDGED_BEHIND.match(behind)
        or _SOLD_BEHIND.match(behind)
        or _DOUBTED_BEHIND.search(behind)
        or (_ATTRIBUTED.search(before) and not _AT_OUR_DOOR.search(before))
        or (end <= len(sentence) and _is_asked(sentence, passage.text[found.start - at + len(sentence) :][:_REACH]))
        or _is_quoted(sentence, at, end, behind)
    )


def _is_asked(sentence: str, answer: str) -> bool:
    is_question = sentence.rstrip(' \n*_"”’)]').endswith("?")
    return is_question and (not _SELLS.match(sentence) or bool(_ANSWERED.match(answer)))


def _is_quoted(sentence: str, start: int, end: int, behind: str) -> bool:
    """Whether it is in quotation marks; a testimonial still counts as our own claim."""
    quotation = next((one for one in _QUOTED.finditer(sentence) if one.start() < start and end < one.end()), None)
    return quotation is not None and (not _WITNESS.search(quotation[0]) or bool(_ATTRIBUTED_BEHIND.match(behind)))
