"""Phrases and codes of particular receivers, which are tried before the general ones.

Sources: Google's "SMTP error codes" (support.google.com/a/answer/3726730), Microsoft's "NDR error codes in Exchange
Online" and its postmaster pages, senders.yahooinc.com/smtp-error-codes, support.apple.com/102322, Mimecast's, Cox's,
Spectrum's, GoDaddy's and Facebook's lists of codes. A rule without a status holds whatever the status.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.delivery.bounces.classify.wording import separate
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

_APPLE = {
    Reason.AUTHENTICATION: "dmarc policy | failing both spf and dkim | [hme1]",
    Reason.BLOCKED: """
        in the spamhaus | listing in spamhaus | proofpoint.com/dnsbl | not accepting connections
    """,
    Reason.HAS_MOVED: "recipient no longer on server",
    Reason.MAILBOX_FULL: "over quota",
    Reason.NO_RELAYING: "relay access denied",
    Reason.NOT_ACCEPT: "does not accept mail",
    Reason.POLICY: "due to local policy | [cs01] | [cs02] | [hm08]",
    Reason.REJECTED: "sender address rejected",
    Reason.RATE_LIMITED: "due to excessive volume",
    Reason.USER_UNKNOWN: "inactive email address | user does not exist | unknown or illegal alias",
}

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

_TENCENT = {
    Reason.AUTHENTICATION: "dmarc check failed | spf check failed",
    Reason.BLOCKED: "suspected spam ip | suspected bounce attacks | connection denied",
    Reason.EMAIL_TOO_LARGE: "message too large",
    Reason.SPAM: "mail content denied | spam is embedded",
    Reason.REJECTED: "suspected spam | rejected by recipients",
    Reason.SUSPENDED: "deactivated mailbox",
    Reason.SYNTAX: "bad address syntax",
    Reason.RATE_LIMITED: "frequency limited | messages is limited | mailbox unavailable or access denied",
    Reason.USER_UNKNOWN: "mailbox not found",
}

_VERIZON = {Reason.USER_UNKNOWN: "no such user here | no valid recipients for this mm"}

_YANDEX = {Reason.USER_UNKNOWN: "no such user"}

_MAIL_RU = {
    Reason.SUSPENDED: "user is terminated",
    Reason.MAILBOX_FULL: "mailbox is full",
    Reason.USER_UNKNOWN: "user not found | no such mailbox",
}

_NETEASE = {Reason.USER_UNKNOWN: "user not found", Reason.SPAM: "dt:spm"}

_GMX = {
    Reason.REQUIRE_PTR: "bad dns ptr",
    Reason.BLOCKED: "black listed | no smtp service",
    Reason.POLICY: "policy restriction",
    Reason.RATE_LIMITED: "send limit exceeded",
    Reason.REJECTED: "sender address is not | invalid dns mx",
}

_ZOHO = {
    Reason.AUTHENTICATION: "rejected per dmarc policy",
    Reason.BLOCKED: "greylisted, try again",
    Reason.REJECTED: "email flagged as spam | rejected by destination domain",
    Reason.POLICY: "policy violation | restricted by policy error",
    Reason.SYSTEM: "temporary system error",
    Reason.VIRUS: "detected by zoho mail",
    Reason.USER_UNKNOWN: "user does not exist | user unknown",
}

_T_ONLINE = {Reason.USER_UNKNOWN: "user unknown"}

_KDDI = {Reason.FILTERED: "550 : user unknown", Reason.USER_UNKNOWN: ">: user unknown"}

_DOCOMO = {
    Reason.MAILBOX_FULL: "552 too much mail data",
    Reason.RATE_LIMITED: "552 too many recipients",
    Reason.SYNTAX: "503 bad sequence | 504 command parameter",
    Reason.USER_UNKNOWN: "5.1.1",
    Reason.FILTERED: "5.2.0",
}

_OUTLOOK = {
    Reason.HOST_UNKNOWN: "because the domain is not reachable",
    Reason.USER_UNKNOWN: "requested action not taken: mailbox unavailable",
}

# Codes that stand in the text: the pattern finds one, the table begins with its first characters.
_FRENCH = {
    Reason.BLOCKED: "101 102 103 108 401 510 999",
    Reason.RATE_LIMITED: "104",
    Reason.SECURITY: "305 402",
    Reason.REJECTED: "403 405 415 421",
    Reason.USER_UNKNOWN: "416 418",
    Reason.MAILBOX_FULL: "417",
    Reason.SUSPENDED: "420 426",
    Reason.SYSTEM: "505",
    Reason.SPAM: "506",
    Reason.EMAIL_TOO_LARGE: "514",
    Reason.POLICY: "517 630",
}
_GODADDY = {
    Reason.BLOCKED: "ib103 ib104 ib105 ib106 ib108 ib110 ib111 ib112 ib113",
    Reason.RATE_LIMITED: "ib007 ib504 ib510 ib607",
    Reason.EXPIRED: "ib101",
    Reason.SPAM: "ib212",
    Reason.SECURITY: "ib401",
    Reason.AUTHENTICATION: "ib508",
    Reason.REJECTED: "ib501 ib502 ib506",
    Reason.VIRUS: "ib705",
}
_COX = {
    Reason.BLOCKED: "cxbl cxdns cdrbl ipbl",
    Reason.SECURITY: "cxthrt cxmj",
    Reason.REJECTED: "cxsndr cxsmtp",
    Reason.RATE_LIMITED: "cxcnct cxmxrt",
    Reason.SPAM: "urlbl",
}
_SPECTRUM = {
    Reason.BLOCKED: "1000 110 111 112 113 114 115 120 121 122 123 124 125",
    Reason.REJECTED: "1010 102 103 104 105 106 107 108 1500 1520",
    Reason.SYSTEM: "1090",
    Reason.NETWORK: "1260",
    Reason.EMAIL_TOO_LARGE: "1530",
    Reason.RATE_LIMITED: "13 14 1540 1550",
    Reason.POLICY: "116 117 118 119 1560",
}
_FACEBOOK = {
    Reason.AUTHENTICATION: "pol-p7",
    Reason.BLOCKED: "pol-p1 pol-p2 pol-p3 pol-p4 pol-t",
    Reason.CONTENT: "msg-p2",
    Reason.FILTERED: "rcp-p2 rcp-p3",
    Reason.EMAIL_TOO_LARGE: "msg-p1 int-p2",
    Reason.NOT_COMPLIANT: "msg-p3",
    Reason.REJECTED: "dns-p1 dns-p2 dns-t1",
    Reason.REQUIRE_PTR: "dns-p3 dns-t2",
    Reason.SPAM: "pol-p6",
    Reason.SUSPENDED: "rcp-t4",
    Reason.SYSTEM: "rcp-t1",
    Reason.RATE_LIMITED: "con-t msg-t1",
    Reason.USER_UNKNOWN: "rcp-p1 int-p1 int-p3 int-p4",
    Reason.VIRUS: "pol-p5",
}
_AOL = {
    Reason.REQUIRE_PTR: "rtr:rd",
    Reason.BLOCKED: "rtr: con: rly:b rly:ir",
    Reason.RATE_LIMITED: "dyn:",
    Reason.SPAM: "hvu: rly:ch",
    Reason.POLICY: "rly:",
    Reason.AUTHENTICATION: "dmarc:",
}
_I_UA = {
    Reason.NO_RELAYING: "1. 6.",
    Reason.USER_UNKNOWN: "2.",
    Reason.SUSPENDED: "3.",
    Reason.MAILBOX_FULL: "4.",
    Reason.RATE_LIMITED: "5.",
    Reason.BLOCKED: "7. 9.",
    Reason.REJECTED: "8.",
    Reason.FILTERED: "10.",
}

_Finder = Callable[[str, str], Reason | None]


def _by_words(rules: Mapping[Reason, str]) -> _Finder:
    table = [(reason, separate(phrases)) for reason, phrases in rules.items()]

    def find(text: str, status: str) -> Reason | None:
        return next((reason for reason, phrases in table if phrases.any_in(text, status)), None)

    return find


def _by_codes(pattern: str, codes: Mapping[Reason, str]) -> _Finder:
    table = [(prefix, reason) for reason, prefixes in codes.items() for prefix in prefixes.split()]
    table.sort(key=lambda row: -len(row[0]))
    finder = re.compile(pattern)

    def find(text: str, _status: str) -> Reason | None:
        found = finder.search(text)
        code = "".join(found.groups()) if found else ""
        return next((reason for prefix, reason in table if code and f"{code}.".startswith(prefix)), None)

    return find


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver with rules of its own, and how it is recognised."""

    name: str
    find: _Finder
    hosts: tuple[str, ...]
    """How the names of its servers end."""
    signs: tuple[str, ...] = ()
    """Words that only its answers contain."""

    def matches(self, text: str, mta: str) -> bool:
        """Whether the answer is this receiver's."""
        return mta.endswith(self.hosts) or any(sign in text for sign in self.signs)


