"""Phrases and codes of those who offer mailboxes to everybody.

Sources: support.apple.com/102322, GoDaddy's and Facebook's lists of codes.
"""

from newsletter.delivery.bounces.classify.receivers.receiver import Receiver, by_codes, by_words
from newsletter.delivery.bounces.report import Reason

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
APPLE = Receiver(
    "Apple",
    by_words(_APPLE),
    hosts=(".icloud.com", ".apple.com", ".me.com"),
    signs=("support.apple.com",),
)

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
TENCENT = Receiver(
    "Tencent",
    by_words(_TENCENT),
    hosts=(".qq.com",),
    signs=("mail.qq.com",),
)

_NETEASE = {
    Reason.USER_UNKNOWN: "user not found",
    Reason.SPAM: "dt:spm",
    Reason.BAD_REPUTATION: "hl:rep",
    Reason.RATE_LIMITED: """
        hl:icc | hl:ifc | mi:ccl | mi:cel | mi:dmc | mi:sfq | mi:stc | rp:ccl
        rp:cel | rp:drc | rp:qrc | rp:rcl | rp:trc
    """,
    Reason.BLOCKED: "dt:rbl | hl:ihu | hl:ipb | hl:mep | wm:bli",
    Reason.AUTHENTICATION: "mi:spf",
    Reason.REJECTED: "dt:sum | mi:imf | mi:spb | wm:blu",
    Reason.NO_RELAYING: "rp:frl",
}
NETEASE = Receiver(
    "NetEase",
    by_words(_NETEASE),
    hosts=(".netease.com", ".163.com"),
    signs=("mail.163.com",),
)

YANDEX = Receiver(
    "Yandex",
    by_words({Reason.USER_UNKNOWN: "no such user"}),
    hosts=(".yandex.ru", ".yandex.net", ".yandex.com"),
)

_MAIL_RU = {
    Reason.SUSPENDED: "user is terminated",
    Reason.MAILBOX_FULL: "mailbox is full",
    Reason.USER_UNKNOWN: "user not found | no such mailbox",
}
MAIL_RU = Receiver(
    "Mail.ru",
    by_words(_MAIL_RU),
    hosts=(".mail.ru",),
    signs=("message was not accepted -- ",),
)

_GMX = {
    Reason.REQUIRE_PTR: "bad dns ptr",
    Reason.BLOCKED: "black listed | no smtp service",
    Reason.POLICY: "policy restriction",
    Reason.RATE_LIMITED: "send limit exceeded",
    Reason.REJECTED: "sender address is not | invalid dns mx",
}
GMX = Receiver(
    "GMX",
    by_words(_GMX),
    hosts=(".gmx.net", ".web.de", ".mail.com", ".kundenserver.de"),
    signs=("postmaster.gmx.", "postmaster.web.de", "postmaster.mail.com", "postmaster.1und1.de", "postmaster.ionos."),
)

_ZOHO = {
    Reason.AUTHENTICATION: "rejected per dmarc policy",
    Reason.BLOCKED: "greylisted, try again",
    Reason.REJECTED: "email flagged as spam | rejected by destination domain",
    Reason.POLICY: "policy violation | restricted by policy error",
    Reason.SYSTEM: "temporary system error",
    Reason.VIRUS: "detected by zoho mail",
    Reason.USER_UNKNOWN: "user does not exist | user unknown",
}
ZOHO = Receiver(
    "Zoho",
    by_words(_ZOHO),
    hosts=(".zoho.com", ".zoho.eu", ".zoho.in"),
)

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
GODADDY = Receiver(
    "GoDaddy",
    by_codes(r"\b(ib\d{3})\b", _GODADDY),
    hosts=("secureserver.net",),
)

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
FACEBOOK = Receiver(
    "Facebook",
    by_codes(r"\b((?:pol|msg|rcp|int|dns|con)-[pt]\d)\b", _FACEBOOK),
    hosts=(".facebook.com",),
    signs=("postmaster.facebook.com/",),
)

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
I_UA = Receiver(
    "i.ua",
    by_codes(r"\.i\.ua/err/(\d+)", _I_UA),
    hosts=(".email.ua",),
    signs=(".i.ua/err/",),
)
