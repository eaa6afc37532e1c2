"""Rules for health topics: sources, a source for each claim, a professional, and a review."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext, Sentence
from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.registry import rule

_SUBJECTS = re.compile(
    r"\b(?:health\w*|medic\w+|pain\w*|massages?|therap\w+|treatments?|symptoms?|injur\w+|backs?|muscles?|spines?"
    r"|diseases?|illness\w*|diets?|vitamins?|sleep|stress|anxiety|exercis\w+|stretch\w*|posture|patients?|doctors?"
    r"|supplements?|remed(?:y|ies)|weight loss|blood pressure|diabet\w+|cancer)\b",
    re.IGNORECASE,
)
_ENOUGH = 3
"""How many mentions make an issue one about health."""

# No longer than that, or a row of digits would be read anew from each of them.
_NUMBER = r"\d[\d,.]{0,20}"
_COUNTED = (
    rf"\b{_NUMBER}\s+(?:(?:million|billion|thousand|hundred)\s+)?"
    r"(?:people|adults|patients|women|men|participants|volunteers|readers)\b"
)
_CLAIMS = re.compile(
    r"\b(?<!\bno )(?:stud(?:y|ies)|research(?:ers)?|trials?|reviews?|meta-analys[ei]s|experiments?|scientists?|experts?"
    r"|evidence|data|surveys?)\s+(?:\w+\s+){0,3}?(?:shows?|showed|shown|finds?|found|suggests?|suggested|proves?|proved|proven"
    r"|says?|said|confirms?|confirmed|indicates?|indicated|reports?|reported|reveals?|revealed|agree[sd]?"
    r"|demonstrates?|demonstrated|links?|linked)\b"
    r"|\b(?:according to(?! (?:\w+ )?(?:legends?|folklore|tradition))|it is (?:well )?known that|(?:has"
    r"|have) been (?:shown|proven|proved|found))\b"
    rf"|{_NUMBER}\s?(?:%|per ?cent\b)"
    r"(?! ?(?:off|discount|cotton|wool|linen|recycled|VAT|cheaper|brightness|battery|charged|full|of (?:our|the) "
    r"(?:seats|places|tickets|proceeds|price))\b)"
    r"|\b\d+ (?:out of|in) (?:every )?\d+ (?:people|adults|patients|women|men|readers|of us)\b"
    # The number of participants is no claim; the number who were helped, or who suffer, is one.
    rf"|\b(?:help(?:s|ed)?|heal(?:s|ed)|cured?|reliev\w+|treated|tested|followed|studied|examined|affects?|affected"
    rf"|harm(?:s|ed)|kill(?:s|ed)|among|trial (?:of|with|in)|study (?:of|with|in|among)) (?:\w+ )?{_COUNTED}"
    r"(?! (?:across|into|onto|over|out|off|up|down|move|carry|find|cross|register|sign|with (?:their|the)"
    r"|to (?:find|move|carry|cross|register)))"
    rf"|{_COUNTED} (?:\w+ ){{0,2}}?(?:reported|improved|recovered|felt|suffer\w*|live with|were (?:cured|helped|healed)"
    r"|got (?:better|worse)|died|developed|(?:have|had|has|with) (?:\w+ )?(?:pain|\w*aches?|arthritis|diabetes|cancer"
    r"|cramps?|migraines?|symptoms?))\b"
    rf"|\b{_NUMBER}\s+(?:million|billion) (?:people|adults|patients|women|men)\b"
    rf"|\b{_NUMBER}\s+(?:trials|studies)\b",
    re.IGNORECASE,
)
_LINKED = re.compile(r"\]\(|https?://|<https?:")
_NAME = re.compile(r"[A-Z][\w’'-]{2,}|[A-Z]{2,}")
_COMMON_NAMES = {
    "The",
    "And",
    "Back",
    "Pain",
    "Health",
    "Effect",
    "Effects",
    "Review",
    "For",
    "With",
    "Study",
    "Low",
    "Page",
}

_PROFESSIONALS = re.compile(
    r"\b(?:doctors?|GPs?|physicians?|physiotherapists?|clinicians?|pharmacists?|nurses?|midwi(?:fe|ves)|dieti[ct]ians?"
    r"|psychologists?|(?:health(?:[ -]?care)?|medical) (?:professional|provider|practitioner|advice|help)s?"
    r"|see a professional|urgent help|(?:call|dial|ring) (?:111|112|911|999)"
    r"|emergency (?:department|room|services?))\b"
)


def _is_about_health(context: CheckContext) -> bool:
    """Whether the rules for health apply to this issue."""
    issue = context.issue
    if "health" in " ".join((issue.category, *issue.tags)).lower():
        return True
    words = " ".join((issue.title, issue.subject, *issue.tags, issue.body))
    return any(number >= _ENOUGH for number, _ in enumerate(_SUBJECTS.finditer(words), start=1))


@rule("FTC, Health Products Compliance Guidance (2022)")
def there_are_sources(context: CheckContext) -> Iterator[Finding]:
    """A health newsletter names its sources, so that readers can check for themselves."""
    if _is_about_health(context) and not context.issue.sources:
        yield warning(
            "there are no sources",
            "add at least one, with its title and its web address",
            context.front_line("sources"),
        )


@rule("FTC, Health Products Compliance Guidance (2022)")
def each_claim_has_its_source(context: CheckContext) -> Iterator[Finding]:
    """“Studies show” without a study is a rumour with a white coat on."""
    if not _is_about_health(context):
        return
    named = _names(context)
    for sentence in context.sentences:
        found = _CLAIMS.search(sentence.text)
        if found and not _is_backed(sentence, named):
            words = " ".join(found[0].split())
            yield warning(f"“{words}” has no source", "link to one here, or name one of the sources", sentence.line)


@rule()
def a_professional_is_named(context: CheckContext) -> Iterator[Finding]:
    """Health advice should say when to see a professional."""
    if _is_about_health(context) and not _PROFESSIONALS.search(context.issue.body):
        yield warning("nothing says when to see a doctor or another professional", "add a health note")


@rule()
def somebody_has_reviewed_it(context: CheckContext) -> Iterator[Finding]:
    """Readers should know who reviewed the health advice they get, and when."""
    if _is_about_health(context) and not context.issue.reviewed_by:
        yield warning(
            "no reviewer is named",
            "name the reviewer and their profession, and give the day of the review",
            context.front_line("reviewed_by"),
        )


def _names(context: CheckContext) -> set[str]:
    """The names of the sources: authors, institutions, journals."""
    words = {name for source in context.issue.sources for name in _NAME.findall(source.title)}
    return words - _COMMON_NAMES


def _is_backed(sentence: Sentence, named: set[str]) -> bool:
    """Whether the paragraph has a link, or the sentence names one of the sources."""
    return bool(_LINKED.search(sentence.paragraph)) or not named.isdisjoint(_NAME.findall(sentence.text))