RECEIVERS: Sequence[Receiver] = (
    Receiver("Google", _by_words(_GOOGLE), ("google.com", "googlemail.com"), (" - gsmtp", "support.google.com/mail")),
    Receiver(
        "Microsoft",
        _by_words(_MICROSOFT),
        (".outlook.com", ".onmicrosoft.com", ".exchangelabs.com"),
        (".prod.outlook.com", ".protection.outlook.com", "resolver.adr.", "fwlink/?linkid=", "fwlink/p/?linkid="),
    ),
    Receiver("Outlook", _by_words(_OUTLOOK), (".hotmail.com", ".live.com")),
    Receiver(
        "Yahoo",
        _by_words(_YAHOO),
        (".yahoodns.net", ".yahoo.com", ".aol.com"),
        ("postmaster.yahoo", "senders.yahoo", ".yahoo.com"),
    ),
    Receiver(
        "AOL", _by_codes(r"\b((?:rly|rtr|hvu|dyn|con|dmarc):\w*)", _AOL), (".aol.com",), ("(rly:", "(rtr:", "(hvu:")
    ),
    Receiver("Apple", _by_words(_APPLE), (".icloud.com", ".apple.com", ".me.com"), ("support.apple.com",)),
    Receiver("Mimecast", _by_words(_MIMECAST), (".mimecast.com",), ("mimecast.com",)),
    Receiver("MessageLabs", _by_words(_MESSAGELABS), (".messagelabs.com",), ("messagelabs.com", "symanteccloud.com")),
    Receiver("Tencent", _by_words(_TENCENT), (".qq.com",), ("mail.qq.com",)),
    Receiver("NetEase", _by_words(_NETEASE), (".netease.com", ".163.com"), ("mail.163.com",)),
    Receiver("Verizon", _by_words(_VERIZON), (".vtext.com", ".vzwpix.com")),
    Receiver("Yandex", _by_words(_YANDEX), (".yandex.ru", ".yandex.net", ".yandex.com")),
    Receiver("Mail.ru", _by_words(_MAIL_RU), (".mail.ru",), ("message was not accepted -- ",)),
    Receiver(
        "GMX",
        _by_words(_GMX),
        (".gmx.net", ".web.de", ".mail.com", ".kundenserver.de"),
        ("postmaster.gmx.", "postmaster.web.de", "postmaster.mail.com", "postmaster.1und1.de", "postmaster.ionos."),
    ),
    Receiver("Zoho", _by_words(_ZOHO), (".zoho.com", ".zoho.eu", ".zoho.in")),
    Receiver("T-Online", _by_words(_T_ONLINE), (".t-online.de",), ("@rx.t-online.de",)),
    Receiver("KDDI", _by_words(_KDDI), (".ezweb.ne.jp", ".au.com")),
    Receiver("docomo", _by_words(_DOCOMO), (".docomo.ne.jp",)),
    Receiver("Cox", _by_codes(r"aup#(\w+)", _COX), ("cox.net", ".cloudfilter.net"), ("cox.com/",)),
    Receiver(
        "Spectrum", _by_codes(r"aup#[-a-z]*(\d{4})", _SPECTRUM), ("charter.net", ".cloudfilter.net"), ("spectrum.net/",)
    ),
    Receiver(
        "Orange",
        _by_codes(r"\b(?:lpn|lpnaaa|ofr|ouk)\w*?[-_]?(\d{3})\b(?![-_]\d)", _FRENCH),
        (".orange.fr", ".wanadoo.fr", ".laposte.net"),
        (" ofr_", " lpn0", " ofr0", " lpnaaa_"),
    ),
    Receiver("GoDaddy", _by_codes(r"\b(ib\d{3})\b", _GODADDY), ("secureserver.net",)),
    Receiver(
        "Facebook",
        _by_codes(r"\b((?:pol|msg|rcp|int|dns|con)-[pt]\d)\b", _FACEBOOK),
        (".facebook.com",),
        ("postmaster.facebook.com/",),
    ),
    Receiver("i.ua", _by_codes(r"\.i\.ua/err/(\d+)", _I_UA), (".email.ua",), (".i.ua/err/",)),
)


def reason_of(text: str, status: str, mta: str) -> Reason | None:
    """The reason by the receiver's own rules; None if they do not cover its answer."""
    asked = mta.strip(" .").lower()
    found = (each.find(text, status) for each in RECEIVERS if each.matches(text, f".{asked}"))
    return next((reason for reason in found if reason), None)
