"""Phrases of companies that filter the mail of others; Mimecast has a list of them."""

from newsletter.delivery.bounces.classify.receivers.receiver import Receiver, by_words
from newsletter.delivery.bounces.report import Reason

_MIMECAST = {
    Reason.SPAM: "mcspamsignature",
    Reason.VIRUS: "signature was detected | virus signature",
    Reason.AUTHENTICATION: "spf sender invalid | dkim sender invalid | dmarc sender invalid",
    Reason.BAD_REPUTATION: "internal resources are temporarily unavailable | ip reputation",
    Reason.BLOCKED: """
        sender address blocked | recipient temporarily unavailable | ip temporarily blacklisted
    """,
    Reason.FAILED_STARTTLS: "route requires | invalid for this certificate",
    Reason.EMAIL_TOO_LARGE: "maximum email size exceeded",
    Reason.NETWORK: "incorrect hostname used for inbounds | mail loop detected",
    Reason.NO_RELAYING: "open relay",
    Reason.NOT_ACCEPT: "account inbounds disabled",
    Reason.ON_HOLD: """
        account outbounds disabled | hostname is not authorized | journal message past expiration
    """,
    Reason.POLICY: "anti-spoofing policy | content examination policy | host network* not allowed",
    Reason.REJECTED: """
        administrative prohibition | envelope blocked | blocked senders | block policy for envelope
    """,
    Reason.SECURITY: "incorrect authentication data | submitter failed to",
    Reason.SYSTEM: "unable to process | message ended early",
    Reason.RATE_LIMITED: """
        account service is temporarily unavailable | too many recipients | outbound thread limit
    """,
    Reason.USER_UNKNOWN: "invalid address | user unknown | invalid recipient",
}
MIMECAST = Receiver(
    "Mimecast",
    by_words(_MIMECAST),
    hosts=(".mimecast.com",),
    signs=("mimecast.com",),
)

_MESSAGELABS = {
    Reason.AUTHENTICATION: "domain authentication fail",
    Reason.BAD_REPUTATION: "connection rejected by policy",
    Reason.BLOCKED: "your ip is in the pbl | your ip address has been",
    Reason.CONTENT: "stray linefeeds",
    Reason.FAILED_STARTTLS: "tls/sslv3 connection required",
    Reason.NO_RELAYING: "as a relay",
    Reason.NOT_COMPLIANT: "requested action aborted [4] | not rfc 5322",
    Reason.REJECTED: """
        not allowed for sender ip | has been blocked | badmailfrom | has been blacklisted
    """,
    Reason.SPAM: "message filtered | filtered by outbound scanning",
    Reason.RATE_LIMITED: "too many recipients received | too many messages",
    Reason.USER_UNKNOWN: "no such user | invalid recipient | mailbox is not allowed",
}
MESSAGELABS = Receiver(
    "MessageLabs",
    by_words(_MESSAGELABS),
    hosts=(".messagelabs.com",),
    signs=("messagelabs.com", "symanteccloud.com"),
)
