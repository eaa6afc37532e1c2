"""What an enhanced status code (RFC 3463, 5248, 7372, 7505) says by itself: the last resort but one."""

from newsletter.delivery.bounces.report import Reason

_PERMANENT = {
    Reason.USER_UNKNOWN: ("1.0", "1.1", "1.3"),
    Reason.HOST_UNKNOWN: ("1.2", "4.4"),
    Reason.HAS_MOVED: ("1.6", "7.17", "7.18"),
    Reason.NOT_ACCEPT: ("1.10", "3.2", "7.27"),
    Reason.REJECTED: ("1.7", "1.8"),
    Reason.FILTERED: ("1.4", "2.0", "2.1", "2.4"),
    Reason.MAILBOX_FULL: ("2.2",),
    Reason.EMAIL_TOO_LARGE: ("2.3", "3.4", "7.16"),
    Reason.SYSTEM_FULL: ("3.1",),
    Reason.SYSTEM: ("1.9", "3.0", "3.3", "3.5", "4.3", "5.4", "5.5"),
    Reason.NETWORK: ("4.0", "4.2", "4.6"),
    Reason.EXPIRED: ("4.1", "4.7"),
    Reason.SYNTAX: ("5.2", "5.6"),
    Reason.RATE_LIMITED: ("5.3",),
    Reason.CONTENT: ("6.0", "6.1", "6.2", "6.3", "6.5", "6.6", "6.7", "6.8", "6.9"),
    Reason.SECURITY: (*(f"7.{detail}" for detail in range(12)), "7.14", "7.15", "7.19"),
    Reason.SUSPENDED: ("7.13",),
    Reason.AUTHENTICATION: ("7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.29"),
    Reason.REQUIRE_PTR: ("7.25",),
    Reason.SPAM: ("7.28",),
    Reason.FAILED_STARTTLS: ("7.30",),
}

_TRANSIENT = {
    Reason.HAS_MOVED: ("1.6",),
    Reason.REJECTED: ("1.7", "1.8"),
    Reason.BLOCKED: ("2.1", "7.1", "7.2"),
    Reason.MAILBOX_FULL: ("2.2",),
    Reason.EMAIL_TOO_LARGE: ("2.3", "7.16"),
    Reason.FILTERED: ("2.4",),
    Reason.SYSTEM_FULL: ("3.1", "4.5"),
    Reason.NOT_ACCEPT: ("3.2",),
    Reason.SYSTEM: ("1.9", "3.0", "3.3", "3.5", "4.3", "5.3", "5.5"),
    Reason.EXPIRED: ("4.1", "4.7"),
    Reason.NETWORK: ("4.2", "4.4", "4.6", "4.8"),
    Reason.CONTENT: ("6.0", "6.2", "6.5"),
    Reason.SECURITY: ("7.5", "7.6", "7.7", "7.12", "7.15"),
    Reason.AUTHENTICATION: ("7.24", "7.26", "7.27", "7.30", "7.32"),
    Reason.REQUIRE_PTR: ("7.23", "7.25"),
    Reason.FAILED_STARTTLS: ("7.29",),
}


def _by_code(digit: str, reasons: dict[Reason, tuple[str, ...]]) -> dict[str, Reason]:
    return {f"{digit}.{rest}": reason for reason, details in reasons.items() for rest in details}


REASONS = _by_code("5", _PERMANENT) | _by_code("4", _TRANSIENT)
"""The reason that a code names. What is not here says nothing: 4.0.0, 5.4.1, …"""
