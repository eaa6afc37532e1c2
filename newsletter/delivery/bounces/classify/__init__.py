"""Why a server refused a mail, from its own words: the reason in Sisimai's terms, and whether it is for good.

The receiver's own rules first, then what single mail programs say, then general phrases, then the enhanced status
code, then the reply code. What nothing decides is soft. No database, no clock.
"""

import re
from collections.abc import Callable, Iterable, Mapping
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


class _Answer(NamedTuple):
    """An answer whose words are made `comparable`, and the codes and the command that belong to it."""

    text: str
    status: str
    code: str
    command: str

    @property
    def named(self) -> Reason | None:
        """The reason that the status alone gives."""
        return status_codes.REASONS.get(self.status)

    @property
    def is_local(self) -> bool:
        return self.text.startswith(_LOCAL)

    def says(self, reason: Reason) -> bool:
        return says(reason, self.text)

    def names_or_says(self, reason: Reason) -> bool:
        return self.named is reason or self.says(reason)


# A report often says the same of many recipients.
@lru_cache(maxsize=64)
def classify(diagnostic: str, status: str = "", code: str = "", mta: str = "", command: str = "") -> Classification:
    """The reason that an answer gives, whether it is for good, and the codes in it.

    `diagnostic` are the server's words, `status` and `code` what it gave apart from them (they are also looked for in
    the words), `mta` its host name, `command` the SMTP command that was answered (RCPT, DATA, …), as far as known.
    """
    text = wording.comparable(diagnostic)
    code = code or wording.reply_code_in(diagnostic[: wording.LONGEST])
    status = _best_status(status, wording.status_in(text), code)
    answer = _Answer(text, status, code, command.upper() or _command_in(text))
    known = receivers.reason_of(text, status, mta) or _by_program(answer)
    reason = known or _by_phrases(answer) or _by_numbers(answer)
    reason = _fault_of_ours(reason, answer, _OF_US if known else _OF_US_OR_THE_MAIL) or reason
    if reason in _FOR_GOOD and not answer.says(reason):
        reason = _rather_than_status(answer, is_known=known is not None) or reason
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


def _fault_of_ours(reason: Reason, answer: _Answer, faults: Iterable[Reason]) -> Reason | None:
    """A reason that is about us and not about the recipient, even if the text also has phrases about the recipient."""
    if reason in _OF_AN_ADDRESS and (answer.command in _BEFORE_RECIPIENT or _OF_THE_SENDER.any_in(answer.text)):
        return Reason.REJECTED
    return next(filter(answer.says, faults), None) if reason in _FOR_GOOD else None


def _rather_than_status(answer: _Answer, *, is_known: bool) -> Reason | None:
    """What the words say, beside a status that alone says that there is no such address: in doubt it is soft."""
    if _PASSING.any_in(answer.text):
        return Reason.ON_HOLD
    if is_known:
        return None
    unnamed = answer._replace(text=wording.without_names(answer.text))
    return next(filter(unnamed.says, _OF_ANOTHER_CAUSE), _touched_on(unnamed))


def _by_program(answer: _Answer) -> Reason | None:
    found = programs.reason_of(answer.text)
    named = answer.named or found
    if programs.GOOGLE_STATE in answer.text and named is not found and named not in _VAGUE:
        return None
    if found is not Reason.EXPIRED:
        return found
    # What the server answered each time tells more than that the time ran out.
    answered = _by_phrases(answer)
    return found if answered in _WHILE_WAITING else answered


def _by_phrases(answer: _Answer) -> Reason | None:
    if not answer.is_local:
        for reason in _DECIDED_FIRST:
            fits = _FITS.get(reason)
            if fits(answer) if fits else answer.names_or_says(reason):
                return reason
    if answer.named is None or answer.named in _VAGUE or answer.is_local:
        return next(filter(answer.says, _DECIDED_NEXT), None)
    return None


def _by_numbers(answer: _Answer) -> Reason:
    if answer.status.startswith("2."):
        return Reason.DELIVERED
    if found := answer.named or {"6": Reason.CONTENT, "7": Reason.SECURITY}.get(answer.status[2:3]):
        return found
    if answer.code in {"521", "556"}:
        return Reason.NOT_ACCEPT
    if re.fullmatch(r"[45]0[0-7]", answer.code) or answer.says(Reason.SYNTAX):
        return Reason.SYNTAX
    if answer.command in _BEFORE_MAIL:
        return Reason.BLOCKED
    if answer.is_local:
        return Reason.MAILER_ERROR
    return (_touched_on(answer) or Reason.ON_HOLD) if answer.text else Reason.UNDEFINED


def _touched_on(answer: _Answer) -> Reason | None:
    # Without a code it may be what a program tells people, of which single words mean nothing.
    return hint(answer.text) if answer.code or wording.status_in(answer.text) else None


def _is_user_unknown(answer: _Answer) -> bool:
    if answer.named is Reason.USER_UNKNOWN:
        return not any(map(answer.says, _NOT_THE_USER))
    return answer.named is not Reason.SUSPENDED and answer.command == "RCPT" and answer.says(Reason.USER_UNKNOWN)


def _is_filtered(answer: _Answer) -> bool:
    # "User unknown" after the message was seen, or at an unknown stage, may be a filter's answer.
    is_late = answer.named is not Reason.SUSPENDED and answer.command not in _BEFORE_DATA
    may_be = answer.named is Reason.FILTERED or is_late
    return answer.says(Reason.FILTERED) or (may_be and answer.says(Reason.USER_UNKNOWN))


def _is_rejected(answer: _Answer) -> bool:
    if answer.named is Reason.REJECTED:
        return True
    at_data = answer.command == "DATA" and answer.named is not Reason.USER_UNKNOWN
    is_unclear = answer.named in {None, Reason.SECURITY, Reason.SYSTEM}
    return (answer.command == "MAIL" or at_data or is_unclear) and answer.says(Reason.REJECTED)


def _is_host_unknown(answer: _Answer) -> bool:
    is_passing = answer.status.startswith("4.4.") or answer.says(Reason.NETWORK)
    return answer.names_or_says(Reason.HOST_UNKNOWN) and not is_passing


def _is_spam(answer: _Answer) -> bool:
    is_seen = bool(answer.status) and answer.command not in _BEFORE_DATA
    return answer.named is Reason.SPAM or (is_seen and answer.says(Reason.SPAM))


# The others fit where the status names them or the words say so.
_FITS: Mapping[Reason, Callable[[_Answer], bool]] = {
    Reason.USER_UNKNOWN: _is_user_unknown,
    Reason.FILTERED: _is_filtered,
    Reason.REJECTED: _is_rejected,
    Reason.HOST_UNKNOWN: _is_host_unknown,
    Reason.CONTENT: lambda answer: answer.names_or_says(Reason.CONTENT) and not answer.says(Reason.SPAM),
    Reason.SPAM: _is_spam,
    Reason.HAS_MOVED: lambda answer: answer.says(Reason.HAS_MOVED),
    Reason.SUSPENDED: lambda answer: answer.says(Reason.SUSPENDED),
    Reason.NO_RELAYING: lambda answer: answer.command not in _BEFORE_MAIL and answer.says(Reason.NO_RELAYING),
}


def _command_in(text: str) -> str:
    found = _COMMAND.search(text)
    return (found[1] or found[2]).upper() if found else ""
