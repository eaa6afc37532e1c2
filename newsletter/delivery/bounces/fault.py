"""Whose fault a refusal in the SMTP dialogue is: ours, and what we send, or one reader's.

Plain words and codes are asked first, because there may be a million refusals; where they do not tell, it is
classified as a bounce is.
"""

import re

from newsletter.delivery.bounces.report import ABOUT_US, Reason
from newsletter.delivery.smtp import refusals
from newsletter.delivery.smtp.replies import ServerReply

_ABOUT_READER = frozenset(
    {
        *(Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.HAS_MOVED, Reason.NOT_ACCEPT),
        *(Reason.MAILBOX_FULL, Reason.SUSPENDED, Reason.FILTERED),
    }
)
# "Rejected", and no word of what: it names no mailbox, so it is held against none.
_BARE_REFUSAL = re.compile(
    r"[^a-z]*(?:(?:connection|command|transaction|delivery|request) )?(?:(?:is|was|has been) )?"
    r"(?:reject|refus|deni|block|prohibit|forbid|not (?:accept|allow|permit))[a-z]*[^a-z]*"
)


def is_our_fault(answer: ServerReply, *, after_data: bool = False) -> bool:
    """Whether a reply is about the sender: policy, relaying, authentication, content, size or reputation.

    `after_data`: it answered the whole message, so a 5xx that says nothing else is about the content.
    """
    plain = refusals.is_plainly_ours(answer)
    if plain is not None:
        return plain
    if _BARE_REFUSAL.fullmatch(answer.text.lower()):
        return True
    from newsletter.delivery.bounces.classify import classify  # its phrases take memory, and refusals are rare

    words = f"{answer.code} {answer.text}"
    reason = classify(words, answer.status or "", str(answer.code), command="DATA" if after_data else "RCPT").reason
    if reason in _ABOUT_READER:
        return False
    return reason in ABOUT_US or answer.code == 554 or after_data
