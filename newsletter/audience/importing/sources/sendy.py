"""Sendy: no header (name, address, custom fields), quotes that are not doubled, and the status in the file's name."""

import re
from collections.abc import Collection

from newsletter.audience.importing.sources.source import Membership, define

_ENDINGS = {
    "active": Membership.ACTIVE,
    "unconfirmed": Membership.PENDING,
    "unsubscribed": Membership.UNSUBSCRIBED,
    "bounced": Membership.BOUNCED,
    "marked-as-spam": Membership.COMPLAINED,
}
_NAME = re.compile(r".*-(active|unconfirmed|unsubscribed|bounced|marked-as-spam|all)(?: ?\(\d+\))?\.csv")


def is_sendy_name(name: str) -> bool:
    """Whether a file is called as Sendy calls its exports."""
    return _NAME.fullmatch(name.casefold()) is not None


def _membership(name: str, _headers: Collection[str]) -> Membership | None:
    found = _NAME.fullmatch(name.casefold())
    return _ENDINGS.get(found[1]) if found else None


SENDY = define(
    "sendy",
    "Sendy",
    states="status",
    export=(
        "export each status by itself, and keep the names of the files: …-active.csv, …-unsubscribed.csv, "
        "…-bounced.csv, …-marked-as-spam.csv; …-all.csv mixes them and tells nobody's"
    ),
    headerless=("Name", "Email"),
    membership=_membership,
)
