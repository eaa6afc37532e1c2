"""Microsoft's phrases and codes: "NDR error codes in Exchange Online", and those of its postmaster pages."""

from newsletter.delivery.bounces.classify.receivers.receiver import Receiver, by_words
from newsletter.delivery.bounces.report import Reason

_MICROSOFT = {
    Reason.AUTHENTICATION: """
        4.7.26 | 5.7.23 | 5.7.509 | 5.7.515 | does not pass dmarc verification | sender policy framework violation
    """,
    Reason.USER_UNKNOWN: """
        5.1.10 | 5.1.351 unknown recipient or mailbox | 5.5.0 mailbox unavailable
        5.4.1 recipient address rejected | recipnotfound
        recipientnotfound | mailbox unavailable (s2017062302) | 5.1.3 invalid recipient address
        5.1.4-5 reserved by rfc 2606 | 5.1.6 single label domains | 5.1.2 invalid x.400 address
    """,
    Reason.MAILBOX_FULL: "5.2.2 mailbox full | 5.2.2 quota exceeded exception | quotaexceeded",
    Reason.RATE_LIMITED: """
        4.3.2 thread limit exceeded | 4.5.3 | 5.5.3 too many recipients | 4.7.652 | 5.1.90 | 5.2.121 | 5.2.122
        5.2.2 submission quota | 5.7.508 | 5.7.700-749 | maximum number of connections
    """,
    Reason.BAD_REPUTATION: "4.7.650 | due to ip reputation | (rp-00 | (sc-001) | (ou-002)",
    Reason.BLOCKED: """
        4.7.850-899 | 5.7.25 | 5.7.506 | 5.7.507 | 5.7.510 | 5.7.511 | 5.7.513 | 5.7.606-649
        4.7.500-699 please try again later from | 4.7.501-699 access denied | 4.4.2 connection dropped
        part of their network is on our block list | banned sending ip | (sc-003) | (sc-004) | (dy-001) | (ou-001)
        not currently accepting mail from your ip
    """,
    Reason.POLICY: """
        5.0.350 header is too long | 5.0.350 policy violation | 5.7.900-999 | (sc-002) | rejected by transport rule
        rules.rejectmessage | organization policy
    """,
    Reason.REJECTED: """
        5.1.0 sender denied | 5.1.7 | 5.1.8 bad outbound sender | 5.7.1 delivery not authorized | 5.7.12 | 5.7.124
        5.7.133 | 5.7.134 | 5.7.13 public folder | 5.7.135 | 5.7.136 | 5.7.501-503 | 5.7.512 | 5.7.193 | 5.7.750
    """,
    Reason.SUSPENDED: "5.7.504 | 5.7.505 | 5.2.1 mailbox cannot be accessed",
    Reason.SPAM: "5.2.1 quarantined this message",
    Reason.NO_RELAYING: """
        5.7.1 unable to relay | 5.4.1 relay access denied | 5.7.64 | 5.4.310 does not exist | relay access denied
    """,
    Reason.SECURITY: "5.7.3 | 5.7.57 | 5.7.520 | 5.7.1 client was not authenticated",
    Reason.NOT_ACCEPT: """
        4.3.2 not accepting network messages | no mail-enabled subscriptions | 5.3.2 mdb properties
    """,
    Reason.EMAIL_TOO_LARGE: "5.2.3 | 5.3.4 | recipsizelimit",
    Reason.CONTENT: """
        5.3.0 too many related errors | 5.6.11 | 5.4.11 depth exceeded | 5.5.6 invalid message content
    """,
    Reason.FAILED_STARTTLS: """
        4.4.8 | 5.4.8 | 4.4.317 starttls | 5.4.317 starttls | 4.7.5 mta-sts | 5.7.5 mta-sts | 5.7.51 | 4.7.321-325
        5.7.321-325
    """,
    Reason.NETWORK: """
        5.4.4 nonexistent domain | 5.4.4 invalid arguments | 5.4.6 | 5.4.14 | 4.4.312 | 5.4.312
        4.4.316 connection refused | 5.4.316 connection refused
    """,
    Reason.EXPIRED: "4.4.1 timed out | 4.4.7 | 5.4.300 | 5.4.316 message expired | 5.4.317 message expired",
    Reason.SYSTEM: """
        4.3.2 service not | 5.3.5 | 5.3.190 | 5.1.4 | 5.2.4 | 5.2.14 | 4.4.22-28 | 4.4.3 temporary server
        4.7.0 temporary server error | 4.4.318 | 5.4.318 | 4.7.500 server busy | 4.7.700
    """,
    Reason.SYSTEM_FULL: "4.3.1 insufficient system resources",
    Reason.SYNTAX: "5.3.3 unrecognized command | 5.5.2 send hello first",
}
MICROSOFT = Receiver(
    "Microsoft",
    by_words(_MICROSOFT),
    hosts=(".outlook.com", ".onmicrosoft.com", ".exchangelabs.com"),
    signs=(
        *(".prod.outlook.com", ".protection.outlook.com", "resolver.adr.", "resolver.rst."),
        *("fwlink/?linkid=", "fwlink/p/?linkid="),
    ),
)

_OUTLOOK = {
    Reason.HOST_UNKNOWN: "because the domain is not reachable",
    Reason.USER_UNKNOWN: "requested action not taken: mailbox unavailable",
}
OUTLOOK = Receiver(
    "Outlook",
    by_words(_OUTLOOK),
    hosts=(".hotmail.com", ".live.com"),
)
