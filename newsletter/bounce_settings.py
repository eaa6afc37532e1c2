"""The settings of bounces: how mail comes in, and the secrets by which providers prove their webhooks."""

import re
from base64 import b64decode
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from newsletter.mail_settings import comma_separated, is_host
from newsletter.system import ports

_SHORTEST_SECRET = 16
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+")
# What can stand in an address, or be the password in one, as it is.
_ADDRESS = re.compile(r"[^\s@<>,]{1,64}@[^\s@<>,]{1,253}")
_FOLDER = re.compile(r"[^\s\"\\\x00-\x1f*%](?:[^\"\\\x00-\x1f*%]{0,198}[^\s\"\\\x00-\x1f*%])?")
_PLAIN = re.compile(r"[A-Za-z0-9_~.-]+")


class BounceSettings(BaseSettings):
    """The part of the settings that says how we hear of what became of our mail, and whom we believe."""

    bounce_pipe: bool = False
    bounce_lmtp: str = ""
    bounce_addresses: str = ""
    bounce_imap_port: int = Field(993, ge=1, le=65535)
    bounce_imap_security: Literal["tls", "starttls", "none"] = "tls"
    bounce_imap_username: str = ""
    bounce_imap_password: SecretStr | None = None
    bounce_imap_folder: str = "INBOX"
    bounce_imap_read_folder: str = "Newsletter-Read"
    bounce_imap_other_folder: str = "Newsletter-Other"
    bounce_imap_server: str = ""

    bounce_ses_topics: str = ""
    bounce_postmark_secret: SecretStr | None = None
    bounce_sendgrid_key: str = ""
    bounce_mailgun_key: SecretStr | None = None
    bounce_brevo_secret: SecretStr | None = None
    bounce_resend_secret: SecretStr | None = None

    @field_validator("bounce_lmtp")
    @classmethod
    def _is_a_place_to_listen(cls, where: str) -> str:
        if where and not where.startswith("unix:/"):
            try:
                ports.host_and_port(where)
            except ValueError:
                raise ValueError("must look like 127.0.0.1:8024 or unix:/run/newsletter/lmtp.sock") from None
        return where

    @field_validator("bounce_addresses")
    @classmethod
    def _are_addresses(cls, addresses: str) -> str:
        if not all(map(_ADDRESS.fullmatch, listed(addresses))):
            raise ValueError("must be email addresses, separated by commas")
        return addresses

    @field_validator("bounce_imap_folder", "bounce_imap_read_folder", "bounce_imap_other_folder")
    @classmethod
    def _is_a_folder_of_a_mailbox(cls, name: str, info: ValidationInfo) -> str:
        others = [info.data.get(each) for each in ("bounce_imap_folder", "bounce_imap_read_folder")]
        if name in others or not _FOLDER.fullmatch(name):
            raise ValueError("must be the name of a folder, another for each of the three settings")
        return name

    @field_validator("bounce_imap_server")
    @classmethod
    def _has_a_sign_in(cls, host: str, info: ValidationInfo) -> str:
        if host and not is_host(host):
            raise ValueError("must be a host's name or address alone, such as imap.example.org")
        if host and not (info.data.get("bounce_imap_username") and info.data.get("bounce_imap_password")):
            raise ValueError("needs BOUNCE_IMAP_USERNAME and BOUNCE_IMAP_PASSWORD beside it")
        return host

    @property
    def is_mail_read(self) -> bool:
        """Whether mail comes in, by whichever way."""
        return bool(self.bounce_pipe or self.bounce_lmtp or self.bounce_imap_server)

    @property
    def bounce_addresses_in_use(self) -> list[str]:
        """The addresses beside the signed ones whose mail is read: configured, or the mailbox's own."""
        mailbox = [self.bounce_imap_username] if "@" in self.bounce_imap_username else []
        return [*listed(self.bounce_addresses), *mailbox]

    @field_validator("bounce_ses_topics")
    @classmethod
    def _are_topics(cls, topics: str) -> str:
        if not all(map(_TOPIC.fullmatch, listed(topics))):
            raise ValueError("must be topics such as arn:aws:sns:eu-west-1:123456789012:bounces, separated by commas")
        return topics

    @field_validator("bounce_postmark_secret", "bounce_brevo_secret", "bounce_mailgun_key")
    @classmethod
    def _are_good_secrets(cls, secrets: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        several = listed(secrets)
        if secrets is not None and (not several or any(len(each) < _SHORTEST_SECRET for each in several)):
            raise ValueError(f"must have at least {_SHORTEST_SECRET} characters")
        if info.field_name != "bounce_mailgun_key" and not all(map(_PLAIN.fullmatch, several)):
            raise ValueError("must be letters, digits, dashes and underscores, for it stands in an address")
        return secrets

    @field_validator("bounce_sendgrid_key")
    @classmethod
    def _are_verification_keys(cls, keys: str) -> str:
        for key in listed(keys):
            if not _is_p256(key):
                raise ValueError("must be the verification key that SendGrid shows beside the webhook")
        return keys

    @field_validator("bounce_resend_secret")
    @classmethod
    def _are_signing_secrets(cls, secrets: SecretStr | None) -> SecretStr | None:
        for secret in listed(secrets):
            if not _is_signing_secret(secret):
                raise ValueError("must be the signing secret that Resend shows beside the webhook: whsec_…")
        return secrets


def listed(setting: str | SecretStr | None) -> list[str]:
    """What a setting holds, one by one: several, for example while one secret is changed for another."""
    text = setting.get_secret_value() if isinstance(setting, SecretStr) else setting or ""
    return [each for each in comma_separated(text) if each]


def _is_p256(key: str) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec  # few set a key, and it takes a while
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        found = load_der_public_key(b64decode(key, validate=True))
    except ValueError:
        return False
    return isinstance(found, ec.EllipticCurvePublicKey) and isinstance(found.curve, ec.SECP256R1)


def _is_signing_secret(secret: str) -> bool:
    try:
        return secret.startswith("whsec_") and 16 <= len(b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    except ValueError:
        return False
