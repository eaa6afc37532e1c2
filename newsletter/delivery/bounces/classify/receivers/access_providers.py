"""Phrases and codes of those whose mailboxes come with a line or a phone.

Sources: Cox's and Spectrum's lists of codes.
"""

from newsletter.delivery.bounces.classify.receivers.receiver import Receiver, by_codes, by_words
from newsletter.delivery.bounces.report import Reason

VERIZON = Receiver(
    "Verizon",
    by_words({Reason.USER_UNKNOWN: "no such user here | no valid recipients for this mm"}),
    hosts=(".vtext.com", ".vzwpix.com"),
)

T_ONLINE = Receiver(
    "T-Online",
    by_words({Reason.USER_UNKNOWN: "user unknown"}),
    hosts=(".t-online.de",),
    signs=("@rx.t-online.de",),
)

KDDI = Receiver(
    "KDDI",
    by_words({Reason.FILTERED: "550 : user unknown", Reason.USER_UNKNOWN: ">: user unknown"}),
    hosts=(".ezweb.ne.jp", ".au.com"),
)

_DOCOMO = {
    Reason.MAILBOX_FULL: "552 too much mail data",
    Reason.RATE_LIMITED: "552 too many recipients",
    Reason.SYNTAX: "503 bad sequence | 504 command parameter",
    Reason.USER_UNKNOWN: "5.1.1",
    Reason.FILTERED: "5.2.0",
}
DOCOMO = Receiver(
    "docomo",
    by_words(_DOCOMO),
    hosts=(".docomo.ne.jp",),
)

_COX = {
    Reason.BLOCKED: "cxbl cxdns cdrbl ipbl",
    Reason.SECURITY: "cxthrt cxmj",
    Reason.REJECTED: "cxsndr cxsmtp",
    Reason.RATE_LIMITED: "cxcnct cxmxrt",
    Reason.SPAM: "urlbl",
}
COX = Receiver(
    "Cox",
    by_codes(r"aup#(\w+)", _COX),
    hosts=("cox.net", ".cloudfilter.net"),
    signs=("cox.com/",),
)

_SPECTRUM = {
    Reason.BLOCKED: "1000 110 111 112 113 114 115 120 121 122 123 124 125",
    Reason.REJECTED: "1010 102 103 104 105 106 107 108 1500 1520",
    Reason.SYSTEM: "1090",
    Reason.NETWORK: "1260",
    Reason.EMAIL_TOO_LARGE: "1530",
    Reason.RATE_LIMITED: "13 14 1540 1550",
    Reason.POLICY: "116 117 118 119 1560",
}
SPECTRUM = Receiver(
    "Spectrum",
    by_codes(r"aup#[-a-z]*(\d{4})", _SPECTRUM),
    hosts=("charter.net", ".cloudfilter.net"),
    signs=("spectrum.net/",),
)

_ORANGE = {
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
ORANGE = Receiver(
    "Orange",
    by_codes(r"\b(?:lpn|lpnaaa|ofr|ouk)\w*?[-_]?(\d{3})\b(?![-_]\d)", _ORANGE),
    hosts=(".orange.fr", ".wanadoo.fr", ".laposte.net"),
    signs=(" ofr_", " lpn0", " ofr0", " lpnaaa_"),
)
