"""How somebody speaks who has a remedy to offer, beyond the usual words: what it does to an ill, and whom it replaces.

Each pattern is a table with one way of saying it in a row.
"""

import re

from newsletter.editorial.preflight.health_words import DOCTOR, ILLS, MEDICINE, OWN, PARTS, SOON


def _any_of(*ways: str) -> str:
    return f"(?:{'|'.join(ways)})"


_RUBS = _any_of(
    r"(?:draw|pull|suck|lift|push|press|knead|strok|massag|sweat|flush|burn|starv|walk|roll|breath|shak|melt|drain|iron)",
    r"(?:smooth|work|swing|danc|steam|soak|tap|squeez|freez|heat|coax|float|jog|cycl|swim|rock|sing|laugh|brush|leach)",
    r"(?:lure|tug|tweak|twist|crack|pop|zap|blast|sleep|ban|train|exercis|meditat|stretch|rub|wash|driv|knock|chas)",
)
"""What hands, tools and habits do until nothing is left of an ill, without the ending."""
_RUBS += r"(?:e|es|s|ed|d|ing|ning|ping|ming|ging)?"
_UNDOES = _any_of(
    r"(?:switch|turn)(?:es|s|ed|ing)? off",
    r"(?:wip|root)(?:es|s|ed|ing)? out",
    r"break(?:s|ing)? (?:up|down)",
    r"(?:silenc|delet|remov|eliminat|eradicat|neutrali[sz]|annihilat|deactivat|exorcis|solv|resolv)(?:es|ed|ing)",
    r"(?:extinguish|vanquish|demolish|smash)(?:es|ed|ing)",
    r"(?:destroy|uproot|evict|correct|halt|absorb|unlearn|lift)(?:s|ed|ing)",
    r"(?:dispel|expel|repel)(?:s|led|ling)|undo(?:es|ing)|outruns",
    r"(?:free|rid|releas|liberat|deliver|reliev|unburden|rescu)(?:e|es|s|d|ed|ding|ing)? (?:\w+ ){1,2}(?:from|of)",
)
_GONE = _any_of(
    r"(?:falls?|fell) silent",
    r"(?:surrender|retreat|flee|yield|capitulate|crumble)s?|gives? up|says? goodbye",
    r"(?:heals?|straightens?)(?: \w+ly| itself)?",
    r"(?:has|have) (?:to go|no future|nowhere to hide|met (?:its|their) match)",
    r"(?:leaves?|lets? go of) (?:you|your|the body)",
    r"(?:is|are|was|were) (?:(?!not\b|never\b|hardly\b)\w+ )?(?:beaten|defeated|cured|healed|conquered|solved)",
    r"(?:is|are|was|were) (?:a choice|optional|wiped out|blown away|switched off)",
    r"(?:never|(?:does|do|will) not|won['’]t|doesn['’]t|don['’]t) (?:comes?|returns?|stand a chance|last a)",
    r"stays? away (?:for|once|from now)|packs? (?:its|their) bags?|loses? (?:its|their) grip",
)
_OF_ITSELF = (
    r"(?! (?:by (?:itself|themselves)|on (?:its|their) own|(?:with|over) time|slowly|if|when|because|unless|until))"
)
_SO_MANY = (
    r"(?:\d+|\w+(?:-\w+)?) (?:out of|in|of) (?:a |every |our |my |the )?(?:\d+|ten|twenty|(?:one )?hundred|thousand)"
)
_AT_A_LOSS = _any_of(
    r"given up|gave up|failed|fails?|could not help|couldn['’]t help|nothing (?:left|more)",
    r"(?:is|are|was|were) (?:at a loss|helpless|powerless|at (?:its|their) wits['’]? end)",
)

