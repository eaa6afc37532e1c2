"""Delivery reports: the one value into which every source (pipe, mailbox, LMTP, webhook, SMTP) is read."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an incoming mail or event is."""

    BOUNCE = "bounce"
    DELAY = "delay"
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"
    NOT_A_BOUNCE = "not_a_bounce"


class Hardness(StrEnum):
    """Whether another attempt could ever succeed."""

    HARD = "hard"
    SOFT = "soft"


class Reason(StrEnum):
    """Why a recipient's server did not take a mail, in the words of Sisimai 5.6."""

    AUTHENTICATION = "authfailure"
    BAD_REPUTATION = "badreputation"
    BLOCKED = "blocked"
    CONTENT = "contenterror"
    EMAIL_TOO_LARGE = "emailtoolarge"
    EXPIRED = "expired"
    FAILED_STARTTLS = "failedstarttls"
    FILTERED = "filtered"
    HAS_MOVED = "hasmoved"
    HOST_UNKNOWN = "hostunknown"
    MAILBOX_FULL = "mailboxfull"
    MAILER_ERROR = "mailererror"
    NETWORK = "networkerror"
    NO_RELAYING = "norelaying"
    NOT_ACCEPT = "notaccept"
    NOT_COMPLIANT = "notcompliantrfc"
    ON_HOLD = "onhold"
    POLICY = "policyviolation"
    RATE_LIMITED = "ratelimited"
    REJECTED = "rejected"
    REQUIRE_PTR = "requireptr"
    SECURITY = "securityerror"
    SPAM = "spamdetected"
    SUSPENDED = "suspend"
    SYNTAX = "syntaxerror"
    SYSTEM = "systemerror"
    SYSTEM_FULL = "systemfull"
    UNDEFINED = "undefined"
    USER_UNKNOWN = "userunknown"
    VIRUS = "virusdetected"
    DELIVERED = "delivered"
    FEEDBACK = "feedback"
    VACATION = "vacation"


ABOUT_US = frozenset(
    {
        Reason.AUTHENTICATION,
        Reason.BAD_REPUTATION,
        Reason.BLOCKED,
        Reason.CONTENT,
        Reason.EMAIL_TOO_LARGE,
        Reason.FAILED_STARTTLS,
        Reason.NO_RELAYING,
        Reason.NOT_COMPLIANT,
        Reason.POLICY,
        Reason.RATE_LIMITED,
        Reason.REJECTED,
        Reason.REQUIRE_PTR,
        Reason.SECURITY,
        Reason.SPAM,
        Reason.SYNTAX,
        Reason.VIRUS,
    }
)
"""Reasons that are not the reader's fault."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of a report, and the outcome of the mail to it."""

    address: str
    hardness: Hardness | None
    """None if it is not a bounce."""
    reason: Reason
    status: str = ""
    """The enhanced status code (RFC 3463), such as 5.1.1."""
    code: str = ""
    """The SMTP reply code, such as 550."""
    action: str = ""
    """As in RFC 3464: failed, delayed, delivered, relayed, expanded."""
    diagnostic: str = ""
    """The receiving server's own words."""
    mta: str = ""
    """The server that gave the answer."""


@dataclass(frozen=True, slots=True)
class Report:
    """One incoming mail or event, read."""

    kind: Kind
    recipients: tuple[Recipient, ...] = ()
    return_path: str = ""
    """The signed address that the report came back to; empty when there is none in it."""
    message_id: str = ""
    """The Message-ID of the mail that the report is about, without angle brackets; empty if the report has none."""
    is_of_program: bool = True
    """Whether its header shows that a program wrote it; else its words alone tell its kind, and may be a person's."""
