"""Settings: the only reader of the environment and of `.env`.

Every field is a setting of the same name in capitals, described in docs/settings.md.
"""

import difflib
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from newsletter.bounce_settings import BounceSettings
from newsletter.errors import Invalid
from newsletter.mail_settings import MailSettings, comma_separated, is_host, is_whole_name, machine_name
from newsletter.signup_settings import SignupSettings
from newsletter.system import atomic_files

# A variable with one of our prefixes is meant for us, so a typo in it must not be ignored.
_OUR_PREFIXES = (
    "MAIL_",
    "BULK_MAIL_",
    "BOUNCE_",
    "DNS_",
    "DKIM_",
    "INBOX_",
    "SIGNUP_",
    "PICTURES_",
    "IMPORT_",
    "REQUEST_",
)

_DATABASES = {"sqlite", "postgres", "postgresql", "postgresql+psycopg"}
_SHORTEST_SECRET = 16
_BEARER = re.compile(rf"[!-~][ -~]{{{_SHORTEST_SECRET - 2},}}[!-~]")
_PLAIN_URL = re.compile(r"[A-Za-z0-9:/.\[\]_~%-]+")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9/_.-]*)?")


class Settings(MailSettings, BounceSettings, SignupSettings):
    """The operator's settings; frozen, and validated once at the start."""

    model_config = SettingsConfigDict(env_file=".env", extra="forbid", frozen=True, env_ignore_empty=True)

    data_dir: Path = Path("var")
    database_url: str = ""
    base_url: str = ""
    secret_key: SecretStr | None = None
    secret_key_fallbacks: SecretStr | None = None

    pictures_endpoint: str = ""
    pictures_region: str = "us-east-1"
    pictures_key_id: str = ""
    pictures_secret: SecretStr | None = None
    pictures_url: str = ""
    pictures_public_url: str = ""

    listen: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    inbox_port: int = Field(8025, ge=1, le=65535)
    proxy_hops: int = Field(0, ge=0, le=9)

    in_doubt: Literal["resend", "hold"] = "resend"
    send_grace_minutes: int = Field(120, ge=0, le=525_600)

    link_checks: bool = False

    import_max_mb: int = Field(60, ge=1, le=10_000)

    request_retention_days: int = Field(90, ge=7, le=3_650)
    request_reminder_days: int = Field(3, ge=0, le=365)

    consent_origin: Literal["truncated", "full", "hashed", "none"] = "truncated"

    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_token: SecretStr | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _trimmed(cls, value: object, field: ValidationInfo) -> object:
        """Without what files with Windows line ends, or for another program, leave around a value."""
        if not isinstance(value, str):
            return value
        setting = cls.model_fields[str(field.field_name)]
        is_secret = SecretStr in (setting.annotation, *get_args(setting.annotation))
        bare = value.strip("\r\n") if is_secret else value.strip()
        if not bare:
            return setting.default
        # What was sealed by this very key could not be opened by another.
        if field.field_name == "secret_key":
            return value
        if not is_secret and len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
            raise ValueError("is in quotation marks, which only shells and .env take off; remove them")
        return bare

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        if url and not _is_origin(url):
            raise ValueError("must look like https://letters.example.org")
        if urlsplit(url).path.strip("/"):
            raise ValueError(
                "must be a host of its own, without a path, such as https://letters.example.org; "
                "give the press a subdomain, and let your proxy forward all of it"
            )
        return url.rstrip("/").lower()

    @field_validator("pictures_endpoint", "pictures_public_url")
    @classmethod
    def _is_a_place_on_the_web(cls, url: str) -> str:
        if url and not _is_origin(url):
            raise ValueError("must look like https://pictures.example.org")
        return url.rstrip("/")

    @field_validator("pictures_url")
    @classmethod
    def _is_a_bucket_with_a_key(cls, url: str, others: ValidationInfo) -> str:
        if url and not _BUCKET.fullmatch(url):
            raise ValueError("must look like s3://bucket or s3://bucket/folder")
        # Without a key of its own, the S3 client would ask the cloud's metadata service for one.
        if url and not (others.data.get("pictures_key_id") and others.data.get("pictures_secret")):
            raise ValueError("needs PICTURES_KEY_ID and PICTURES_SECRET beside it")
        return url

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        if host != "localhost":
            try:
                ip_address(host)
            except ValueError:
                raise ValueError("must be an address of this machine, such as 127.0.0.1 or 0.0.0.0") from None
        return host

    @field_validator("database_url")
    @classmethod
    def _is_a_database_of_ours(cls, url: str) -> str:
        scheme, separator, _ = url.partition("://")
        if url and not (separator and scheme in _DATABASES):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if url in {"sqlite://", "sqlite:///"} or ":memory:" in url or "mode=memory" in url:
            raise ValueError(
                "must name a file, because several processes share it: sqlite:////var/lib/press/newsletter.db"
            )
        return url

    @field_validator("secret_key")
    @classmethod
    def _is_hard_to_guess(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value().strip()) < _SHORTEST_SECRET:
            raise ValueError(f"must have at least {_SHORTEST_SECRET} characters; without it, one is made and kept")
        return key

    @field_validator("secret_key_fallbacks")
    @classmethod
    def _are_hard_to_guess(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None and any(len(key) < _SHORTEST_SECRET for key in _listed(keys)):
            raise ValueError(f"must be keys of at least {_SHORTEST_SECRET} characters, separated by commas")
        return keys

    @field_validator("metrics_token")
    @classmethod
    def _is_a_long_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not _BEARER.fullmatch(token.get_secret_value()):
            raise ValueError(f"must have at least {_SHORTEST_SECRET} characters of ASCII, and no space at either end")
        return token

    @property
    def public_url(self) -> str:
        """The origin that links in mail begin with; no slash at the end."""
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        return self.base_url or f"http://{host}:{self.port}"

    @property
    def helo(self) -> str:
        """The name that EHLO says: MAIL_HELO, the machine's own, or the host in BASE_URL."""
        host = (urlsplit(self.public_url).hostname or "").removesuffix(".")
        return self.mail_helo or machine_name() or (host if is_whole_name(host) else "")

    @property
    def incoming_mail_domain(self) -> str:
        """The domain whose mail is read here, so that readers can unsubscribe by mail; empty if none is."""
        return (self.mail_return_path_domain or "") if self.is_mail_read else ""

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database: by default SQLite in `data_dir`."""
        url = self.database_url or f"sqlite:///{self.data_dir.absolute() / 'newsletter.db'}"
        scheme, _, rest = url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url

    @cached_property
    def secret(self) -> bytes:
        """The key that seals and signs: SECRET_KEY, or one created once and stored in `data_dir`."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        return _kept_secret(self.secret_file)

    @property
    def secret_file(self) -> Path:
        """The file of the key that is used while SECRET_KEY is not set."""
        return self.data_dir / "secret_key"

    @property
    def picture_folder(self) -> Path:
        """The folder of all pictures."""
        return self.data_dir / "pictures"

    @property
    def import_folder(self) -> Path:
        """The folder of lists that were uploaded, until they are imported."""
        return self.data_dir / "imports"

    @property
    def archive_folder(self) -> Path:
        """The folder of archives of posts that were uploaded, until they are imported."""
        return self.data_dir / "archives"

    @property
    def import_bytes(self) -> int:
        """The largest list that can be uploaded."""
        return self.import_max_mb << 20

    @property
    def dkim_folder(self) -> Path:
        """The folder of the keys that sign mail."""
        return self.dkim_keys or self.data_dir / "dkim"

    @property
    def older_secrets(self) -> list[bytes]:
        """Earlier keys, which no longer sign, but whose links and sessions are still valid."""
        listed = [key.encode() for key in _listed(self.secret_key_fallbacks)] if self.secret_key_fallbacks else []
        # If SECRET_KEY was set later, mail was sent whose links the file's key sealed.
        was_kept = self.secret_key is not None and self.secret_file.exists()
        return [*listed, _kept_secret(self.secret_file)] if was_kept else listed


def load() -> Settings:
    """Read the settings; Invalid, in a line that names it, for an unknown or malformed one."""
    _refuse_unknown(os.environ)
    try:
        _check_env_file(Path(".env"))
        return Settings()
    except ValidationError as error:
        raise Invalid(_one_line(error)) from None
    except UnicodeDecodeError:
        raise Invalid(".env is not UTF-8 text; save it as UTF-8") from None


def names() -> list[str]:
    """Every setting's name, as the environment spells it."""
    return [field.upper() for field in Settings.model_fields]


def _listed(keys: SecretStr) -> list[str]:
    return comma_separated(keys.get_secret_value())


def _refuse_unknown(environ: Iterable[str]) -> None:
    known = names()
    for name in sorted(environ):
        if name in known:
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.9)
        if near or name.startswith(_OUR_PREFIXES):
            raise Invalid(f"{name} is not a setting{_hint(name)}")


