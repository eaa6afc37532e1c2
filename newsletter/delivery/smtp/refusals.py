"""Refusals: whether a server's refusal is about us and what we send, or about one reader.

The words decide, and the codes only help: one provider says "no such user" with a 554 after the message, another
one reader's own block list with 5.7.1. RFC 3463 and IANA's registry of enhanced codes name the numbers.
"""

import re

from newsletter.delivery.smtp.replies import ServerReply

# Also where the number stands behind the words: qmail writes "(#5.7.1)".
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")

# Mailbox and address, and of X.7 what one mailbox allows: disabled, new owner (RFC 7293), Exchange's restrictions.
_ABOUT_READER = re.compile(r"5\.(1\.(?!0$|[78]$)\d+|2\.\d+|4\.1|6\.7|7\.(13|1[789]|12\d|13\d))")
# Security and policy, content, how we speak SMTP, the message's size, the sender's address.
_ABOUT_US = re.compile(r"5\.([567]\.\d+|3\.4|1\.[78])")
# Gmail's and Microsoft's words for SPF, DKIM and DMARC, and Yahoo's for volume or complaints.
_ABOUT_ALL_OUR_MAIL = re.compile(r"(?<![\d.])[45]\.7\.(?:2[4-7]|30|32|509|515)(?!\.?\d)|\[TSS\d\d\]", re.IGNORECASE)
_PASSES = re.compile(r"\[TSS\d\d\]", re.IGNORECASE)
# SPF, DKIM, DMARC, reverse DNS and TLS, where a provider defers first and refuses later; 4.7.28 is a rate.
_ABOUT_US_FOR_NOW = re.compile(r"4\.7\.(2[3-79]|30|32)")

# Words are looked for in small letters: to disregard case costs the search three times as long.
_READER_WORDS = re.compile(
    r"(user|mailbox|account|recipient|inbox)\b.{0,40}\b(unknown|not found|(does ?n.t|does not) (exist|have)|no longer"
    r"|disabled|deactivated|inactive|suspended|unavailable|full|over ?quota|blocked you|has blocked)"
    r"|(no such|unknown|invalid|no valid|nonexistent) (user|mailbox|recipient|account|address|local)"
    r"|address (does not exist|is marked as invalid)|addressee unknown|user email address"
    r"|no (account|mailbox)|mailbox size|over ?quota|quota exceeded|blocked by (the )?(recipient|user)"
    r"|(recipient|user)('s)? (personal |own )?(block|black|deny) ?list"
    r"|not (authorized|allowed|permitted) to send to (this|the) (recipient|group|list|mailbox)",
)
_OUR_WORDS = re.compile(
    r"\brelay|spam|unsolicited|junk|(block|black|deny) ?list|blocked using|\b(dnsbl|rbl|spamhaus|barracuda)\b"
    r"|reputation|polic(y|ies)\b|\b(spf|dkim|dmarc|ptr)\b|reverse dns|authenticat"
    r"|(message|mail|content|attachment)\b.{0,30}\b(reject|refus|den(y|ied)|virus|malware|banned|prohibited)"
    r"|administrative prohibition|bulk mail|not allowed to connect|unrouteable sender|message volume"
    r"|virus|malware|sender\b.{0,40}\b(reject|refus|den(y|ied)|block|not allowed)|rcpthosts"
    r"|(ip|host|client|address)\b.{0,60}\b(banned|blocked|listed)",
)
# Lists of senders that others look up: nobody comes off one by trying again.
_LISTED = re.compile(r"\b(dnsbl|rbl|spamhaus|spamcop|barracudacentral|sorbs|uceprotect|abuseat)\b|blocked using")
# Words for whoever connects, or for a relay's own customer: either is us.
_OUR_ACCOUNT = re.compile(
    r"\byour (account|domain|ip|server|sending|plan)\b|\bsend(er|ing) account"
    r"|\b(sending|sender|outgoing) (quota|limit)|\b(helo|ehlo) command|\bstarttls\b|\bsender (address )?verif",
)
# Told apart from the patterns, because they are found much faster; in round brackets, AOL's codes.
_OUR_PHRASES = (
    *("verify sender", "sender address is", "bounce address", "too many invalid", "policy restriction", "invalid dns"),
    *("(rly:", "(rtr:", "(hvu:", "(dyn:", "(con:"),
)
_READER_PHRASES = (
    *("due to user rule", "due to recipient preference", "recipient not allowed", "recipient not authorized"),
    *("badrecipientto", "is receiving mail", "recipient address rejected"),
)
_TOO_LARGE = re.compile(
    r"(message|mail|data)\b.{0,30}\b(size|too (big|large))|(maximum|max|fixed) .{0,20}(message )?size|too (big|large)",
)
_ROOM = re.compile(r"mailbox|quota|storage|\bfull\b")


def is_plainly_ours(answer: ServerReply) -> bool | None:
    """Whether a reply is about the sender or, if it is not, about the reader; None where it does not say so plainly."""
    text = answer.text
    status = _status(answer.status, text)
    if answer.code >= 400 and applies_to_all(status, text):
        return True
    words = text.lower()
    if answer.code < 500:
        return answer.code >= 400 and bool(_ABOUT_US_FOR_NOW.fullmatch(status) or _LISTED.search(words))
    if _OUR_ACCOUNT.search(words) or any(map(words.__contains__, _OUR_PHRASES)):
        return True
    if _ABOUT_READER.fullmatch(status) or _READER_WORDS.search(words) or any(map(words.__contains__, _READER_PHRASES)):
        return False
    if _ABOUT_US.fullmatch(status) or _OUR_WORDS.search(words) or _names_size(answer.code, status, words):
        return True
    return None


def applies_to_all(status: str | None, text: str) -> bool:
    """Whether a reply applies to all our mail to that provider: it is not authenticated, or there is too much of it."""
    return _ABOUT_ALL_OUR_MAIL.search(f"{status or ''} {text}") is not None


def passes_by_itself(text: str) -> bool:
    """Whether the cause of a reply passes by itself if nothing is sent for some hours."""
    return _PASSES.search(text) is not None


def is_too_large(answer: ServerReply) -> bool:
    """Whether a reply refuses the message for its size; 552 can also mean a full mailbox (RFC 5321, 1870)."""
    return _names_size(answer.code, _status(answer.status, answer.text), answer.text.lower())


def _names_size(code: int, status: str, words: str) -> bool:
    if status == "5.3.4":
        return True
    return code == 552 and _TOO_LARGE.search(words) is not None and not _ROOM.search(words)


def _status(status: str | None, text: str) -> str:
    found = None if status else _STATUS.search(text)
    return status or (found[0] if found else "")
