"""The mail settings: servers, limits, senders and DKIM keys."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import Field, NameEmail, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from newsletter import characters
from newsletter.addresses import mailboxes, provider_groups
from newsletter.addresses.provider_groups import Quota
from newsletter.outbound import dns_client

SELECTOR = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""The name of a DKIM key beside its domain."""


_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# No name ends in digits alone: that would be an address.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]){_LABEL}")
# A name as the DNS, a hosts file or a container has it.
_NAME = re.compile(r"[^\W_](?:[\w-]{0,61}\w)?(?:\.\w(?:[\w-]{0,61}\w)?)*\.?")
# Names of no use outside: kept for this by RFC 2606, 6761, 6762 and 8375, by ICANN, or given by routers and containers.
_AT_HOME = tuple(
    f".{name}"
    for name in (
        *("localhost", "test", "invalid", "local", "home.arpa", "internal", "home", "corp"),
        *("localdomain", "lan", "intranet", "intra", "private", "docker", "fritz.box"),
    )
)
_LAST_RESORT = "localhost.localdomain"
# TLS from the first byte (RFC 8314, 7.3).
_ENCRYPTED_PORT = 465


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server and how to use it, from the MAIL_* or BULK_MAIL_* settings."""

    host: str
    port: int
    use_tls: bool = False
    use_ssl: bool = False
    username: str | None = None
    password: SecretStr | None = None
    helo: str = ""
    """The name that EHLO says; empty for the machine's own."""

    @property
    def host_port(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def own_name(self) -> str:
        """The name that EHLO says: fully qualified, because servers refuse private addresses and names with a _."""
        return self.helo or machine_name() or _LAST_RESORT


class MailSettings(BaseSettings):
    """The settings for sending mail."""

    mail_server: str | None = None
    mail_port: int = Field(25, ge=1, le=65535)
    mail_use_tls: bool = False
    mail_use_ssl: bool = Field(False, validate_default=True)
    mail_username: str | None = None
    mail_password: SecretStr | None = Field(None, validate_default=True)
    mail_default_sender: NameEmail | None = None
    mail_connections: int = Field(10, ge=1, le=500)
    mail_rate: float = Field(0, ge=0, allow_inf_nan=False)
    mail_hourly: int = Field(0, ge=0)
    mail_daily: int = Field(0, ge=0)
    mail_lane_domains: str = ""
    mail_lanes: str = ""
    mail_warmup_start: date | None = None
    mail_return_path_domain: str | None = None
    mail_helo: str = ""

    dns_resolver: str = ""
    bounce_probe: bool = False

    bulk_mail_server: str | None = None
    bulk_mail_port: int = Field(25, ge=1, le=65535)
    bulk_mail_use_tls: bool = False
    bulk_mail_use_ssl: bool = Field(False, validate_default=True)
    bulk_mail_username: str | None = None
    bulk_mail_password: SecretStr | None = Field(None, validate_default=True)
    bulk_mail_default_sender: NameEmail | None = None

    dkim_keys: Path | None = None
    dkim_selectors: str = "press,press-ed25519"

    @field_validator("mail_password", "bulk_mail_password")
    @classmethod
    def _goes_with_a_name(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        name = str(others.field_name).replace("password", "username")
        if others.data.get(name) and password is None:
            raise ValueError(f"must be set beside {name.upper()}, or the sign-in cannot work")
        if password is not None and name in others.data and not others.data[name]:
            raise ValueError(f"needs {name.upper()} beside it, or nobody signs in")
        return password

    @field_validator("mail_use_ssl", "bulk_mail_use_ssl")
    @classmethod
    def _goes_with_the_port(cls, use_ssl: bool, others: ValidationInfo) -> bool:
        name = str(others.field_name).replace("use_ssl", "port")
        if others.data.get(name) == _ENCRYPTED_PORT and not use_ssl:
            raise ValueError(f"must be true where {name.upper()} is {_ENCRYPTED_PORT}, or both sides wait in silence")
        return use_ssl

    @field_validator("mail_default_sender", "bulk_mail_default_sender")
    @classmethod
    def _is_one_that_any_server_can_take(cls, sender: NameEmail | None) -> NameEmail | None:
        if sender and (found := characters.forbidden_in_line(sender.name)):
            raise ValueError(f"must be a name and an address on one line: it contains {characters.named(found)}")
        if sender and not mailboxes.is_ascii(sender.email):
            raise ValueError(
                "must be an address with no letters beyond a-z before the @; most mail servers cannot handle them"
            )
        return sender

    @field_validator("mail_helo")
    @classmethod
    def _is_a_whole_name(cls, name: str) -> str:
        if name and not is_whole_name(name):
            raise ValueError("must be this machine's full name in the DNS, such as mail.example.org")
        return name.lower()

    @field_validator("mail_server", "bulk_mail_server")
    @classmethod
    def _is_one_host(cls, host: str | None) -> str | None:
        if host and not is_host(host):
            raise ValueError("must be a host's name or address alone, such as mail.example.org; its port is set apart")
        return host

    @field_validator("mail_return_path_domain")
    @classmethod
    def _is_a_domain(cls, name: str | None) -> str | None:
        try:
            domain = mailboxes.a_labels(name) if name else ""
        except UnicodeError:
            domain = "?"
        if domain and not (_HOST.fullmatch(domain) and len(domain) <= 253):
            raise ValueError("must be a domain, such as bounces.example.org")
        return domain or None

    @field_validator("dkim_keys")
    @classmethod
    def _is_a_folder(cls, folder: Path | None) -> Path | None:
        # If ignored, all mail would silently go unsigned.
        if folder is not None and not folder.is_dir():
            raise ValueError("must be an existing folder")
        return folder

    @field_validator("dns_resolver")
    @classmethod
    def _are_name_servers(cls, text: str) -> str:
        if text:
            dns_client.parse_servers(text)
        return text

    @field_validator("dkim_selectors")
    @classmethod
    def _are_selectors(cls, names: str) -> str:
        selectors = comma_separated(names)
        if not all(map(SELECTOR.fullmatch, selectors)) or len(set(selectors)) < len(selectors):
            raise ValueError("must be names of small letters, digits and dashes, each once, separated by commas")
        return names

    @field_validator("mail_lane_domains")
    @classmethod
    def _are_domains_with_groups(cls, text: str) -> str:
        provider_groups.parse_hosted(text)
        return text

    @field_validator("mail_lanes")
    @classmethod
    def _are_groups_with_limits(cls, text: str, others: ValidationInfo) -> str:
        provider_groups.parse_quotas(text, provider_groups.parse_hosted(others.data.get("mail_lane_domains", "")))
        return text

    @property
    def helo(self) -> str:
        """The name that EHLO says, if the settings give it; empty for the machine's own."""
        return self.mail_helo

    @property
    def mail(self) -> MailServer | None:
        """The server for single letters; None if none is configured."""
        if self.mail_server is None:
            return None
        return MailServer(
            self.mail_server,
            self.mail_port,
            self.mail_use_tls,
            self.mail_use_ssl,
            self.mail_username,
            self.mail_password,
            self.helo,
        )

    @property
    def bulk_mail(self) -> MailServer | None:
        """The server for issues: BULK_MAIL_SERVER if set, else the one for single letters."""
        if self.bulk_mail_server is None:
            return self.mail
        return MailServer(
            self.bulk_mail_server,
            self.bulk_mail_port,
            self.bulk_mail_use_tls,
            self.bulk_mail_use_ssl,
            self.bulk_mail_username,
            self.bulk_mail_password,
            self.helo,
        )

    @property
    def hosted_domains(self) -> dict[str, str]:
        """The operator's own domains, each with its provider group."""
        return provider_groups.parse_hosted(self.mail_lane_domains)

    @property
    def provider_quotas(self) -> dict[str, Quota]:
        """The most that may go to each provider group."""
        return provider_groups.parse_quotas(self.mail_lanes, self.hosted_domains)

    @property
    def dkim_selectors_in_use(self) -> list[str]:
        """The selectors whose keys sign."""
        return comma_separated(self.dkim_selectors)

    @property
    def default_sender_address(self) -> str | None:
        """The sender of a publication that names none."""
        return self.mail_default_sender.email if self.mail_default_sender else None

    @property
    def issue_sender_address(self) -> str | None:
        """The sender of all issues; None if each publication uses its own."""
        return self.bulk_mail_default_sender.email if self.bulk_mail_default_sender else None


def is_host(text: str) -> bool:
    """Whether this is a host's name or address alone: no port, scheme, quotes or brackets."""
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return bool(_NAME.fullmatch(text)) and len(text) <= 253


def is_whole_name(name: str) -> bool:
    """Whether a host name is fully qualified: labels of letters, digits and dashes, and not for use at home."""
    return bool(_HOST.fullmatch(name)) and len(name) <= 253 and not name.lower().endswith(_AT_HOME)


def machine_name() -> str:
    """This machine's own name; empty if it is not fully qualified."""
    name = socket.gethostname().removesuffix(".")
    return name.lower() if is_whole_name(name) else ""


def comma_separated(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",")]
