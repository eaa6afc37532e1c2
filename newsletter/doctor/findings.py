"""Findings: the level, what it is about, what is wrong, why it matters, and the exact record or line to add."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from newsletter.delivery.message.dkim import DnsRecord


class Level(StrEnum):
    """How serious a finding is: an error costs mail or data, a warning may, a hint is an improvement."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"
    OK = "ok"


ERROR, WARNING, HINT, OK = Level.ERROR, Level.WARNING, Level.HINT, Level.OK


class Area(StrEnum):
    """What a rule is about, in the order in which findings are shown."""

    SETTINGS = "Settings"
    SPF = "SPF"
    DKIM = "DKIM"
    DMARC = "DMARC"
    SENDING = "Sending address"
    BOUNCES = "Return path"
    RELAYS = "Mail servers"
    WEB = "Web"
    DATABASE = "Database"
    WORK = "Worker and queues"
    MACHINE = "This machine"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a rule; `area`, `why`, `source` and `rule` describe the rule, and the registry fills them in."""

    level: Level
    about: str
    """The domain, host, folder or setting that it is about."""
    message: str
    mend: str = ""
    record: DnsRecord | None = None
    """The DNS record to add or to replace."""
    line: str = ""
    """The exact line to type: a setting or a command."""
    area: str = ""
    why: str = ""
    source: str = ""
    rule: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding in plain JSON values."""
        record = self.record
        return {
            "level": self.level.value,
            "area": self.area,
            "check": self.rule,
            "about": self.about,
            "finding": self.message,
            "reason": self.why,
            "source": self.source,
            "mend": self.mend,
            "record": record
            and {"name": record.name, "type": record.kind, "value": record.value, "zone_line": record.zone_line},
            "line": self.line,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The finding that `as_json` tells of; KeyError, ValueError or TypeError if it is none."""
        record = values["record"] and DnsRecord(*(values["record"][name] for name in ("name", "value", "type")))
        return cls(
            Level(values["level"]),
            values["about"],
            values["finding"],
            values["mend"],
            record,
            values["line"],
            values["area"],
            values["reason"],
            values["source"],
            values["check"],
        )
