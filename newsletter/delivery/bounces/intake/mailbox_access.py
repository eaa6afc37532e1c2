"""Where the mailbox of bounces is, and how to get into it."""

import ssl
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class MailboxAccess:
    """A mailbox, how to sign in to it, and its folders: the one that is read, and where its mails are moved."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    password: SecretStr
    folder: str = "INBOX"
    read_folder: str = "Newsletter-Read"
    other_folder: str = "Newsletter-Other"
    """The folder for mails that were not understood."""
    tls: ssl.SSLContext | None = None
    """Which certificates are trusted; None for the system's."""

    @property
    def name(self) -> str:
        """The mailbox's own name, for its lease and for the log."""
        return f"{self.username} at {self.host}:{self.port}, {self.folder}"[:254]
