"""The facts that the rules judge: frozen, gathered once, with everything that had to be asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.delivery.message.dkim import DnsRecord
from newsletter.doctor.dmarc import Walk
from newsletter.doctor.spf import SpfRecord
from newsletter.outbound.dns_client import DnsAnswer

UNASKED = DnsAnswer(fault="was not asked")


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A DKIM key here, and what the DNS has under its name."""

    selector: str
    algorithm: str
    bits: int
    signs: bool
    wanted: DnsRecord
    published: DnsAnswer = UNASKED


@dataclass(frozen=True, slots=True)
class ReportAddress:
    """A domain that DMARC reports are sent to, other than the policy's own, and whether it takes them."""

    domain: str
    permission: DnsAnswer


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """A domain that stands in From, and all that receivers look up about it."""

    domain: str
    address: str
    dmarc: Walk
    spf: SpfRecord
    keys: tuple[KeyFacts, ...] = ()
    reports: tuple[ReportAddress, ...] = ()
    bimi: DnsAnswer = UNASKED
    free_mail: str = ""
    """What is wrong with an address at a free-mail provider; empty where nothing is."""


@dataclass(frozen=True, slots=True)
class MailHost:
    """A host that takes mail for the return path's domain: what it said on port 25."""

    name: str
    addresses: tuple[str, ...] = ()
    fault: str = ""
    """Why there was no conversation."""
    has_answered: bool = False
    """Whether it said something all the same, such as that it wants no mail from here."""
    has_starttls: bool = False
    tls_fault: str = ""
    certificate_fault: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopeFacts:
    """A domain of envelope senders: the return path, where bounces go."""

    domain: str
    spf: SpfRecord
    organizational_domain: str
    is_own: bool
    """Whether MAIL_RETURN_PATH_DOMAIN names it; else it is that of From."""
    mx: DnsAnswer = UNASKED
    addresses: tuple[str, ...] = ()
    hosts: tuple[MailHost, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """An address that mail leaves from, and its name by the DNS in both directions."""

    address: str
    names: DnsAnswer
    confirmed: tuple[str, ...] = ()
    """Those of its names that resolve back to it."""
    fault: str = ""
    """Why the DNS did not say where its names lead."""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """Another machine's clock, and how far ours is ahead of it."""

    source: str
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """A mail server in the settings: its address, and what it answered."""

    setting: str
    """MAIL_SERVER or BULK_MAIL_SERVER."""
    host: str
    host_port: str
    is_here: bool
    """Whether it runs on this machine, so that mail leaves from our own address."""
    addresses: tuple[str, ...] = ()
    fault: str = ""
    extensions: frozenset[str] = frozenset()
    is_encrypted: bool = False
    signs_in: bool = False
    clock: ClockFacts | None = None


@dataclass(frozen=True, slots=True)
class WebFacts:
    """BASE_URL, and what it answered from outside."""

    url: str
    is_asked: bool = False
    health: str = ""
    """What was wrong with the answer of `/healthz`; empty if nothing was."""
    one_click: str = ""
    """The same of a POST below `/unsubscribe/`."""
    clock: ClockFacts | None = None
    proxy_hops: int = 0
    listens: str = "127.0.0.1"
    is_local: bool = False
    """Whether the address is one of this machine alone."""
    listens_locally: bool = True
    """Whether only this machine can reach the server's own port."""


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """This machine: disks, files and clock."""

    data_dir: str = ""
    disks: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with each folder's disk; empty where nothing is."""
    free_bytes: int = 0
    open_files: tuple[str, ...] = ()
    """Secret files and folders that other users can read."""
    last_backup: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database, its workers, and what waits in it."""

    kind: str = ""
    fault: str = ""
    """Why nothing more is known about it."""
    schema: str = ""
    """What is wrong with the schema; empty if it is current."""
    size: int = 0
    log_size: int = 0
    """SQLite's write-ahead log."""
    sync: timedelta | None = None
    """How long a write to SQLite's disk takes, or a question to PostgreSQL."""
    is_durable: bool = True
    """Whether a commit is on the disk when it is answered."""
    clock: ClockFacts | None = None
    sends: bool = True
    workers: int = 0
    last_worker: datetime | None = None
    oldest_mail: datetime | None = None
    """Since when the oldest single letter that is due has been due."""
    oldest_copies: datetime | None = None
    heard: Mapping[str, datetime] = field(default_factory=dict)
    """When each way in last brought a bounce, a complaint or the like, or a webhook that was proven."""
    unread_mailboxes: Mapping[str, str] = field(default_factory=dict)
    """The mailboxes of bounces that cannot be read, and why."""
    sent_last: datetime | None = None
    """When the last letter to many began to go out."""


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """All facts together."""

    now: datetime
    asked_outside: bool
    sender_addresses: tuple[str, ...] = ()
    """The facts about every domain in From."""
    senders: tuple[SenderFacts, ...] = ()
    envelopes: tuple[EnvelopeFacts, ...] = ()
    own_addresses: tuple[AddressFacts, ...] = ()
    helo: str = ""
    return_path: str = ""
    """MAIL_RETURN_PATH_DOMAIN; empty if it is not set."""
    key_problem: str = ""
    """Why the DKIM keys cannot be read, as a sentence; empty if they can."""
    relays: tuple[RelayFacts, ...] = ()
    """The mail server for single letters, and that for issues if it is another."""
    hooks: tuple[str, ...] = ()
    """The providers whose webhooks are taken."""
    web: WebFacts = WebFacts("")
    machine: MachineFacts = MachineFacts()
    database: DatabaseFacts = DatabaseFacts()

    @property
    def relay(self) -> RelayFacts | None:
        """The mail server that issues leave by."""
        return self.relays[-1] if self.relays else None

    def envelope_of(self, sender: SenderFacts) -> EnvelopeFacts | None:
        """The envelope sender's domain of mail from that sender."""
        wanted = self.return_path or sender.domain
        return next((each for each in self.envelopes if each.domain == wanted), None)
