"""Phrases of particular mail programs: Domino, Exchange, Exim, qmail, IMail, Google's, OpenSMTPD, gateways, …

Such words come from the program that gave up, so they need no status and no command beside them.
"""

from collections.abc import Mapping
from functools import lru_cache

from newsletter.delivery.bounces.classify.wording import separate
from newsletter.delivery.bounces.report import Reason

_RULES: Mapping[Reason, str] = {
    Reason.USER_UNKNOWN: """
        # Domino and Notes
        not listed in domino directory | not listed in public name | répertorié dans l'annuaire domino
        ディレクトリには見つかりません | ディレクトリのリストにありません | nicht im domino-verzeichnis
        # Exchange
        recipient name is not recognized | 000c05a6 | resolver.adr.recipnotfound | resolver.adr.exrecipnotfound
        wasn't found at *office 365 | unknown recipient or mailbox unavailable
        does not exist at the organization this message was sent to
        # IMail, MailEnable, Novell and gateways
        invalid final delivery userid | unknown user: *@ | addressee unknown
        mailbox doesn't exist: | invalid user specified | cannot find system user
        (user unknown *@ | (unknown user *@ | 550 unknown recipient
        recipient no longer valid | unable to deliver message to * please check if address is correct
        # qmail, vpopmail and Google
        no mailbox here by that name | (state 14) | vdeliver: invalid or unknown * user | vdeliver: * virtual user
        # GroupWise, and sendmail's local delivery
        (user not found) | mail.local: * invalid mailbox path | mail.local: * unknown user: | mail.local: * user unknown
        mail.local: * user missing home directory
    """,
    Reason.HOST_UNKNOWN: """
        unrouteable address | unroutable address | all relevant mx records point to non-existent hosts
        all host address lookups failed permanently | couldn't find any host named | couldn't find any host by that
        dns error: domain name not found | returned answer with no data | illegal host/domain name found
        remote domain doesnt exist | smtpsend.dns.nonexistentdomain | invalid domain name ( | no such domain.
        no mail servers appear to exist
        could not be delivered to the recipient because the domain is not reachable | unknown host:
        dns lookup failure: host | @*: invalid domain name
    """,
    Reason.MAILBOX_FULL: """
        error: quota exceed | user mailbox exceeds allowed size | as their mailbox is full | account is full
        user(s) account is temporarily over quota | exdiskquota | would exceed mailbox quota
        messages in recipient's mailbox exceeded the local limit
    """,
    Reason.SUSPENDED: """
        user(s) account is disabled | user(s) account is temporarily limited | address is administratively disabled
        mailaddress is administrativley disabled | mailaddress is administrativly disabled
    """,
    Reason.FILTERED: """
        cannot route mail to user | (state 15) | (state 17) | (state 18) | 000c0595
        user does not exist, but will deliver to
    """,
    Reason.NOT_ACCEPT: """
        no mx found for | couldn't find a mail exchanger or ip address | record indicated no smtp service
        no host found for existing smtp connection
        an mx or srv record indicated | does not accept mail (nullmx) | seem to reject all mails
    """,
    Reason.EMAIL_TOO_LARGE: """
        message exeeded the maximum size | resolver.rst.recipsizelimit | mail size limit exceeded
        - message size exceeds recipient
    """,
    Reason.NETWORK: """
        no valid route to | address family mismatch | connection with * is broken
        all routes to destination blocked | network error on destination | bad dns lookup error
        temporary failure in mx lookup | : dns lookup failed | responded with code servfail
        wasn't able to establish an smtp connection | 00120270 | best-preference mx or a for that host
        smtpsend.dns.mxloopback | exceeded maximum hop count
    """,
    Reason.RATE_LIMITED: "resolver.adr.reciplimit",
    # Google Groups says the first in every language.
    Reason.REJECTED: "groups.google.com/support | resolver.rst.notauthorized",
    Reason.BLOCKED: "but my name was rejected | but greeting failed | (state 13)",
    Reason.SECURITY: """
        resolver.rst.authrequired | 000b0981 | could not retrieve credentials | turn on smtp authentication
    """,
    Reason.SYSTEM: """
        cname lookup failed | mail.local: temporary file write error | procmail: service unavailable
        /procmail * service unavailable
        resolver.adr.badprimary | resolver.adr.invalidinsmtp | resolver.adr.ambiguous | several matches found in
        delivery to file forbidden | delivery to pipe forbidden | local delivery failed
        in ldap lookup | contact ldap server | ldap attribute | homedir creat | violates rfc 1035 | 000d06b5
        (state 6) | (state 8) | (state 9) | 00010256
    """,
    Reason.SYSTEM_FULL: "(not enough free space) | procmail: no space left",
    Reason.SYNTAX: """
        angle-brackets nested too deep | expected word or "<" | missing in source-routed address
        malformed address:
    """,
    Reason.CONTENT: """
        too many "received" headers | conversion to internet format failed | - bad header:
    """,
    Reason.VIRUS: "- infected",
    Reason.EXPIRED: """
        message expired
        retry timeout exceeded | retry time not reached | envelope expired | could not contact dns servers
        hosts have been failing for a long time | did not accept our requests to connect | has been frozen
        was frozen on arrival | delivery failed * attempts | queue.expired | host not reachable
        this message has been in the queue too long | your message was not delivered within | delay reason:
        could not deliver for the last | no action is required on your part
    """,
    Reason.SPAM: "- spam | blocked by our spam firewall | blocked by our bulk email filter",
}

CATEGORIES: Mapping[str, Reason] = {
    "bad-mailbox": Reason.USER_UNKNOWN,
    "bad-domain": Reason.HOST_UNKNOWN,
    "inactive-mailbox": Reason.SUSPENDED,
    "quota-issues": Reason.MAILBOX_FULL,
    "spam-related": Reason.SPAM,
    "virus-related": Reason.VIRUS,
    "policy-related": Reason.POLICY,
    "relaying-issues": Reason.NO_RELAYING,
    "invalid-sender": Reason.REJECTED,
    "message-expired": Reason.EXPIRED,
    "no-answer-from-host": Reason.NETWORK,
    "routing-errors": Reason.SYSTEM,
}
"""The reason by PowerMTA's own categories."""

GOOGLE_STATE = "(state "
"""How Google begins where in the dialogue it was refused: that tells less than a status that the server gave."""

_PHRASES = [(reason, separate(rules)) for reason, rules in _RULES.items()]


# Asked of a whole notice for each recipient in it.
@lru_cache(maxsize=16)
def reason_of(text: str) -> Reason | None:
    """The reason in the words of a known mail program; None if none of them matches."""
    return next((reason for reason, phrases in _PHRASES if phrases.any_in(text)), None)
