"""Rules for the inbox: subject and preheader."""

import re
from collections.abc import Iterator

from newsletter.characters import as_line
from newsletter.delivery.message import merge
from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, blocking, note, warning
from newsletter.editorial.preflight.registry import rule
from newsletter.errors import Invalid
from newsletter.i18n import formats

PHONE = 60
"""How many characters of a subject most phones show on two lines."""

_PREHEADER = range(40, 141)

_CAPITALS = re.compile(r"\b[A-Z]{4,}\b")
_REPLY = re.compile(r"\s*(?:re|fwd?|aw|wg|tr)\s*:", re.IGNORECASE)
_UNNAMED = re.compile(
    r"(?:\W*\b(?:test|testing|untitled|draft|subject|new|no|issue|copy|final|version|v)\b(?:\W*\d+)?)+\W*",
    re.IGNORECASE,
)
# “Test your posture” and “A draft of cold air” are subjects; “Test: the December issue” is a working title.
_UNFINISHED = re.compile(
    r"(?i:\W*(?:test|testing|draft|entwurf|wip|untitled)(?:\W*\d+)?\s*(?:[:|\])/–—]|[-.…]+\s)"
    r"|\W*copy (?:\(?\d+\)? )?of\b"
    r"|\W*test(?:ing)?,? (?:(?:the|this|our|a|of) )*(?:(?!your )\w+ )?(?:issue|newsletter|e-?mail|mail(?:ing)?"
    r"|send(?:ing)?|letter|message|edition|subject|draft)\b"
    r"|\W*test (?!your|yours|the|how|whether|it|if|for|a|my)(?:[^\s.?!]+ )*[^\w.?!]*draft\b"
    r"|\W*(?:first|second|third|rough|final|latest|working|new) draft(?:\W*$|\s*[:–—-])"
    r"|\W*(?:first|second|third|rough|final|latest|working) draft of (?:the |our )?(?:\w+ ){0,3}"
    r"(?:issue|newsletter|letter|mail(?:ing)?)\b"
    r"|\W*draft (?:for|of) (?:the |our )?(?:\w+ )?(?:review|issue|newsletter|letter|mail(?:ing)?)\b"
    r"|.*\b(?:issue|newsletter|letter|mail(?:ing)?) (?:#?\d+ )?draft\W*$"
    r"|.*\b(?:v|version |rev(?:ision)? ?)\d+(?:\.\d+)*(?:[\W_]*(?:final|new|old|draft|edit\w*))*\W*$"
    r"|.*\(final(?: version)?\)\W*$|.*\bfinal[\W_]+final\W*$|.*_final\W*$"
    r"|\W*(?:for|needs) (?:review|approval|edit\w*)\W*:"
    r"|.*[-–—:(\[|] *(?:for|needs|to) (?:review|approval|edit\w*)\W*$"
    r"|\W*(?:subject(?: line)?|title|your (?:subject|title)) (?:goes )?here\W*$|\W*(?:placeholder|hello world)\W*$"
    r"|\W*untitled (?:document|issue|draft)\b|\W*option \d+ ?:|\W*subject a/b\b"
    r"|.*\bdraft ?(?:#|no\.?|v|version)? ?\d+\b|.*[-–—:(\[|] *(?:(?:\w+ )?draft|test|copy|wip)\W*$"
    r"|.*\b(?:this is|just|only) a test\b\W*$|.*\b(?:just|only) a test\b|\W*testing,? (?:testing|one)\b"
    r"|.*\bplease ignore\b|\W*ignore this\W*$|.*\b(?:do not|don['’]t) send\b(?! your))"
    r"|.*\b(?:DRAFT|TEST|WIP)\b(?=.*[a-z])|(?=.*[a-z]).*\b(?:FINAL|OLD|COPY)\W*$"
)


def plain(template: str) -> str:
    """A line as a reader without a name sees it; unchanged if its merge fields are invalid."""
    try:
        compiled = merge.compile(template, merge.EDITORS)
    except Invalid:
        return template
    return compiled.fill(dict.fromkeys(compiled.fields, ""), as_line)


