"""General phrases in servers' answers, whatever the server: each reason with its phrases, arranged by meaning.

Written in small letters, with `|` between phrases and `*` for a gap; see `wording`. Most of them come from many
servers' answers, some from what a product documents. The order in which reasons are looked for is in `classify`.
"""

from collections.abc import Mapping
from functools import lru_cache

from newsletter.delivery.bounces.classify.phrases.message import MESSAGE
from newsletter.delivery.bounces.classify.phrases.recipient import RECIPIENT
from newsletter.delivery.bounces.classify.phrases.sender import SENDER
from newsletter.delivery.bounces.classify.phrases.system import SYSTEM
from newsletter.delivery.bounces.classify.wording import separate
from newsletter.delivery.bounces.report import Reason

_NOT: Mapping[Reason, str] = {
    Reason.REJECTED: """
        *5.1.0 address rejected | *5.1.1 address rejected | recipient address rejected | sender ip address rejected
        dnsbl
    """,
    Reason.USER_UNKNOWN: "mail domain mentioned in",
    # The last is what Google says of every refusal.
    Reason.FILTERED: "content filter | not accepting mail with | rejected by the recipient domain",
    Reason.MAILBOX_FULL: "sending quota | submission quota",
    # A local program's words about a connection of its own.
    Reason.BLOCKED: "command output:",
    # Cloudmark's list of senders, not its filter.
    Reason.SPAM: "csi.cloudmark",
    Reason.SYSTEM: "service not available",
}
"""Words that rule a reason out."""

_HINTS: Mapping[Reason, str] = {
    Reason.SPAM: "spam | unsolicited | junk | bulk mail | ube, | ube detected",
    Reason.AUTHENTICATION: "spf | dkim | dmarc | unauthenticated",
    Reason.REQUIRE_PTR: "reverse",
    Reason.BLOCKED: """
        blacklist | black list | your ip | your host | your network | your mail server | server is blocked
        connection from * rejected | mail from * rejected | not accepting mail from | helo | ehlo
    """,
    Reason.VIRUS: "virus",
    Reason.FAILED_STARTTLS: "encryption | tls",
    Reason.REJECTED: """
        sender address | verify sender | unknown sender | sender unknown | sender not found | sender account
        envelope blocked
    """,
    Reason.RATE_LIMITED: "number of messages | volume",
    Reason.POLICY: """
        policy | policies | mass mail | geographical | your country | not allowed to send
        message rejected | message refused | message blocked | message was rejected | message was blocked
        mail rejected | mail refused | mail was rejected | attachment
    """,
    Reason.SECURITY: "access denied | authentication | suspicious | abuse",
}
"""Words about us or what we sent, too common to outweigh anything else that an answer says."""

_PHRASES = {reason: separate(rules) for reason, rules in (RECIPIENT | SENDER | MESSAGE | SYSTEM).items()}
_HINTED = [(reason, separate(rules)) for reason, rules in _HINTS.items()]
_AGAINST = {reason: separate(rules) for reason, rules in _NOT.items()}
_NOTHING = separate("")


# Asked several times of each answer.
@lru_cache(maxsize=256)
def says(reason: Reason, text: str) -> bool:
    """Whether this text, made `comparable`, gives this reason."""
    return _PHRASES[reason].any_in(text) and not _AGAINST.get(reason, _NOTHING).any_in(text)


def hint(text: str) -> Reason | None:
    """The reason about us that a text, made `comparable`, touches on; for an answer that says nothing else."""
    return next((reason for reason, phrases in _HINTED if phrases.any_in(text)), None)
