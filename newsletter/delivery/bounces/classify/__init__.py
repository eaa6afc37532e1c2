"""Why a server refused a mail, from its own words: the reason in Sisimai's terms, and whether it is for good.

The receiver's own rules first, then what single mail programs say, then general phrases, then the enhanced status
code, then the reply code. What nothing decides is soft. No database, no clock.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from newsletter.delivery.bounces.classify import programs, receivers, status_codes, wording
from newsletter.delivery.bounces.classify.phrases import hint, says
from newsletter.delivery.bounces.classify.wording import separate
from newsletter.delivery.bounces.report import Hardness, Reason

NEVER_A_BOUNCE = frozenset({Reason.DELIVERED, Reason.FEEDBACK, Reason.VACATION})
_FOR_GOOD = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.HAS_MOVED})
_OF_AN_ADDRESS = _FOR_GOOD | {Reason.FILTERED}

# A server that verifies our return address may be told that it does not exist; that says nothing of the recipient.
_OF_THE_SENDER = separate("""
    sender address rejected | sender rejected | sender verify fail | sender verification | verification failed for <
    callout verification | callback verification | unknown sender | sender unknown | sender user unknown
    invalid sender | sender address is | sender address was | sender's mailbox | sender mailbox | sender does not exist
    mail from address | return path address | return-path address | envelope sender mailbox | reply-to address
    client host rejected | helo command rejected | domain of sender | sender domain | sender's domain | verify sender
    sender account | in mail from | mail from: user | from address does not | bounce address
    your domain does not exist | your domain is unknown | helo host | originator | for reply-to
    unauthorized sender | unauthorised sender | bad sender | sender not | sender is not | sender denied | (sender)
    sender blocked | sender is blocked | sender address not | sender address does not | sender address invalid
    callout to | callback to | from address not | invalid from | your domain has no | the sender cannot
    return path does not | return-path does not | sent to unknown user | to too many invalid
""")
# With these words beside a status alone, the server could not tell, or will take the mail later.
_PASSING = separate("""
    greylist | graylist | temporarily rejected | temporarily unavailable | temporary failure | temporary error
    (temporary) | try again later | try later | at this time | right now | lookup failure | unable to look up
    unverified address | lookup failed | temporarily failed | cannot verify recipient
