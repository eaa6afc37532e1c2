"""The phrases and codes of Yahoo and its AOL: senders.yahooinc.com/smtp-error-codes."""

from newsletter.delivery.bounces.classify.receivers.receiver import Receiver, by_codes, by_words
from newsletter.delivery.bounces.report import Reason

_YAHOO = {
    Reason.AUTHENTICATION: "authenticate with either spf or dkim | 5.7.9 unauthenticated",
    Reason.BLOCKED: "in spamhaus's list | on spamhaus xbl | [bl21] | [bl23]",
    Reason.POLICY: "not accepted for policy reasons | [ph01]",
    Reason.REJECTED: """
        unexpected volume or user complaints | unresolvable rfc.5321 | will be permanently deferred
    """,
    Reason.RATE_LIMITED: "receiving mail too quickly | max message per connection",
    Reason.USER_UNKNOWN: """
        this user doesn't have a | mailbox not found | no yahoo account | dd requested mail action
    """,
    Reason.SUSPENDED: "is no longer valid | mailbox is disabled | (554.30)",
    Reason.NOT_ACCEPT: "type=mx: malformed or unexpected name server reply",
    Reason.NO_RELAYING: "relaying denied for",
    Reason.NOT_COMPLIANT: "headers are not rfc compliant",
    Reason.SYNTAX: "syntax error in parameters",
}
YAHOO = Receiver(
    "Yahoo",
    by_words(_YAHOO),
    hosts=(".yahoodns.net", ".yahoo.com", ".aol.com"),
    signs=("postmaster.yahoo", "senders.yahoo", ".yahoo.com"),
)

_AOL = {
    Reason.REQUIRE_PTR: "rtr:rd",
    Reason.BLOCKED: "rtr: con: rly:b rly:ir",
    Reason.RATE_LIMITED: "dyn:",
    Reason.SPAM: "hvu: rly:ch",
    Reason.POLICY: "rly:",
    Reason.AUTHENTICATION: "dmarc:",
}
AOL = Receiver(
    "AOL",
    by_codes(r"\b((?:rly|rtr|hvu|dyn|con|dmarc):\w*)", _AOL),
    hosts=(".aol.com",),
    signs=("(rly:", "(rtr:", "(hvu:"),
)
