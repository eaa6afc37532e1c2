"""Rules for what no letter may promise: a cure, a guarantee, a life without the doctor or the medicine."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.galley import Galley
from newsletter.editorial.preflight.reported import is_reported
from newsletter.editorial.preflight.rulebook import rule

_ILLS = (
    r"(?:(?:back|neck|joint|knee|chronic|any|all|your|every|high|heart|breast|type)[ -](?:\w+ )?)?"
    r"(?:cancers?|tumou?rs?|arthritis|diabetes|dementia|alzheimer['’]?s?|parkinson['’]?s?|strokes?|asthma|covid\S*|flu"
    r"|influenza|colds?|depression|anxiety|insomnia|osteoporosis|migraines?|headaches?|sciatica|fibromyalgia|obesity"
    r"|hypertension|blood pressure|infections?|(?:heart )?(?:attacks?|disease)|diseases?|illness(?:es)?|ailments?"
    r"|pains?|aches?|back ?aches?|slipped discs?)"
)
_BODY = r"(?:backs?|necks?|shoulders?|knees?|hips?|spines?|joints?|bod(?:y|ies)|posture|damage|gut|immune system)"
_MEDICINE = (
    r"(?:medicines?|medications?|meds|pills?|tablets?|drugs?|pain-?killers?|prescriptions?|insulin|statins?|ibuprofen"
    r"|anti-?depressants?|steroids|chemo(?:therapy)?|inhalers?)"
)
_DOCTOR = (
    r"(?:doctors?|GPs?|physicians?|surgeons?|surgery|operations?|physio(?:therapist|therapy)?s?|hospitals?"
    r"|specialists?)"
)
_OWN = r"(?:(?:your|my|his|her|their|our|the|all|all those|those|these|any|a|daily|prescribed|seeing|to see|of) ){0,3}"
_SOON = (
    r"(?:(?:in|within|after) (?:just |only |under |less than |about |as little as )?(?:an?|one|two|three|four|five|six"
    r"|seven|ten|twelve|fourteen|thirty|\d+|minutes|hours|days|weeks|no time|the first)\b"
    r"|by (?:\w+day|tomorrow|tonight|(?:the|next|this) \w+|christmas|new year|spring|summer|january|march|\w+mber)\b"
    r"|for ?ever|for good|for life|overnight|tomorrow|tonight|today|at last|once and for all|before (?:the|you)\b)"
)

_PROMISES = re.compile(
    r"\b(?:(?<!salt-)(?<!dry-)(?<!air-)(?<!sun-)cur(?:e|es|ed|ing|ative|e-alls?|able)"
    r"|guarante(?:e|es|ed|eing)|miracles?|miraculous(?:ly)?"
    r"|detox(?:es|ed|ing|if\w+)?|toxins?|breakthrough|wonder (?:drug|cure|remedy)|secret remed(?:y|ies)"
    rf"|(?:pain|ache|symptom|migraine|headache)s?(?:less|[- ]?free),? {_SOON}"
    r"|for ?ever (?:pain|ache)[- ]?free"
    rf"|(?:free (?:of|from)|rid of|without|end (?:to )?)(?: your| all| the)? (?:\w+ )?(?:pains?|aches?) {_SOON}"
    r"|(?:pains?|\w*aches?) (?:is|are|will be|(?:will )?(?:go|vanish|disappear|melt)(?:es|s)?(?: away)?) ?(?:gone )?"
    rf"{_SOON}"
    rf"|goodbye to (?:\w+ ){{0,2}}{_ILLS}"
    r"|never (?:have|feel|suffer|get|know|hurt)s? (?:\w+ ){0,3}again"
    r"|(?:(?:it|this|tea|oil|balm|cream|massage|ginger|turmeric|yoga|honey|vinegar|\w+ing|remedy) treats|stops|kills)"
    r" (?:cancers?|tumours?|arthritis|diabetes|dementia|asthma|depression|sciatica|migraines?|disease)"
    r"|instant(?:ly)? (?:relie\w+|pain\w*|heal\w*)|risk-free|never fails"
    r"|(?:works|helps) (?:for )?(?:everyone|everybody|every time)"
    r"|(?:100|one hundred|hundred) ?(?:%|per ?cent) (?:safe|effective|natural|pain\w*|success\w*|relief|certain|sure)"
    r"|(?:work|help)(?:s|ed)? (?:in )?(?:100|one hundred) ?(?:%|per ?cent)(?!\w)"
    r"|permanent(?:ly)? (?:relie\w+|heal\w*|fix\w*|cure\w*)"
    rf"|(?:heal|fix|revers|end|banish|eliminat|eras|eradicat|conquer)(?:s|es|e|ed)? (?:any|all|every|your|chronic)"
    rf" (?:\w+ )?(?:{_ILLS}|{_BODY})"
    rf"|(?:end|banish|beat|defeat|eliminat|eras|eradicat|conquer|revers|heal)(?:s|es|ed) {_ILLS}"
    r"|(?:clinically|scientifically|medically) proven|no side[ -]effects|melts? (?:away )?(?:pain|fat)"
    r"|(?:doctors?|they) (?:hate|don['’]t want)"
    rf"|(?:prevents?|prevented|preventing|wards? off|protects? (?:\w+ )?(?:against|from)) {_ILLS}"
    r"|lose (?:\d+|an?|two|three|five|ten) (?:kg|kilos?|pounds?|lbs?|stone|inch\w*) (?:in|by|within|overnight))(?!\w)",
    re.IGNORECASE,
)
# To heal something is a promise; that something heals is what bodies do.
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
_NOT_MEANT = re.compile(
    r"cure is worse than|"
    # Food, leather and glue are cured; a chair, a seat and a price are guaranteed; our own livers clear toxins.
    r"(?:cured|curing) (?:the |some )?(?:ham|meats?|bacon|fish|salmon|sausages?|olives?|concrete|resin|leather|pork"
    r"|beef|egg|yolk|trout|tobacco|vanilla|hay)"
    r"|guarante(?:e|es) (?:card|period|slip|certificate"
    r"|(?:runs|covers|expires|lasts|ends|ended|ran|is valid|for|on|of)\b)"
    r"|guaranteed (?:place|seat|spot|minimum|price|hours?|income|delivery|for (?:\w+ ){1,3}(?:years?|months?))"
    r"|guaranteed until",
    re.IGNORECASE,
)
_NOT_MEANT_AFTER = re.compile(
    r"(?:\b(?:years?|months?|days?|weeks?|maker|manufacturer|shop|seller|chair|bed|mattress|desk|table)(?:['’]s?)?[ -]"
    r"|\b(?:lifetime|money-back|price|extended|written|paper|under|out of|off|with an?|maker['’]?s|has an?|have an?"
    r"|(?:seat|place|spot|price|delivery|refund)s? (?:is|are))[ -])$"
    r"|\b(?:ham|concrete|resin|glue|paint|varnish|epoxy|cement|plaster|hams|bacon|salmon|leather) (?:\w+ ){0,2}$"
    r"|\b(?:receipts?|warranty|invoice)\b[^.]{0,40}$|\b(?:vaccin\w+|jabs?)\b[^.]{0,30}$"
    r"|\b(?:livers?|kidneys|lungs|bacteri\w+|botulin\w*)\b[^.]{0,40}$",
    re.IGNORECASE,
)

_LEAVE_OFF = re.compile(
    rf"\b(?:replac(?:e|es|ed|ing)|substitutes? for|instead of|in place of|better than|do(?:es)? the work of) {_OWN}"
    rf"(?:\w+ ){{0,2}}(?:{_MEDICINE}|{_DOCTOR})\b"
    rf"|\b(?:stop|stopping|quit|quitting) (?:taking |using |swallowing )?{_OWN}(?:\w+[ -])?{_MEDICINE}\b"
    r"|\bstop(?:ping)? taking (?:it|them)\b"
    rf"|\bstopped taking (?:my|his|her|their) (?:\w+ )?{_MEDICINE}\b"
    rf"|\b(?:thr(?:ow|ew|owing)(?: away| out)?|bin|ditch|flush|forget|toss|skip|drop|leave off|come off|get off|go off"
    rf"|give up|goodbye to|away with|put away|cancel) {_OWN}(?:no )?(?:\w+ )?(?:{_MEDICINE}|{_DOCTOR})\b"
    r"(?! (?:when|for|if|at once|or|to|before|soon|straight|today|now|not\b))"
    rf"|\bno (?:more )?(?:{_MEDICINE}|{_DOCTOR})(?: or {_MEDICINE}| or {_DOCTOR})?,? (?:is |are )?"
    r"(?:needed|required|necessary|any ?more)\b"
    rf"|\bno more {_MEDICINE}\b(?! than| today| tonight| until)"
    r"|\b(?:needs? no|no need (?:for|of)|no need to (?:see|ask|visit|go to))"
    rf" {_OWN}(?:\w+ )?(?:{_MEDICINE}|{_DOCTOR})\b"
    rf"|\b(?:don['’]t|do not|won['’]t|will not|never|no longer|doesn['’]t|does not) (?:ever )?need {_OWN}(?:\w+ )?"
    rf"(?:{_MEDICINE}|{_DOCTOR})\b"
    rf"|\bnever (?:see|visit|take|swallow|ask) {_OWN}(?:\w+ )?(?:{_MEDICINE}|{_DOCTOR}) again\b"
    rf"|\bwho needs {_OWN}(?:{_MEDICINE}|{_DOCTOR})\b"
    rf"|\bwithout (?:ever )?(?:seeing |asking |visiting |going to )?(?:a|any|the|your)? ?"
    rf"(?:doctors?|GPs?|{_MEDICINE})\b(?!['’]s?)",
    re.IGNORECASE,
)
# What may happen to those who stop, and what to ask before, is advice and no call to do it.
_ADVISED = re.compile(
    r"\b(?:before|unless|if|whether|when|ask\w*|talk\w*|speak\w*|village|town|country|island|live[sd]?|left)\b"
    r"[^.!?;:]{0,60}$",
    re.IGNORECASE,
)


@rule("FTC, Health Products Compliance Guidance (2022); CAP Code, section 12")
def nothing_is_promised(galley: Galley) -> Iterator[Finding]:
    """A cure or a guarantee is a claim that no honest source carries, and in an advertisement it is against the law."""
    for passage in galley.passages:
        for found in (*_PROMISES.finditer(passage.text), *_HEALS.finditer(passage.text)):
            before = passage.text[max(0, found.start() - 120) : found.start()]
            is_meant = not (_NOT_MEANT.match(passage.text, found.start()) or _NOT_MEANT_AFTER.search(before))
            heals_by_itself = found.re is _HEALS and _OF_ITSELF.search(before)
            if is_meant and not heals_by_itself and not is_reported(passage, found):
                yield warning(
                    f"“{_flat(found)}” promises more than can be shown",
                    "say what is known, and how sure that is",
                    *passage.place(found.start()),
                )


@rule("CAP Code, rule 12.2; FTC, Health Products Compliance Guidance (2022)")
def nobody_is_talked_out_of_treatment(galley: Galley) -> Iterator[Finding]:
    """A reader who leaves off a medicine or stays away from the doctor on a letter's word may come to harm."""
    for passage in galley.passages:
        for found in _LEAVE_OFF.finditer(passage.text):
            before = passage.text[max(0, found.start() - 120) : found.start()]
            if not (_ADVISED.search(before) or is_reported(passage, found)):
                yield warning(
                    f"“{_flat(found)}” sounds as if nobody needed medicine or a doctor",
                    "say that nobody should change a treatment without asking whoever prescribed it",
                    *passage.place(found.start()),
                )


def _flat(found: re.Match[str]) -> str:
    return " ".join(found[0].split())