""")
_OF_US = (Reason.BLOCKED, Reason.SPAM, Reason.AUTHENTICATION, Reason.BAD_REPUTATION, Reason.REQUIRE_PTR)
_OF_US_OR_THE_MAIL = (
    *(*_OF_US, Reason.RATE_LIMITED, Reason.VIRUS, Reason.POLICY, Reason.CONTENT, Reason.EMAIL_TOO_LARGE),
    Reason.SECURITY,
)

# Before the message itself is seen, so a refusal does not judge its content (RFC 5321, 3.3).
_BEFORE_MAIL = frozenset({"CONN", "EHLO", "HELO"})
_BEFORE_RECIPIENT = _BEFORE_MAIL | {"MAIL"}
_BEFORE_DATA = _BEFORE_RECIPIENT | {"RCPT"}

_DECIDED_FIRST = (
    *(Reason.MAILBOX_FULL, Reason.EMAIL_TOO_LARGE, Reason.SUSPENDED, Reason.HAS_MOVED, Reason.NO_RELAYING),
    *(Reason.AUTHENTICATION, Reason.USER_UNKNOWN, Reason.FILTERED, Reason.REQUIRE_PTR, Reason.NOT_COMPLIANT),
    *(Reason.BAD_REPUTATION, Reason.CONTENT, Reason.REJECTED, Reason.HOST_UNKNOWN, Reason.VIRUS, Reason.SPAM),
    *(Reason.RATE_LIMITED, Reason.BLOCKED),
)
_DECIDED_NEXT = (
    *(Reason.MAILBOX_FULL, Reason.AUTHENTICATION, Reason.BAD_REPUTATION, Reason.RATE_LIMITED, Reason.SPAM),
    *(Reason.VIRUS, Reason.POLICY, Reason.NO_RELAYING, Reason.SYSTEM, Reason.NETWORK, Reason.SUSPENDED),
    *(Reason.CONTENT, Reason.SYSTEM_FULL, Reason.NOT_ACCEPT, Reason.EXPIRED, Reason.FAILED_STARTTLS),
    *(Reason.SECURITY, Reason.MAILER_ERROR),
)
_OF_ANOTHER_CAUSE = tuple(
    each for each in dict.fromkeys((*_DECIDED_FIRST, *_DECIDED_NEXT)) if each not in _OF_AN_ADDRESS
)
# A status that names one of these is so general that words may overrule it.
_VAGUE = frozenset({Reason.SYSTEM, Reason.SECURITY, Reason.EXPIRED, Reason.NETWORK, Reason.HOST_UNKNOWN})
_NOT_THE_USER = (
    *(Reason.NO_RELAYING, Reason.BLOCKED, Reason.MAILBOX_FULL, Reason.HAS_MOVED, Reason.REJECTED, Reason.NOT_ACCEPT),
    Reason.FILTERED,
)
_WHILE_WAITING = frozenset({None, Reason.BLOCKED, Reason.NETWORK, Reason.SYSTEM, Reason.HOST_UNKNOWN})
# How a report marks the words of a local program rather than of a server (RFC 3464, 2.3.6).
_LOCAL = ("x-unix;", "x-local;")
_COMMAND = re.compile(
    r"in reply to (?:end of )?(mail|rcpt|data|ehlo|helo)|(?:after|sending) (mail|rcpt|data|ehlo|helo)\b"
)


class Classification(NamedTuple):
    """What an answer says."""

    reason: Reason
    hardness: Hardness
    status: str
    """The enhanced status code; empty if there is none."""
    code: str
    """The reply code; empty if there is none."""


# A report often says the same of many recipients.
@lru_cache(maxsize=64)
def classify(diagnostic: str, status: str = "", code: str = "", mta: str = "", command: str = "") -> Classification:
    """The reason that an answer gives, whether it is for good, and the codes in it.

    `diagnostic` are the server's words, `status` and `code` what it gave apart from them (they are also looked for in
    the words), `mta` its host name, `command` the SMTP command that was answered (RCPT, DATA, …), as far as known.
    """
    text = wording.comparable(diagnostic)
    code = code or wording.reply_code_in(text)
    status = _best_status(status, wording.status_in(text), code)
    command = command.upper() or _command_in(text)
    known = receivers.reason_of(text, status, mta) or _by_program(text, status, command)
    reason = known or _by_phrases(text, status, command) or _by_numbers(text, status, code, command)
    reason = _fault_of_ours(reason, text, command, _OF_US if known else _OF_US_OR_THE_MAIL) or reason
    if reason in _FOR_GOOD and not says(reason, text):
        reason = _rather_than_status(text, code, is_known=known is not None) or reason
    return Classification(reason, hardness(reason, status, code), status, code)


def hardness(reason: Reason, status: str = "", code: str = "") -> Hardness:
    """Whether another attempt could never succeed, as Sisimai has it: no such address, host or mail server."""
    transient = status.startswith("4") or (code.startswith("4") and not status.startswith("5"))
    if reason in _FOR_GOOD or (reason is Reason.NOT_ACCEPT and not transient):
        return Hardness.HARD
    return Hardness.SOFT


def _best_status(reported: str, in_words: str, code: str = "") -> str:
    """The more telling of the status that a report gives and the one in the server's words, beside its reply code."""
    if not (reported and in_words) or reported == in_words:
        return reported or in_words
    if reported[0] != in_words[0] and code[:1] in {reported[0], in_words[0]}:
        return reported if reported[0] == code[0] else in_words
    if in_words.endswith(".0.0"):
        return reported
    says_little = bool(_SAYS_LITTLE.fullmatch(reported)) or (".0" in reported and ".0" not in in_words)
    if reported == "5.1.1":
        says_little = ".0" not in in_words and not in_words.startswith("5.5.")
    return in_words if says_little else reported


# Unspecific codes, which servers give for want of a better one.
_SAYS_LITTLE = re.compile(r"[45]\.0\.0|4\.4\.7|4\.7\.0|5\.3\.\d+|[45]\.5\.[1245]")


def _fault_of_ours(reason: Reason, text: str, command: str, faults: Iterable[Reason]) -> Reason | None:
    """A reason that is about us and not about the recipient, even if the text also has phrases about the recipient."""
    if reason in _OF_AN_ADDRESS and (command in _BEFORE_RECIPIENT or _OF_THE_SENDER.any_in(text)):
        return Reason.REJECTED
    return next((other for other in faults if says(other, text)), None) if reason in _FOR_GOOD else None