def _check_env_file(path: Path) -> None:
    """Refuse what the reader of `.env` would ignore silently: lines that set nothing, and unknown names."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for binding in parse_stream(lines):
            if binding.error or (binding.key and binding.value is None):
                raise Invalid(f".env line {binding.original.line}: write it as NAME=value")
            if binding.key and binding.key.upper() not in names():
                raise Invalid(f"{binding.key} in .env is not a setting{_hint(binding.key)}")


def _is_origin(url: str) -> bool:
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        return False
    plain = _PLAIN_URL.fullmatch(url) and not parts.query and not parts.fragment and port != 0
    return bool(
        plain and parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.netloc[-1] != ":"
    )


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), names(), n=1)
    return f"; did you mean {near[0]}?" if near else "; docs/settings.md lists them all"


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]).upper()
    return f"{name}: {first['msg'].removeprefix('Value error, ')}"


def _kept_secret(path: Path) -> bytes:
    if not path.exists():
        _keep_new_secret(path)
    if len(secret := path.read_bytes().strip()) < _SHORTEST_SECRET:
        raise Invalid(f"{path} is damaged; restore it, or delete it to have a new one (old links then stop working)")
    return secret


def _keep_new_secret(path: Path) -> None:
    atomic_files.make_folder(path.parent, mode=0o700)
    # Two processes that start at the same time agree on one key.
    with suppress(FileExistsError):
        atomic_files.create(path, secrets.token_urlsafe(48).encode())
