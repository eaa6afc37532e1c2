"""What became of the mail to one address: what a report says of it, put together and classified."""

from collections.abc import Iterable
from dataclasses import replace

from newsletter.delivery.bounces.classify import classify, programs, wording
from newsletter.delivery.bounces.classify import hardness as hardness_of
from newsletter.delivery.bounces.parse import prose
from newsletter.delivery.bounces.parse.dsn import RecipientStatus
from newsletter.delivery.bounces.parse.mail_view import MailView
from newsletter.delivery.bounces.parse.prose import Mention
from newsletter.delivery.bounces.report import Hardness, Reason, Recipient

LONGEST_DIAGNOSTIC = 1000
"""Characters of a server's words that are kept."""

_NO_FAILURE = frozenset({"delivered", "relayed", "expanded"})
_UNDECIDED = frozenset({Reason.ON_HOLD, Reason.UNDEFINED, Reason.SYSTEM, Reason.SECURITY})
# What the text for people says outweighs "user unknown" in the report beside it.
_RATHER = frozenset({Reason.MAILBOX_FULL, Reason.SUSPENDED})
_BY_NO_SERVER = frozenset({"x-unix", "x-local"})


def of_status(view: MailView, status: RecipientStatus) -> Recipient | None:
    """The recipient in a report for programs, with the report's text for people; None if it names nobody."""
    action = status.action or ("delivered" if status.status.startswith("2") else "failed")
    notice = view.mention_of(status.address, status.original)
    address = status.address or status.original or next(iter(view.addressees), "")
    if not address and view.mentions:
        notice = view.mentions[0]
        address = notice.address
    if not address:
        return None
    if action in _NO_FAILURE:
        words = status.diagnostic[:LONGEST_DIAGNOSTIC]
        return Recipient(address, None, Reason.DELIVERED, status.status, "", action, words, status.mta)
    return _of_failure(view, status, action, notice or _whole(view, address))


def _of_failure(view: MailView, status: RecipientStatus, action: str, notice: Mention) -> Recipient:
    command = prose.command_in(status.diagnostic) or notice.command
    if not status.diagnostic and (program_words := _words_of_program(view, notice)):
        found = _classified(program_words, action, status)
        return replace(found, diagnostic=notice.words[:LONGEST_DIAGNOSTIC])
    notice = replace(notice, address=status.address or status.original or notice.address, command=command)
    words = replace(notice, words=status.diagnostic or notice.words, local=status.spec in _BY_NO_SERVER)
    found = _classified(words, action, status)
    if status.comment and not status.diagnostic:
        commented = _classified(replace(words, words=status.comment), action, status)
        found = replace(_or_else(commented, found), diagnostic=found.diagnostic)
    may_be_otherwise = found.hardness is Hardness.HARD and not view.names_several and len(view.mentions) <= 1
    if found.reason not in _UNDECIDED and not may_be_otherwise:
        return _by_category(found, status.category)
    by_prose = _classified(notice, action, status)
    if may_be_otherwise and by_prose.reason in _RATHER:
        return replace(found, reason=by_prose.reason, hardness=by_prose.hardness)
    return _by_category(_or_else(found, by_prose), status.category)


def _by_category(found: Recipient, category: str) -> Recipient:
    reason = programs.CATEGORIES.get(category, found.reason)
    if reason is found.reason or found.reason not in _UNDECIDED | {Reason.FILTERED}:
        return found
    return replace(found, reason=reason, hardness=hardness_of(reason, found.status, found.code))


def distinct(found: Iterable[Recipient]) -> list[Recipient]:
    """These, but one for each address and action: the first that says why, or else the last."""
    known: dict[tuple[str, str], Recipient] = {}
    for each in found:
        key = each.address.lower(), each.action
        if key not in known or known[key].reason in _UNDECIDED:
            known[key] = each
    return list(known.values())


def of_prose(view: MailView, notice: Mention, action: str) -> Recipient:
    """The recipient that a notice written only for people names."""
    if program_words := _words_of_program(view, notice):
        return replace(_classified(program_words, action), diagnostic=notice.words[:LONGEST_DIAGNOSTIC])
    found = _classified(notice, action)
    if found.reason in _UNDECIDED:
        whole = _whole(view, notice.address, notice.command)
        found = _or_else(found, _classified(whole, action))
    if found.reason in _UNDECIDED:
        by_subject = _classified(replace(whole, words=view.mail.header("subject")), action)
        # A subject may be that of the returned message.
        found = found if by_subject.hardness is Hardness.HARD else _or_else(found, by_subject)
    says_nothing = notice.words.strip("<>:*. ").lower() == notice.address.lower()
    return replace(found, reason=Reason.UNDEFINED) if says_nothing and found.reason is Reason.ON_HOLD else found


def _whole(view: MailView, address: str, command: str = "") -> Mention:
    words = view.words_for(address)
    return Mention(address, words, command or prose.command_in(words))


def _words_of_program(view: MailView, notice: Mention) -> Mention | None:
    """The whole text, if a program explains in it why it gave up: that may come before the address."""
    known = not view.names_several and len(view.mentions) == 1 and programs.reason_of(wording.comparable(view.words))
    return replace(notice, words=view.words) if known else None


def _or_else(found: Recipient, fallback: Recipient) -> Recipient:
    """The recipient, with the fallback's reason if it has none of its own."""
    if found.reason not in _UNDECIDED or fallback.reason in _UNDECIDED:
        return found
    status, code = found.status or fallback.status, found.code or fallback.code
    return replace(found, reason=fallback.reason, hardness=fallback.hardness, status=status, code=code)


def _classified(mention: Mention, action: str, report: RecipientStatus | None = None) -> Recipient:
    status, mta = (report.status, report.mta) if report else ("", "")
    # A name may be any words ("spam@"), and without it the same answer about the next one is known already.
    words = prose.without_names(mention.words)
    # As a report marks a local program (RFC 3464, 2.3.6).
    words = f"x-unix; {words}" if mention.local else words
    # Without a host's name, it is likely the recipient's own that answered.
    host = mta or mention.address.partition("@")[2]
    found = classify(words, status, mta=host, command=mention.command)
    if action == "delayed" and found.reason in {Reason.ON_HOLD, Reason.UNDEFINED}:
        found = found._replace(reason=Reason.EXPIRED, hardness=Hardness.SOFT)
    diagnostic = mention.words[:LONGEST_DIAGNOSTIC]
    return Recipient(mention.address, found.hardness, found.reason, found.status, found.code, action, diagnostic, mta)