def _rather_than_status(text: str, code: str, *, is_known: bool) -> Reason | None:
    """What the words say, beside a status that alone says that there is no such address: in doubt it is soft."""
    if _PASSING.any_in(text):
        return Reason.ON_HOLD
    if is_known:
        return None
    words = wording.without_names(text)
    return next((other for other in _OF_ANOTHER_CAUSE if says(other, words)), _touched_on(words, code))


def _by_program(text: str, status: str, command: str) -> Reason | None:
    found = programs.reason_of(text)
    named = status_codes.REASONS.get(status, found)
    if programs.GOOGLE_STATE in text and named is not found and named not in _VAGUE:
        return None
    if found is not Reason.EXPIRED:
        return found
    # What the server answered each time tells more than that the time ran out.
    answered = _by_phrases(text, status, command)
    return found if answered in _WHILE_WAITING else answered


def _by_phrases(text: str, status: str, command: str) -> Reason | None:
    named = status_codes.REASONS.get(status)
    is_local = text.startswith(_LOCAL)
    if not is_local:
        for reason in _DECIDED_FIRST:
            if _fits(reason, text, status, command):
                return reason
    if named is None or named in _VAGUE or is_local:
        return next((reason for reason in _DECIDED_NEXT if says(reason, text)), None)
    return None


def _fits(reason: Reason, text: str, status: str, command: str) -> bool:
    named = status_codes.REASONS.get(status)
    match reason:
        case Reason.USER_UNKNOWN:
            if named is Reason.USER_UNKNOWN:
                return not any(says(other, text) for other in _NOT_THE_USER)
            return named is not Reason.SUSPENDED and command == "RCPT" and says(reason, text)
        case Reason.FILTERED:
            # "User unknown" after the message was seen, or at an unknown stage, may be a filter's answer.
            is_late = named is reason or (named is not Reason.SUSPENDED and command not in _BEFORE_DATA)
            return says(reason, text) or (is_late and says(Reason.USER_UNKNOWN, text))
        case Reason.REJECTED:
            unclear = named in {None, Reason.SECURITY, Reason.SYSTEM}
            asked = command == "MAIL" or (command == "DATA" and named is not Reason.USER_UNKNOWN) or unclear
            return named is reason or (asked and says(reason, text))
        case Reason.HOST_UNKNOWN:
            passing = status.startswith("4.4.") or says(Reason.NETWORK, text)
            return (named is reason or says(reason, text)) and not passing
        case Reason.CONTENT:
            return (named is reason or says(reason, text)) and not says(Reason.SPAM, text)
        case Reason.SPAM:
            return named is reason or (bool(status) and command not in _BEFORE_DATA and says(reason, text))
        case Reason.HAS_MOVED | Reason.SUSPENDED:
            return says(reason, text)
        case Reason.NO_RELAYING:
            return command not in _BEFORE_MAIL and says(reason, text)
        case _:
            return named is reason or says(reason, text)


def _by_numbers(text: str, status: str, code: str, command: str) -> Reason:
    if status.startswith("2."):
        return Reason.DELIVERED
    if named := status_codes.REASONS.get(status):
        return named
    by_subject = {"6": Reason.CONTENT, "7": Reason.SECURITY}.get(status[2:3])
    if by_subject:
        return by_subject
    if code in {"521", "556"}:
        return Reason.NOT_ACCEPT
    if re.fullmatch(r"[45]0[0-7]", code) or says(Reason.SYNTAX, text):
        return Reason.SYNTAX
    if command in _BEFORE_MAIL:
        return Reason.BLOCKED
    if text.startswith(_LOCAL):
        return Reason.MAILER_ERROR
    return (_touched_on(text, code) or Reason.ON_HOLD) if text else Reason.UNDEFINED


def _touched_on(text: str, code: str) -> Reason | None:
    # Without a code it may be what a program tells people, of which single words mean nothing.
    return hint(text) if code or wording.status_in(text) else None


def _command_in(text: str) -> str:
    found = _COMMAND.search(text)
    return (found[1] or found[2]).upper() if found else ""
