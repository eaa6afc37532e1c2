"""What a bulk sender is given: its settings, and what all of its connections share whatever the run."""

import ssl
from dataclasses import dataclass, field
from typing import Literal

from newsletter.clock import Clock
from newsletter.delivery.bulk.decisions import Histories
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.rate_limit.claim_limiter import ClaimLimiter
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.rate_limit.spacing import Spacing
from newsletter.delivery.smtp.outage import ServerStatus
from newsletter.links import Links
from newsletter.mail_settings import MailServer


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """The settings for sending issues."""

    server: MailServer
    links: Links
    limits: Limits = field(default_factory=Limits)
    """For all workers together."""
    keyring: Keyring = NO_KEYS
    return_path_domain: str | None = None
    in_doubt: Literal["resend", "hold"] = "resend"
    tls: ssl.SSLContext | None = None
    patience: float = 1.0
    """Scales every wait for the server."""


@dataclass(frozen=True, slots=True)
class SendConfig:
    """What all connections of one bulk sender share, for every run."""

    settings: BulkSettings
    clock: Clock
    limiter: ClaimLimiter
    status: ServerStatus
    spacing: Spacing = field(default_factory=Spacing)
    histories: Histories = field(default_factory=Histories)