@rule()
def there_is_a_title_and_a_subject(context: CheckContext) -> Iterator[Finding]:
    """Readers know an issue by its subject in the inbox, and by its title everywhere else."""
    for key in ("title", "subject"):
        if not getattr(context.issue, key):
            mend = f"write the {key}, or use the one proposed from the text"
            yield blocking(f"the {key} is missing", mend, context.front_line(key))


@rule()
def the_subject_fits_a_phone(context: CheckContext) -> Iterator[Finding]:
    """Most mail is opened on a phone, and nobody reads what the phone cuts off."""
    length = len(plain(context.issue.subject))
    if length > PHONE:
        yield note(
            f"the subject has {length} characters, and phones show about {PHONE}",
            "put what matters first, or shorten it",
            context.front_line("subject"),
        )


@rule()
def the_subject_does_not_shout(context: CheckContext) -> Iterator[Finding]:
    """Capitals and exclamation marks read as shouting, to people and to spam filters."""
    subject = plain(context.issue.subject)
    line = context.front_line("subject")
    if subject.count("!") + subject.count("！") > 1:
        yield warning("the subject has several exclamation marks", "one is plenty, and none is better", line)
    letters = [letter for letter in subject if letter.isalpha()]
    if len(_CAPITALS.findall(subject)) > 1 or (len(letters) > 7 and subject.isupper()):
        yield warning("the subject is written in capitals", "write it as a sentence", line)


@rule()
def the_subject_has_words(context: CheckContext) -> Iterator[Finding]:
    """A screen reader spells emoji out one by one, and some programs show a box in their place."""
    subject = plain(context.issue.subject)
    if subject and not any(letter.isalnum() for letter in subject):
        yield warning("the subject has no words", "say in words what the issue is about", context.front_line("subject"))


@rule()
def the_subject_is_about_this_issue(context: CheckContext) -> Iterator[Finding]:
    """A working title that goes out tells readers nothing."""
    for key, words in (("subject", context.issue.subject), ("title", context.issue.title)):
        if _is_unfinished(plain(words)):
            yield warning(f"the {key} is a working title", "say what the issue is about", context.front_line(key))


@rule("CAN-SPAM Act, 15 U.S.C. 7704(a)(2)")
def the_subject_is_no_false_reply(context: CheckContext) -> Iterator[Finding]:
    """An email that poses as a reply deceives, which the law forbids and spam filters punish."""
    if _REPLY.match(context.issue.subject):
        yield warning(
            "the subject poses as a reply or a forwarded message", "remove the prefix", context.front_line("subject")
        )


@rule()
def the_subject_is_new(context: CheckContext) -> Iterator[Finding]:
    """Two issues with the same subject look like one to a reader, and mail programs put them into one thread."""
    if context.facts.same_subject:
        yield warning(
            f"“{context.facts.same_subject}” has the same subject", "find another", context.front_line("subject")
        )


@rule()
def the_preheader_is_given(context: CheckContext) -> Iterator[Finding]:
    """Without one, the inbox shows the first words of the email beside the subject."""
    length = len(plain(context.issue.preheader))
    line = context.front_line("preheader")
    if not length:
        yield warning("there is no preheader", "add one of 40 to 110 characters", line)
    elif length not in _PREHEADER:
        why = (
            "inboxes show about 110"
            if length > _PREHEADER[0]
            else "the inbox fills the rest with the text that follows"
        )
        yield note(f"the preheader has {formats.counted(length, 'character')}, and {why}", "40 to 110 are best", line)


@rule()
def the_preheader_adds_to_the_subject(context: CheckContext) -> Iterator[Finding]:
    """The two stand side by side, so repeated words waste a line."""
    subject, preheader = plain(context.issue.subject).casefold(), plain(context.issue.preheader).casefold()
    if subject and preheader and (subject in preheader or preheader in subject):
        yield warning("the preheader repeats the subject", "say what comes next", context.front_line("preheader"))


def _is_unfinished(words: str) -> bool:
    return bool(_UNNAMED.fullmatch(words) or _UNFINISHED.match(words))
