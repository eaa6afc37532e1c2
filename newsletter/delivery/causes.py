"""The causes why an address is suppressed, for whoever knows no database."""

from enum import StrEnum


class Cause(StrEnum):
    """Why an address is suppressed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DESK = "desk"
    IMPORT = "import"
