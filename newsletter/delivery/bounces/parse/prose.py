"""What a person reads of a report: addresses in it, and the words that belong to each.

No two servers write alike, but nearly all put the address at the head of a line, alone or before a colon, or after a
label, and what happened right beside or below it. So one reader does for all; `_SHAPES` has the ways, best first.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import takewhile

from newsletter.delivery.bounces.parse.signs import any_of

_MOST_LINES = 400
MOST_RECIPIENTS = 50
_LONGEST_LINE = 500
_LINES_BELOW = 14

# All of it or none, so that no dot within ends it.
_ADDRESS = r"""(?>(?:[\w.!#$%&'*+/=?^`{|}~-]{1,64}|"[^\s"@]{1,64}")@(?:[\w-]{1,63}\.)*[\w-]{1,63})"""
_ANY = re.compile(_ADDRESS)

_NAME = re.compile(r"(?>[\w.!#$%&'*+=?^`{|}~-]{1,64})@")

_LABELS = any_of(
    r"""
    (?:final|original|intended|failed|undeliverable|actual|your|the)?[\s-]*(?:recipients?|address(?:es|ee)?|user)
    to|rcpt to|for|user unknown|unknown user|host unknown|invalid (?:final delivery )?user(?:id)?
    user mailbox exceeds allowed size
    recipient e-?mail address|could not (?:deliver|send) (?:the )?(?:mail|message) to
    (?:un)?able to deliver (?:mail )?to|failed (?:address|to|recipient)|delivery failed for|delivery failed
    your mail to|your message to|mail to|message to|emp(?:f|ph)(?:ä|ae)nger|destinataire|destinatario
    an|pour|para|per|aan|do|komu|送信先|宛先|收件人
    """
).pattern
_BULLET = r"(?:(?:[*•·]|-{1,2})\s+)?"

_SHAPES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^(?:you are not a member of this mailing list|duplicated message-id in) <({_ADDRESS})>",
        rf"^{_BULLET}(?:smtp|rfc822|utf-8)?[:;]?\s*[<\['\"(]+({_ADDRESS})[>\]'\")]+\s*(?:[:,;.(-]|$|\d{{3}}\b)",
        rf"^{_BULLET}({_ADDRESS})\s*(?::|;|,|\.|\(|$|-\s|\.{{3}})",
        rf"^(?:\d{{3}}[ -](?:[245]\.\d+\.\d+ )?)<?({_ADDRESS})>?\s*(?:\.\.\.|:)",
        rf"^(?:(?:>>>|in:)\s*)?rcpt to:\s*<?({_ADDRESS})>?",
        rf"^[^\w<]{{0,20}}(?:{_LABELS})(?:\s*[:=;]\s*|\s+)['\"\[(]*(?:smtp:|rfc822;\s*)?[<]?({_ADDRESS})[>]?['\"\])]*",
        rf"(?:user|recipient|address|mailbox|account|to|for|unknown|deliver\w*|rejected|reach\w*)\W{{1,4}}({_ADDRESS})",
        rf"^({_ADDRESS})\s",
        rf"[<\['\"(:]({_ADDRESS})[>\]'\")]",
        rf"(?:generated|expanded|forwarded) from:?\s+<?({_ADDRESS})",
        rf"smtp=({_ADDRESS})",
        rf"(?:^|[\s(])({_ADDRESS})(?:$|[\s,;.)])",
    )
)

# The addresses before it are those of the message, not those that failed.
_LIST = re.compile(
    r"did not reach the following recipient|(?:not|un)[\w ]{0,25}deliver[\w ]{0,25} to the following|failed recipients",
    re.IGNORECASE,
)

_COMMAND = any_of(
    r"""
    in reply to (?:end of )?(mail from|rcpt to|data|ehlo|helo)
    (?:after|sending|response to) (mail from|rcpt to|data|end of data|ehlo|helo)
    server (?:for|after) (rcpt|mail|data)(?: to| from)? command
    >>> ?(mail from|rcpt to|data|ehlo|helo)|error in (rcpt|mail|data)|during (rcpt|mail from|data)
    smtp:(rcpt|mail|data)\b|smtp command (mail|rcpt|data)\b|progress was (rcpt|mail|data)\b
    \[(rcpt|mail)_(?:to|from)\]|\[(body)\]|(rcpt|mail|data)(?: to| from)? said \d
    does not like (recipient)|did not like our (rcpt|data|mail)|but (sender) was rejected
    failed (on|after i) (?:data|sent)|(initial connection)|but (greeting) failed
    but (my name) was rejected|(refused) to talk to me
    """
)
_NAMES = {
    "mail": "MAIL",
    "rcpt": "RCPT",
    "recipient": "RCPT",
    "sender": "MAIL",
    "on": "DATA",
    "after": "DATA",
    "greeting": "CONN",
    "my": "EHLO",
    "refused": "HELO",
    "data": "DATA",
    "body": "DATA",
    "end": "DATA",
    "ehlo": "EHLO",
    "helo": "HELO",
    "initial": "CONN",
}


# How sendmail ends what it tells of a dialogue, which stands above and not below.
_CONCLUSION = re.compile(rf"\d{{3}} (?:[245]\.\d+\.\d+ )?<?({_ADDRESS})>?\.\.\.")
_DIALOGUE = re.compile(r"[<>]{3}|(?:\.\.\. )?while talking to", re.IGNORECASE)
_LINES_ABOVE = 6
_AROUND = "<>:*.,; "


@dataclass(frozen=True, slots=True)
class Mention:
    """What a report says about one address."""

    address: str
    words: str
    command: str = ""
    """The SMTP command that was refused, if the report names it: RCPT, DATA, …"""
    local: bool = False
    """Whether they are the words of a local program, not of a server."""


def read_notice(text: str, not_these: Collection[str] = ()) -> list[Mention]:
    """Each recipient that the text names, with the words beside and below; `not_these` are ignored."""
    listed = _LIST.search(text)
    for part in (text[listed.end() :] if listed else "", text):
        lines = [line[:_LONGEST_LINE].strip() for line in part.split("\n")[:_MOST_LINES]]
        for shape in _SHAPES:
            if found := _addresses(lines, shape, not_these):
                return _with_words(lines, found)
    return []


def command_in(words: str) -> str:
    """The SMTP command that was answered, as servers name it; empty if they do not."""
    commands = [next(filter(None, hit.groups()), "") for hit in _COMMAND.finditer(words.lower())]
    names = [_NAMES.get(each.split(" ")[0], "") for each in commands]
    return next((each for each in reversed(names) if each), "")


def _addresses(lines: list[str], shape: re.Pattern[str], not_these: Collection[str]) -> list[tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for at, line in enumerate(lines):
        if "@" not in line:
            continue
        for hit in shape.finditer(line):
            address = hit[1].strip(".'")
            key = address.lower()
            if key not in not_these and "." in key.partition("@")[2] and len(found) < MOST_RECIPIENTS:
                found.setdefault(key, (at, address))
    return sorted(found.values())


def _with_words(lines: list[str], found: list[tuple[int, str]]) -> list[Mention]:
    words_of = dict.fromkeys((address for _, address in found), "")
    for address, words in _above_each(lines, found) if _stand_below(lines, found) else _below_each(lines, found):
        words_of[address] = f"{words_of[address]} {words}".lstrip()
    concluded = _concluded(lines)
    best = ((address, concluded.get(address.lower(), words)) for address, words in words_of.items())
    return [Mention(address, words, command_in(words)) for address, words in best]


def _above_each(lines: list[str], found: list[tuple[int, str]]) -> list[tuple[str, str]]:
    starts = [0, *(at + 1 for at, _ in found)]
    return [(address, " ".join(lines[start : at + 1])) for (at, address), start in zip(found, starts, strict=False)]


def _below_each(lines: list[str], found: list[tuple[int, str]]) -> list[tuple[str, str]]:
    heads = sorted({*found, *_named_again(lines, found)}) if len(found) > 1 else found
    sections, shared = [], ""
    # From the last: addresses in lines of their own share the words below them all.
    for (at, address), end in reversed(list(zip(heads, [*(at for at, _ in heads[1:]), len(lines)], strict=True))):
        words = " ".join(" ".join(lines[at : max(at + 1, min(end, at + _LINES_BELOW))]).split())
        words = f"{words} {shared}".rstrip() if _is_only(address, words) else words
        shared = words if _is_only(address, lines[at]) else ""
        sections.append((address, words))
    return sections[::-1]


def _named_again(lines: list[str], found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Where these addresses stand alone in a line: Exchange tells people first, then administrators."""
    named = {address.lower(): address for _, address in found}
    alone = ((at, named.get(line.strip(_AROUND).lower())) for at, line in enumerate(lines) if "@" in line)
    return [(at, address) for at, address in alone if address]


def _stand_below(lines: list[str], found: list[tuple[int, str]]) -> bool:
    """Whether each of several addresses stands below what is said of it, as Notes writes."""
    ends_paragraph = (_is_only(address, lines[at]) and _ends_paragraph(lines, at) for at, address in found)
    return len(found) > 1 and all(ends_paragraph)


def _ends_paragraph(lines: list[str], at: int) -> bool:
    before, after = "".join(lines[max(0, at - 1) : at]), "".join(lines[at + 1 : at + 2])
    return bool(before) and not before.endswith(("-", ":")) and "@" not in before and not after


def _concluded(lines: list[str]) -> dict[str, str]:
    """What a transcript says of each address: the line that concludes it, and the dialogue above that line."""
    found: dict[str, str] = {}
    for at, line in enumerate(lines):
        if hit := _CONCLUSION.match(line):
            above = list(takewhile(_DIALOGUE.match, reversed(lines[max(0, at - _LINES_ABOVE) : at])))
            found.setdefault(hit[1].lower(), " ".join([*above[::-1], line]))
    return found


def _is_only(address: str, words: str) -> bool:
    return words.strip(_AROUND).lower() == address.lower()


def without_names(text: str) -> str:
    """The text with `a` for the name in each address, what stands before its @."""
    return _NAME.sub("a@", text) if "@" in text else text


def all_addresses(text: str) -> list[str]:
    """Every address in the text, in its order."""
    return list(dict.fromkeys(hit.strip(".'") for hit in _ANY.findall(text)))
