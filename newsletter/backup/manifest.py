"""The manifest: a backup's format and schema version, its members, and their SHA-256."""

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
    """A member of the backup."""

    size: _Whole
    sha256: str
    columns: list[str] | None = None
    """For a table: the order of its columns."""
    rows: _Whole = 0


class Manifest(_Part):
    """The whole manifest; `members` lists every file except the manifest itself."""

    format: Literal[1]
    revision: str
    """The migration revision of the schema."""
    database: str
    made_at: AwareDatetime
    key: str
    """The fingerprint of the secret key that signs links."""
    members: dict[str, ArchiveMember]
    last_ids: dict[str, _Whole]
    """The last id given, for tables whose ids are never reused."""
    letters: list[_Whole]
    """The ids of the letters that have copies."""
    issues: list[dict[str, Any]]
    """The counts of copies by state of each issue that has begun and each correction that was mailed."""

    @property
    def tables(self) -> dict[str, ArchiveMember]:
        """The members that are tables, by table name."""
        return {name.removeprefix(TABLES): member for name, member in self.members.items() if name.startswith(TABLES)}

    @property
    def rows(self) -> int:
        """The number of rows of all tables."""
        return sum(member.rows for member in self.members.values())


def fingerprint(secret: bytes) -> str:
    """A fingerprint to compare keys without revealing them."""
    return hashlib.sha256(b"newsletter/backup/" + secret).hexdigest()[:16]
