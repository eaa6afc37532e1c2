"""Google's phrases and codes: "SMTP error codes" (support.google.com/a/answer/3726730)."""

from newsletter.delivery.bounces.classify.receivers.receiver import Receiver, by_words
from newsletter.delivery.bounces.report import Reason

_GOOGLE = {
    Reason.MAILBOX_FULL: """
        out of storage space | is over quota | overquotatemp | overquotaperm | email quota exc
    """,
    Reason.USER_UNKNOWN: "account that you tried to reach does not exist | p=nosuchuser",
    Reason.SUSPENDED: """
        account that you tried to reach is disabled | tried to reach is inactive | p=disableduser
    """,
    Reason.POLICY: """
        illegal attachment | content presents a potential security issue | policy that prohibited
        messages with the same message-id
    """,
    Reason.RATE_LIMITED: """
        receiving mail too quickly | rate that prevents additional messages | smtp relay limit exceeded
        sending quota exceeded | sending limit exceeded | peak smtp relay limit | too many recipients
    """,
    Reason.REQUIRE_PTR: """
        4.7.23 | 5.7.25 | does not have a ptr | have a ptr record | guidelines regarding ptr
    """,
    Reason.FAILED_STARTTLS: "4.7.29 | 5.7.29 | must issue a starttls | tls required for rcpt",
    Reason.AUTHENTICATION: """
        4.7.24 | 5.7.24 | 4.7.26 | 5.7.26 | 4.7.27 | 5.7.27 | 4.7.30 | 5.7.30 | 4.7.32 | 5.7.32 | 4.7.40
        dmarc policy | fails to pass authentication | authenticate with either spf or dkim
    """,
    Reason.BAD_REPUTATION: "very low reputation",
    Reason.BLOCKED: """
        unusual rate of | not in whitelist for rcpt | 4.7.0 try again later, closing connection
        helo/ehlo argument is invalid | empty helo/ehlo argument
    """,
    Reason.EMAIL_TOO_LARGE: "exceeded google's message size | exceeds google's | maxsizeerror",
    Reason.EXPIRED: "4.7.0 connection expired | timeout - closing connection",
    Reason.NETWORK: "message exceeded 50 hops",
    Reason.NO_RELAYING: "mail relay denied | credentials for relay | email directly to our servers",
    Reason.NOT_COMPLIANT: """
        rfc 5322 compliant | missing a valid address in the from | missing a valid message-id
        unicode character in a disallowed header | encoded-word syntax is not permitted | mail message is malformed
        valid rfc 5321 address | multiple addresses in from | rfcmessagenoncompliant
    """,
    Reason.REJECTED: "mail sending denied | unauthenticated email is not accepted",
    Reason.SECURITY: """
        too many login attempts | authentication required | application-specific password
    """,
    Reason.SPAM: """
        nature of the content or the links | likely unsolicited mail | unsolicitedmessageerror | mail/answer/69585
    """,
    Reason.SYSTEM: """
        temporary system problem | 4.4.5 server busy | multiple destination domains per transaction
        temporarily rejected | domain policy size per transaction
    """,
}
GOOGLE = Receiver(
    "Google",
    by_words(_GOOGLE),
    hosts=("google.com", "googlemail.com"),
    signs=(" - gsmtp", "support.google.com/mail"),
)
