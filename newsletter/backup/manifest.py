"""What a backup says of itself: the version it is of, what lies in it, and the sum of every part."""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

FORMAT = 1
NAME = "manifest.json"
KEY_FILE = "secret_key"
TABLES, PICTURES, ORIGINALS, DKIM = "tables/", "pictures/", "originals/", "dkim/"

_Whole = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchiveMember(_Part):
    """A file within the backup."""

    size: _Whole
    sha256: str
    columns: list[str] | None = None
    """Of a table: in which order each row tells them."""
    rows: _Whole = 0


class Manifest(_Part):
    """All of it; `members` has every file but the manifest itself."""

    format: Literal[1]
    revision: str
    """The schema's, as its migrations count."""
    database: str
    made_at: AwareDatetime
    key: str
    """The fingerprint of the key that signed the links."""
    members: dict[str, ArchiveMember]
    last_ids: dict[str, _Whole]
    """For tables whose numbers are never given twice: the last that was."""
    letters: list[_Whole]
    """Those that copies are kept of."""
    issues: list[dict[str, Any]]
    """Of each issue that has begun, and of each correction that was mailed, where its copies stood."""

    @property
    def tables(self) -> dict[str, ArchiveMember]:
        """By the table's name."""
        return {name.removeprefix(TABLES): member for name, member in self.members.items() if name.startswith(TABLES)}

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(member.rows for member in self.members.values())


def fingerprint(secret: bytes) -> str:
    """What tells whether a key is the same, and not what it is."""
    return hashlib.sha256(b"newsletter/backup/" + secret).hexdigest()[:16]
