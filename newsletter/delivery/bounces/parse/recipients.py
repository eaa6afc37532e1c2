"""What became of the mail to one address: what a report says of it, put together and classified."""

from dataclasses import replace

from newsletter.delivery.bounces.classify import best_status, classify, programs, wording
from newsletter.delivery.bounces.parse import prose
from newsletter.delivery.bounces.parse.dsn import StatusOf
from newsletter.delivery.bounces.parse.prose import Told
from newsletter.delivery.bounces.parse.reading import Reading
from newsletter.delivery.bounces.report import Hardness, Reason, Recipient

LONGEST_DIAGNOSTIC = 1000
"""Characters of a server's words that are kept."""

_NO_FAILURE = frozenset({"delivered", "relayed", "expanded"})
_UNDECIDED = frozenset({Reason.ON_HOLD, Reason.UNDEFINED, Reason.SYSTEM, Reason.SECURITY})
_BY_NO_SERVER = frozenset({"x-unix", "x-local"})


def of_status(mail: Reading, told: StatusOf) -> Recipient | None:
    """What a report for programs says of a recipient, and for people beside it; None if it names nobody."""
    action = told.action or ("delivered" if told.status.startswith("2") else "failed")
    beside = mail.told_of(told.address, told.original)
    address = told.address or told.original or next(iter(mail.addressees), "")
    if not address and mail.told:
        beside = mail.told[0]
        address = beside.address
    if not address:
        return None
    if action in _NO_FAILURE:
        words = told.diagnostic[:LONGEST_DIAGNOSTIC]
        return Recipient(address, None, Reason.DELIVERED, told.status, "", action, words, told.mta)
    around = beside or Told(address, mail.words, prose.command_in(mail.words))
    command = prose.command_in(told.diagnostic) or around.command
    if not told.diagnostic and (by_program := _by_program(mail, around)):
        return replace(_classified(by_program, action, told), diagnostic=around.words[:LONGEST_DIAGNOSTIC])
    own = Told(address, told.diagnostic or around.words, command, local=told.spec in _BY_NO_SERVER)
    return _or_else(_classified(own, action, told), _classified(replace(around, command=command), action, told))


def of_prose(mail: Reading, told: Told, action: str) -> Recipient:
    """The same of what is written for people alone."""
    whole = Told(told.address, mail.words, told.command or prose.command_in(mail.words))
    if by_program := _by_program(mail, told):
        return replace(_classified(by_program, action), diagnostic=told.words[:LONGEST_DIAGNOSTIC])
    found = _or_else(_classified(told, action), _classified(whole, action))
    found = _or_else(found, _classified(replace(whole, words=mail.mail.header("subject")), action))
    says_nothing = told.words.strip("<>:*. ").lower() == told.address.lower()
    return replace(found, reason=Reason.UNDEFINED) if says_nothing and found.reason is Reason.ON_HOLD else found


def _by_program(mail: Reading, told: Told) -> Told | None:
    """All that is said, if a program says there why it gave up: that may stand before the address."""
    known = len(mail.told) == 1 and programs.reason_of(wording.comparable(mail.words))
    return replace(told, words=mail.words) if known else None


def _or_else(found: Recipient, more: Recipient) -> Recipient:
    """The first, unless only what stands around it decides."""
    if found.reason not in _UNDECIDED or more.reason in _UNDECIDED:
        return found
    status, code = found.status or more.status, found.code or more.code
    return replace(found, reason=more.reason, hardness=more.hardness, status=status, code=code)


def _classified(told: Told, action: str, report: StatusOf | None = None) -> Recipient:
    status, mta = (report.status, report.mta) if report else ("", "")
    # As a program on the spot is marked in a report (RFC 3464, 2.3.6).
    words = f"x-unix; {told.words}" if told.local else told.words
    reason, hardness = classify(words, status, mta=mta, command=told.command)
    if action == "delayed" and reason in {Reason.ON_HOLD, Reason.UNDEFINED}:
        reason, hardness = Reason.EXPIRED, Hardness.SOFT
    text = wording.comparable(told.words)
    code = wording.reply_code_in(text)
    return Recipient(
        address=told.address,
        hardness=hardness,
        reason=reason,
        status=best_status(status, wording.status_in(text), code),
        code=code,
        action=action,
        diagnostic=told.words[:LONGEST_DIAGNOSTIC],
        mta=mta,
    )
