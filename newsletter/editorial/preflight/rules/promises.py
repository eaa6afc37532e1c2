"""Rules for health promises: no cures or guarantees, and no advice against treatment."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from newsletter.editorial.preflight.attribution import is_reported
from newsletter.editorial.preflight.context import CheckContext, Passage
from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.health_words import BODY, DOCTOR, ILLS, MEDICINE, OWN, PARTS, SOON
from newsletter.editorial.preflight.registry import rule
from newsletter.editorial.preflight.remedies import OVERCOMES, TALKS_OUT_OF_TREATMENT

# In whatever tense somebody speaks who has a remedy to offer: what it does to an ill, and what it makes of a body.
_ENDS = re.compile(
    rf"\b(?:(?:(?:get|knock|wip|dissolv|revers|fight|driv|clear|shak|tak|keep|chas|put|mak|turn|wash|rub|stretch"
    rf"|breath)"
    r"(?:s|es|e|ed|ing|ting|ping)?|got|took|made|drove|kept|fought) "
    rf"(?:rid of|out|off|away|up|an end to|short work of)(?: of)? {OWN}(?:\w+ )?{ILLS}"
    rf"|(?:dissolv|revers|eras|outsmart|outwit|tam|crush|silenc|kill|stop|block|master|overcom)(?:es|s|ed|e) "
    rf"{OWN}(?!way)(?:\w+ )?{ILLS}"
    rf"|(?:reverse|dissolve|erase|defeat|conquer|banish) {OWN}(?:\w+ )?{ILLS}"
    rf"|(?:mak(?:es?|ing)|made|sends?|lets?) {OWN}(?:\w+ )?{ILLS} (?:disappear|vanish|go|fade|impossible|packing"
    r"|melt|a thing|history)"
    rf"|{ILLS} (?:simply |just |will |then |soon )*(?:vanish|disappear|melt|evaporat|dissolv)(?:es|e|ed|s)?\b"
    rf"|{ILLS} (?:is|are|was|were|will be|becomes?) (?:\w+ )?(?:history|a thing of the past|yesterday)"
    rf"|{ILLS} (?:is|are) (?:gone|over) (?:{SOON})"
    rf"|(?:your|all|every|any) (?:\w+ )?{ILLS} will (?:\w+ )?be (?:gone|over)"
    rf"|no {ILLS} (?!today|tonight|at last|from|for|before){SOON}"
    rf"|wak(?:e|es|ing) up (?:\w+ ){{0,2}}(?:without|free of|free from) {OWN}{ILLS}"
    r"|never (?:\w+ )?(?:fall|get|be) (?:ill|sick|sore|stiff) again"
    r"|you(?: will|['’]ll)? never (?:fall|get|be) (?:ill|sick)"
    rf"|(?:keeps?|keeping) {OWN}{ILLS} (?:away|at bay|off)"
    rf"|(?:goodbye|farewell|adieu|so long) to {OWN}(?:\w+ )?{ILLS}"
    rf"|{ILLS} (?:gone|stops?|ends?) {SOON}"
    r"|(?:in|within|after) (?:just |only )?(?:an?|one|two|three|four|five|six|seven|ten|twelve"
    r"|\d+) (?:\w+ )?(?:seconds?"
    r"|minutes?|hours?|days?|weeks?|months?|sessions?|treatments?),? (?:you|your|everybody|everyone|all|the|every|no)\b"
    r"[^.!?;:,]{0,40}\b(?:free of|free from|without|rid of|gone|painless|pain-?free|cured|like new)"
    rf"|(?:the|an|your) end (?:of|to) {OWN}(?:\w+ )?{ILLS}"
    rf"|(?:free (?:of|from)|rid of|without) {OWN}(?:\w+ )?{ILLS} {SOON}"
    rf"|(?:never again|no longer any) (?:\w+ )?{ILLS}"
    rf"|will (?:feel|have|know|suffer) no (?:more )?(?:\w+ )?{ILLS}"
    rf"|and (?:the|your|all|every) ?(?:\w+ )?{ILLS} (?:is|are|will be) (?:gone|over|history)"
    rf"|no {ILLS} (?:gets?|will get|can (?:get|touch|harm|hurt|reach)|comes?|will come|survives?)"
    rf"|(?:lower|bring|cut|halv|reduc)(?:s|es|e)?(?: down)? {OWN}(?:{ILLS}|blood sugar|cholesterol) (?:for good"
    rf"|for ?ever|for life|permanently)"
    r"|(?:will not|won['’]t|will never|never) hurt (?:any ?more|again|ever|you again)"
    r"|last time (?:that )?your? [^.!?]{0,20}"
    rf"hurts?|stops? hurting {SOON}"
    rf"|(?:mak|turn|leav)(?:es?|ing) {OWN}(?:[\w-]+ )?{PARTS} (?:as good as |like |into )?(?:\w+ )?"
    r"(?:young|new|whole|straight|perfect|supple)(?: again)?|turn(?:s|ed|ing)? back (?:the clock|time)"
    rf"|kiss {OWN}(?:\w+ )?{ILLS} goodbye"
    rf"|immun(?:e|ity) (?:to|against|from) {OWN}{ILLS}"
    rf"|never (?:\w+ )?(?:catch|get|have|suffer|suffer from|know|fear|develop) (?:a |an |another )?{ILLS}"
    rf"|(?:cannot|can['’]t|won['’]t|will not) (?:catch|get|develop|suffer from) (?:a |an |the )?{ILLS} (?!if|when"
    rf"|from)"
    rf"|(?:cannot|can['’]t|won['’]t|will not) (?:catch|get|develop|suffer from) (?:a |an |the )?{ILLS}\W"
    rf"|{ILLS} (?:has|have|stands?) no chance|no chance (?:for|to) {ILLS}"
    rf"|(?:no more|zero|without any|not a trace of) {ILLS}(?: (?:{SOON}|ever)|[.!]?$|[.!] )"
    rf"|(?:life|days?|nights?|future|years?) (?:without|free of|free from) {OWN}{ILLS}"
    rf"|rid of (?:all|every|your|the|any) (?:\w+ )?{ILLS}"
    rf"|(?:restor|rebuild|regrow|regenerat|renew|repair|re-?align|rejuvenat|mend|fix)(?:s|es) {OWN}"
    rf"(?:[\w-]+ )?{PARTS}\b"
    rf"|{PARTS} (?:slides?|slips?|pops?|jumps?|goes) back (?:in(?:to place)?|by itsel\w+|on its own|where)"
    rf"|(?:flush|draw|suck|sweat|pull|wash)(?:es|s)? (?:all |the |out )*(?:poison|toxin|acid|waste)s?"
    rf"|(?:cleans|purif|detoxif)(?:e|es|y|ies|ing) (?:your|the) (?:liver|blood|body|gut|bowels?|kidneys?|colon|system)"
    rf"|(?:complete|total|full)ly (?:healthy|healed|well|recovered) (?:again )?{SOON})(?!\w)",
    re.IGNORECASE,
)
_PROMISES = re.compile(
    r"\b(?:(?<!salt-)(?<!dry-)(?<!air-)(?<!sun-)cur(?:e|es|ed|ing|ative|e-alls?|able)"
    r"|guarante(?:e|es|ed|eing)|miracles?|miraculous(?:ly)?"
    r"|detox(?:es|ed|ing|if\w+)?|toxins?|breakthrough|wonder (?:drug|cure|remedy)|secret remed(?:y|ies)"
    rf"|(?:pain|ache|symptom|migraine|headache)s?(?:less|[- ]?free),? {SOON}"
    r"|for ?ever (?:pain|ache)[- ]?free"
    rf"|(?:free (?:of|from)|rid of|without|end (?:to )?)(?: your| all| the)? (?:\w+ )?(?:pains?|aches?) {SOON}"
    r"|(?:pains?|\w*aches?) (?:is|are|will be|(?:will )?(?:go|vanish|disappear|melt)(?:es|s)?(?: away)?) ?(?:gone )?"
    rf"{SOON}"
    rf"|goodbye to (?:\w+ ){{0,2}}{ILLS}"
    r"|never (?:have|feel|suffer|get|know|hurt)s? (?:\w+ ){0,3}again"
    r"|(?:(?:it|this|tea|oil|balm|cream|massage|ginger|turmeric|yoga|honey|vinegar|\w+ing|remedy) treats|stops|kills)"
    r" (?:cancers?|tumours?|arthritis|diabetes|dementia|asthma|depression|sciatica|migraines?|disease)"
    r"|(?:we|I) (?:can |do |solemnly )?promise\b|(?:you have|on) (?:our|my) word\b"
    rf"|(?:works|helps) (?:for|on|against|with) (?:all|every|any) (?:\w+ )?(?:kinds? |sorts? |types? )?(?:of )?{ILLS}"
    r"|(?:nobody|no one|not one) (?:\w+ )?(?:has |have )?(?:ever )?failed"
    r"|(?:it|this|that|method|exercise|routine) (?:always|invariably) (?:works|helps)|always works"
    r"|(?:works|helps|succeeds) (?:\w+ )?every (?:single )?time"
    r"|(?:hundred|100) ?(?:%|per ?cent) of (?:our|my|all) (?:\w+)"
    r"|(?:pains?|\w*aches?) gone (?:in|within|by|after|for)\b|painlessness (?:in|within|by|after|for)\b"
    r"|instant(?:ly)? (?:relie\w+|pain\w*|heal\w*)|risk-free|never fails"
    r"|(?:works|helps) (?:for )?(?:everyone|everybody|every time)"
    r"|(?:100|one hundred|hundred) ?(?:%|per ?cent) (?:safe|effective|natural|pain\w*|success\w*|relief|certain|sure)"
    r"|(?:work|help)(?:s|ed)? (?:in )?(?:100|one hundred) ?(?:%|per ?cent)(?!\w)"
    r"|permanent(?:ly)? (?:relie\w+|heal\w*|fix\w*|cure\w*)"
    rf"|(?:heal|fix|revers|end|banish|eliminat|eras|eradicat|conquer)(?:s|es|e|ed)? (?:any|all|every|your|chronic)"
    rf" (?:\w+ )?(?:{ILLS}|{BODY})"
    rf"|(?:end|banish|beat|defeat|eliminat|eras|eradicat|conquer|revers|heal)(?:s|es|ed) {ILLS}"
    r"|(?:clinically|scientifically|medically) proven|no side[ -]effects|melts? (?:away )?(?:pain|fat)"
    r"|(?:doctors?|they|big pharma|(?:pharma\w*|drug|medical) (?:industry|companies|firms?|lobby)|surgeons?) (?:\w+ )?"
    r"(?:hates?|do(?:es)?n['’]t want|hides?|hush(?:es)? up|conceals?|keeps? (?:from|secret)|won['’]t tell|will not tell"
    r"|will never tell|fears?)"
    rf"|(?:prevents?|prevented|preventing|wards? off|protects? (?:\w+ )?(?:against|from)) {ILLS}"
    r"|lose (?:\d+|an?|two|three|five|ten) (?:kg|kilos?|pounds?|lbs?|stone|inch\w*) (?:in|by|within|overnight))(?!\w)",
    re.IGNORECASE,
)
# “Heals your back” is a promise; “your back heals” is what bodies do.
_HEALS = re.compile(
    r"\b(?:heals|healed|heal|healing) (?:you\w*|me|my\w*|his|her\w*|our\w*|their|us|them\w*|any\w*|all|every\w*"
    r"|the|an?|chronic|back|pain|\w+ pain|thousands|hundreds|millions|many|people|patients"
    r"|from within|naturally|instantly"
    r"|in (?:minutes|seconds|hours|no time)|faster|what)\b"
    r"|\bhealing (?:power|touch|oil|effect|hand|propert|energ|tea|crystal|stone|balm|magic|miracle|force)\w*"
    r"|\b(?:can|will|to|has|have|truly|really|also|even) heal(?:ed)?\b|\bheals\b|\b(?:am|was|were|is|are|be) healed\b",
    re.IGNORECASE,
)
_OF_ITSELF = re.compile(
    r"(?:\b(?:wounds?|skin|bones?|cuts?|scars?|tissues?|muscles?|fractures?|breaks?|tears?|sprains?|strains?|injur\w+"
    r"|ligaments?|tendons?|burns?|blisters?|discs?|bruises?|ankles?|wrists?|ribs?|bod(?:y|ies)|backs|grazes?|stitches"
    r"|(?:back )?pains?|incisions?|nails?|gums?|cartilage|nerves?)"
    r"|\b(?:while|until|till|as|before|once|when|if|after|how|that) (?:it|they|one|this)"
    r"|\b(?:time|needs?|let\w*|chance|room|weeks?|days?|months?|begins?|began|starts?|slow|quick))"
    r"(?: (?:\w+ly|usually|often|has|have|had|will|can|may|then|soon|only|is|are|was|were|must|be|been|also|you|that"
    r"|it|them|mostly|well|to|you have|of))*\s*$",
    re.IGNORECASE,
)
# How an ill mostly ends is knowledge, and says how sure it is.
_TIMED = re.compile(r"(?:pain|ache|free|gone|disappear|vanish|rid|ends?\b|stops?\b)", re.IGNORECASE)
_USUAL = re.compile(
    r"\b(?:most|many|some|half|usually|often|mostly|on average|in general|as a rule|typically|normally|generally"
    r"|nine (?:in|out of) ten|the majority|sometimes)\b[^.!?;:]*$",
    re.IGNORECASE,
)
_NOT_MEANT = re.compile(
    r"cure (?:is|was|can be|may be|seems) worse than|"
    # Food, leather and glue are cured; a chair, a seat and a price are guaranteed; our own livers clear toxins.
    r"(?:cured?|cures|curing) (?:of )?(?:the |some |your )?(?:ham|meats?|bacon|fish|salmon|sausages?|olives?|concrete"
    r"|resin|leather|pork"
    r"|cheese|beef|egg|yolk|trout|tobacco|vanilla|hay)"
    r"|guarantee to (?:\w+ ){1,2}(?:years?|months?)"
    r"|guarante(?:e|es) (?:card|period|slip|certificate"
    r"|(?:runs|covers|expires|lasts|ends|ended|ran|is valid|for|on|of)\b)"
    r"|guaranteed (?:place|seat|spot|minimum|price|hours?|income|delivery|for (?:\w+ ){1,3}(?:years?|months?))"
    r"|guaranteed until|guarantee(?:s|d)? (?:you |your |a |the |that |each )*(?:\w+ )?(?:place|seat|spot|price"
    r"|delivery)"
    r"|cures? [^.!?;:,]{0,25}boredom|(?<=the )guarantee\b(?! that| of| to)|(?<=its )guarantee\b(?! that)"
    r"|(?<=take a )miracle|(?<=need a )miracle"
    r"|breakthrough in (?:the )?(?:tunnel|talks?|negotiations?|peace|case|wall)|miracle (?:street|road|lane|mile"
    r"|play)|detox (?:is|means)",
    re.IGNORECASE,
)
_NOT_MEANT_AFTER = re.compile(
    r"(?:\b(?:years?|months?|days?|weeks?|maker|manufacturer|shop|seller|chair|bed|mattress|desk|table)(?:['’]s?)?[ -]"
    r"|\b(?:lifetime|money-back|price|extended|written|paper|under|out of|off|with an?|maker['’]?s|has an?|have an?"
    r"|(?:seat|ticket|place|spot|price|delivery|refund|entry|room|table)s? (?:is|are))[ -])$"
    r"|\b(?:ham|concrete|resin|glue|paint|varnish|epoxy|cement|plaster|hams|bacon|salmon|leather) (?:\w+ ){0,2}$"
    r"|\b(?:receipts?|warranty|invoice)\b[^.]{0,40}$|\b(?:vaccin\w+|jabs?)\b[^.]{0,30}$"
    r"|\b(?:film|novel|movie|opera|fairy tale)\b[^.]{0,40}$"
    r"|\b(?:minor|small|little|the word|the term|so-called) $|\b(?:livers?|kidneys|lungs|bacteri\w+"
    r"|botulin\w*)\b[^.]{0,40}$",
    re.IGNORECASE,
)

_IN_BODIES = re.compile(r"\b(?:livers?|kidneys|lungs|bod(?:y|ies)|immune system)\b[^.]{0,40}$", re.IGNORECASE)

_LEAVE_OFF = re.compile(
    rf"\b(?:replac(?:e|es|ed|ing)|(?:substitute|replacement|stand-in)s? for|instead of|in place of|better than"
    rf"|do(?:es)? the work of|tak(?:e|es|ing) the place of) {OWN}"
    rf"(?:(?!no\b|not\b)\w+ ){{0,4}}(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\b(?:stop|stopping|quit|quitting) (?:taking |using |swallowing )?{OWN}(?:\w+[ -]){{0,2}}{MEDICINE}\b"
    rf"|\bwhy (?:see|visit|go to|ask|pay|take|swallow|bother) (?:for |with )?{OWN}(?:\w+ )?(?:{DOCTOR}|{MEDICINE})\b"
    rf"|\b(?:spar|sav)(?:e|es|ing) (?:you|yourself|the|your|any|a) ?(?:\w+ ){{0,3}}(?:to|for|at|of|from) {OWN}"
    rf"(?:{DOCTOR}|{MEDICINE})\b"
    r"|\bstop(?:ping)? taking (?:it|them)\b"
    rf"|\bstopped taking (?:my|his|her|their) (?:\w+ )?{MEDICINE}\b"
    rf"|\b(?:thr(?:ow|ew|owing)(?: away| out)?|bin|ditch|flush|forget|toss|skip|drop|leave off|come off|get off|go off"
    rf"|give up|goodbye to|away with|put away|cancel) {OWN}(?:no )?(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b"
    r"(?! (?:of|when|for|if|at once|or|to|before|soon|straight|not\b))"
    rf"|\b{MEDICINE}\? (?:\w+ ){{0,2}}(?:throw|toss|bin|ditch|flush|drop|forget|stop taking|leave) (?:them|it)\b"
    rf"|(?<![\w,;] )\bno (?:{MEDICINE}|{DOCTOR}),? (?:and )?no (?:more )?(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\b(?:nobody|no one) (?:really |ever )?needs {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b(?! (?:for|to|who|when))"
    r"|\b(?:(?:do not|don['’]t|no longer|never) (?:need|have) to|need not|needn['’]t) (?:see|visit|consult|go to)"
    rf" {OWN}{DOCTOR}\b(?! (?:if|when|for|because|before|until|without|about|too|yet|straight|at once|every|with))"
    rf"|\bno (?:more )?(?:{MEDICINE}|{DOCTOR})(?: or {MEDICINE}| or {DOCTOR})?,? (?:is |are )?"
    r"(?:needed|required|necessary|any ?more)\b"
    rf"|\bno more {MEDICINE}\b(?! than| today| tonight| until)"
    rf"|\bleave {OWN}(?:[\w-]+ ){{0,2}}{MEDICINE} (?:in the|at home|on the shelf|where|behind)"
    rf"|\b(?:{MEDICINE}|{DOCTOR}) not (?:needed|necessary|required)\b"
    rf"|\bwithout (?:a single|even one|any|a|one) (?:visit|trip|call) to {OWN}{DOCTOR}\b"
    rf"|\bput(?:ting)? {OWN}(?:\w+ (?:and|or) )?{OWN}{MEDICINE} (?:away|aside|down|back)"
    rf"|\b(?:put an end to|end|say no to|free yourself (?:of|from)|wean yourself off|get off|do without|live without"
    rf"|manage without|get by without|go without|cope without|finished with|done with|independent of) {OWN}"
    rf"(?:[\w-]+ )?(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\b(?:mak(?:es?|ing)|made|renders?|leav(?:es?|ing)) {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR}) (?:\w+ )?"
    r"(?:unnecessary|superfluous|obsolete|redundant|pointless|needless|useless|unemployed)"
    rf"|\b(?:{MEDICINE}|{DOCTOR}) (?:is|are|becomes?|will be|will become) (?:\w+ )?(?:unnecessary|superfluous"
    r"|obsolete|redundant|pointless|needless|useless|a waste of|a thing of the past|history|yesterday|things? of the"
    r" past|not needed|no longer (?:needed|necessary))"
    rf"|\b(?:forget|ignore|disregard|never mind) (?:what|whatever|anything) {OWN}(?:{DOCTOR}) (?:\w+ )?"
    r"(?:told|tells?|said|says?|ordered|prescribed)"
    rf"|\b(?:do not|don['’]t|never|no need to|stop) (?:listen(?:ing)? to|trust(?:ing)?|believ(?:e|ing)|ask(?:ing)?)"
    rf" {OWN}{DOCTOR}\b"
    rf"|\balternatives? (?:to|for) {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\bas (?:effective|good|strong|powerful|potent|reliable|sure) as {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\b(?:beats|outperforms|outdoes|makes up for|surpasses) {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b"
    r"|\b(?:needs? no|no need (?:for|of)|no need to (?:see|ask|visit|go to))"
    rf" {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\b(?:don['’]t|do not|won['’]t|will not|never|no longer|doesn['’]t|does not) (?:ever )?need {OWN}(?:\w+ )?"
    rf"(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\bnever (?:see|visit|take|swallow|ask) {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR}) again\b"
    rf"|\bwho (?:still |even |really )?needs {OWN}(?:\w+ )?(?:{MEDICINE}|{DOCTOR})\b"
    rf"|\bwithout (?:ever )?(?:seeing |asking |visiting |going to )?(?:a|any|the|your)? ?"
    rf"(?:doctors?|GPs?|{MEDICINE})\b(?!['’]s?)",
    re.IGNORECASE,
)
# What may happen to those who stop, and what to ask before, is advice and no call to do it.
_ADVISED = re.compile(
    r"\b(?:before|unless|if|whether|when|ask\w*|talk\w*|speak\w*|village|town|country|island|live[sd]?|left)\b"
    r"[^.!?;:]{0,60}$",
    re.IGNORECASE,
)


@rule("FTC, Health Products Compliance Guidance (2022); CAP Code, section 12")
def nothing_is_promised(context: CheckContext) -> Iterator[Finding]:
    """A cure or a guarantee is a claim that no honest source carries, and in an advertisement it is against the law."""
    for passage in context.passages:
        for found in _promises_in(passage):
            if not is_reported(passage, found):
                yield warning(
                    f"“{_flat(found)}” promises more than can be proved",
                    "say what is known, and how sure that is",
                    *passage.place(found.start()),
                )


@rule("CAP Code, rule 12.2; FTC, Health Products Compliance Guidance (2022)")
def nobody_is_talked_out_of_treatment(context: CheckContext) -> Iterator[Finding]:
    """A reader who stops taking medicine or stays away from the doctor because of an email may come to harm."""
    for passage in context.passages:
        for found in _apart(_matches(passage.text, _LEAVE_OFF, TALKS_OUT_OF_TREATMENT)):
            before = passage.text[max(0, found.start() - 120) : found.start()]
            if not (_ADVISED.search(before) or is_reported(passage, found)):
                yield warning(
                    f"“{_flat(found)}” sounds as if nobody needed medicine or a doctor",
                    "say that nobody should change a treatment without asking whoever prescribed it",
                    *passage.place(found.start()),
                )


def _promises_in(passage: Passage) -> Iterator[re.Match[str]]:
    """The matches that sound like a promise, without those with another meaning and what bodies do by themselves."""
    found = _matches(passage.text, _PROMISES, _HEALS, _ENDS, OVERCOMES)
    return _apart(one for one in found if _is_meant(passage.text, one))


@lru_cache(maxsize=256)
def _matches(text: str, *patterns: re.Pattern[str]) -> Sequence[re.Match[str]]:
    """What any of the patterns finds, in order."""
    # To look takes more than all other rules together, and of a text that is judged again, most passages are as before.
    return sorted((one for each in patterns for one in each.finditer(text)), key=lambda one: one.start())


def _apart(found: Iterable[re.Match[str]]) -> Iterator[re.Match[str]]:
    """Those that overlap none before them: two patterns may find the same words."""
    read_to = 0
    for one in found:
        if one.start() >= read_to:
            read_to = one.end()
            yield one


def _is_meant(text: str, found: re.Match[str]) -> bool:
    before = text[max(0, found.start() - 120) : found.start()]
    if found.re is _HEALS and _OF_ITSELF.search(before):
        return False
    if (found.re is OVERCOMES or _TIMED.search(found[0])) and _USUAL.search(before):
        return False
    elsewhere = _IN_BODIES if found.re in {_ENDS, OVERCOMES} else _NOT_MEANT_AFTER
    return not (_NOT_MEANT.match(text, found.start()) or elsewhere.search(before))


def _flat(found: re.Match[str]) -> str:
    return " ".join(found[0].split())