_OVERCOMES = _any_of(
    rf"{_RUBS} {OWN}(?:[\w'’]+ )?{ILLS}(?: right| straight| clean| all)? (?:out|off|away|into the (?:floor|ground))",
    rf"{_RUBS} {OWN}(?:[\w'’]+ )?{ILLS} from (?:your|the|every) \w+",
    rf"{_RUBS} (?:out|off|away) {OWN}(?:\w+ )?{ILLS}",
    rf"{_UNDOES} {OWN}(?:\w+ )?{ILLS}",
    r"undo(?:es)? (?:\w+ ){0,2}(?:years|decades) of (?:sitting|pain|slouching|wear|bad)",
    rf"{ILLS} (?:\w+ly |simply |just |will |then |soon |all |at once )*{_GONE}{_OF_ITSELF}",
    rf"(?:put|set)s? {OWN}(?:\w+ )?(?:{ILLS}|{PARTS}) (?:right|straight|back in place)",
    rf"never (?:\w+ )?(?:gets?|catches|develops|suffers from|knows) {OWN}{ILLS}",
    rf"never again (?:will|does) {OWN}{PARTS} (?:hurt|ache|complain)",
    rf"walk away from {OWN}{ILLS}",
    rf"(?<!the )(?:and|to|you) end {OWN}{ILLS}",
    rf"(?:beat|stop|end|lose|shed|forget|outlive) {OWN}(?:\w+ )?{ILLS}(?: \w+)? {SOON}",
    rf"with (?:our|this|these|my|the)\b[^.!?;:,]{{0,40}}, {ILLS} (?:is|are) (?:over|history|gone)",
    rf"prevent(?:s|ed)? (?:every|any|all) (?:kind|sort|type|form)s? of {ILLS}",
    rf"(?:\w+(?:ology|therapy|pressure|puncture|tapping)|cupping) treats? {OWN}{ILLS}",
    rf"(?:fixed|saved|rescued|mended|repaired|straightened) (?:my|her|his|their|our) {PARTS}",
    rf"(?:repair|rebuild|re-?align|regrow|regenerate|rejuvenate) {OWN}(?:\w+ )?{PARTS}",
    r"(?:heals?|knits?|mends?|grows? back|recovers?|repairs?)(?: \w+)? (?:overnight|(?:with)?in (?:minutes|hours))",
    r"\d+ ?(?:%|per ?cent) (?:success|cure|recovery|healing)(?: rates?)?",
    r"nothing else (?:works|helps|cures)",
    rf"{OWN}{DOCTOR} (?:do|does) not want you to (?:know|see|hear|read)",
    r"the (?:only|last) (?:\w+ )?(?:exercise|stretch|remedy|treatment|therapy|pillow|mattress|massage|thing|move|cure)"
    r" (?:that )?(?:you|your \w+)(?: will|['’]ll)? ever need",
    rf"{_SO_MANY}(?: \w+){{0,5}} (?:without|free of|free from|rid of|pain-?free|painless|symptom-?free|cured|healed)",
    rf"(?:when|where|if|after|though) {OWN}(?:{DOCTOR}|(?:\w+ )?medicine) (?:\w+ )?(?:has |have |had )?{_AT_A_LOSS}",
)
OVERCOMES = re.compile(rf"\b{_OVERCOMES}(?!\w)", re.IGNORECASE)
"""An ill that is overcome, for certain or for ever."""

_AID = r"(?:crutches|walking sticks?|sticks?|canes?|corsets?|braces?|wheelchairs?|walkers?|hearing aids?|insoles)"
_EXAM = r"(?:scans?|MRIs?|MRI scans?|x-?rays?|check-?ups?|blood tests?|appointments?|referrals?|screenings?)"
_ALARM = _any_of(
    r"numbness|tingling|tingles?|paralysis|chest pains?|fevers?|night sweats?|lumps?|incontinence|loss of \w+",
    r"weakness in \w+ \w+|weak legs?|numb \w+|(?:goes|go|is|are|turns?) numb|blood in \w+ \w+",
)
"""What sends a reader to the doctor, in any letter about backs."""
_WAVED_AWAY = _any_of(
    r"nothing to worry about|no (?:cause|reason) (?:for|to)|harmless|(?:perfectly|quite) normal|a good sign",
    r"can be ignored|(?:shows?|means?) (?:\w+ ){0,3}(?:works|working|heal\w*)",
)

_TALKS = _any_of(
    rf"(?:leav(?:e|ing)|left) {OWN}(?:\w+ )?{MEDICINE} (?:out|off|away|aside|untouched)\b",
    rf"(?:put|lay|set)(?:ting|s)? down {OWN}{MEDICINE}\b",
    rf"(?:refus|declin|postpon)(?:e|ing) {OWN}(?:{MEDICINE}|{DOCTOR}|{_EXAM})\b",
    rf"(?:turn down|call off|put off|cancel|skip) {OWN}(?:{DOCTOR}|{_EXAM}|radiotherapy)\b(?! (?:if|when|in time|by))",
    rf"(?:thr(?:ow|ew)(?: away)?|binn?(?:ed)?|ditch(?:ed)?|toss(?:ed)?|burnt?|sell|forget|goodbye to) {OWN}{_AID}\b",
    rf"no more {_EXAM}\b(?! (?:today|until|in|on|this|are|for))",
    rf"(?:forget|never mind) {OWN}{_EXAM}\b",
    rf"stop wasting (?:your |any )?(?:\w+ )?(?:money|time) (?:on|with) {OWN}(?:{MEDICINE}|{DOCTOR})\b",
    rf"need neither {OWN}(?:{MEDICINE}|{DOCTOR})\b",
    rf"what {OWN}{DOCTOR} (?:cannot|can['’]t|never|could not) \w+",
    rf"{MEDICINE} (?:only |just |really )?(?:poison|kill|ruin|wreck|damage|destroy)s? (?:you|your)\b",
    rf"{DOCTOR} (?:\w+ ){{0,2}}out of (?:work|a job|business)\b",
    rf"{DOCTOR} (?:can|will|may) (?:retire|go home|close|pack up|(?:\w+ )?be (?:amazed|speechless|lost for words))\b",
    rf"{_ALARM}\b[^.!?;:]{{0,40}}\b{_WAVED_AWAY}",
    rf"(?:ignore|(?:push|stretch|work|walk|massage) through|don['’]t mind) {OWN}{_ALARM}\b",
)
TALKS_OUT_OF_TREATMENT = re.compile(rf"\b{_TALKS}", re.IGNORECASE)
"""Advice to leave off what was prescribed, to spare oneself an examination, or to pass over a sign of alarm."""
