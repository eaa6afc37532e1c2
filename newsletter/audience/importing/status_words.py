"""The status words in other programs' exports, in five languages; Invalid for a word that is not understood.

Unknown words are refused, so they never make an active reader.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from newsletter.audience.importing.headers import FieldKind, normalized, terms
from newsletter.audience.statuses import ENDED, Status, worse_status
from newsletter.errors import Invalid

_STATUSES = {
    Status.ACTIVE: "active, subscribed, confirmed, opted in, cold, "
    # Buttondown's and TinyNews's kinds of readers who get mail
    "regular, premium, gifted, trialed, churning, churned, unpaid, past due, "
    "aktiv, angemeldet, abonniert, bestätigt, actif, active, abonné, abonnée, inscrit, inscrite, confirmé, confirmée, "
    "activo, activa, suscrito, suscrita, confirmado, confirmada, "
    "aktywny, aktywna, zapisany, zapisana, potwierdzony, potwierdzona",
    Status.PENDING: "pending, unconfirmed, not confirmed, unactivated, validating, needs attention, needs approval, "
    "upcoming, ausstehend, unbestätigt, nicht bestätigt, en attente, non confirmé, non confirmée, "
    "pendiente, no confirmado, no confirmada, sin confirmar, oczekujący, oczekująca, niepotwierdzony, niepotwierdzona",
    Status.UNSUBSCRIBED: "unsubscribed, unsubscribe, unsub, not subscribed, nonsubscribed, disabled, inactive, "
    "cancelled, canceled, removed, archived, deleted, left, opted out, opt out, suppressed, blocked, dnc, dnd, "
    "do not contact, do not email, do not mail, do not disturb, "
    "abgemeldet, abbestellt, ausgetragen, inaktiv, deaktiviert, gekündigt, gesperrt, gelöscht, widerrufen, "
    "désabonné, désabonnée, désinscrit, désinscrite, inactif, inactive, résilié, résiliée, bloqué, bloquée, supprimé, "
    "supprimée, dado de baja, dada de baja, de baja, baja, desuscrito, desuscrita, inactivo, inactiva, cancelado, "
    "cancelada, bloqueado, bloqueada, eliminado, eliminada, "
    "wypisany, wypisana, zrezygnował, zrezygnowała, nieaktywny, nieaktywna, usunięty, usunięta, zablokowany, "
    "zablokowana, anulowany, anulowana",
    Status.BOUNCED: "bounced, hard bounced, hard bounce, soft bounced, soft bounce, cleaned, invalid, undeliverable, "
    "unreachable, malformed, unzustellbar, rejeté, rejetée, rebotado, rebotada, odbity, odrzucony",
    Status.COMPLAINED: "complained, complaint, blocklisted, blacklisted, spammed, spam, spammy, marked as spam, junk, "
    "abuse, beschwerde, plainte, queja, skarga",
}


_WORDS = {word: status for status, texts in _STATUSES.items() for word in terms(texts)}
_KNOWN = ", ".join(texts.partition(", ")[0] for texts in _STATUSES.values())

_ACTIVE_ACCOUNT = "enabled"
# With what Excel makes of TRUE and FALSE in its other languages.
_YES = frozenset(
    terms(
        "true, yes, 1, t, y, x, on, checked, ja, j, wahr, vrai, oui, o, si, s, verdadero, tak, prawda, "
        "vero, waar, verdadeiro, sant, sann, sand, tosi, pravda, igaz, doğru, adevărat, истина, істина"
    )
)
_NO = frozenset(
    terms(
        "false, no, 0, f, n, off, unchecked, nein, falsch, non, faux, falso, nie, fałsz, never, jamais, nunca, "
        "onwaar, falskt, falsk, usann, epätosi, nepravda, hamis, yanlış, fals, ложь, хибність"
    )
)
_NOTHING = frozenset({"", "null", "none", "nil", "n/a", "na", "nan", "#n/a", "undefined", "-", "--", "–", "—"})
_TICKS = re.compile("[✓✔☑✅]\ufe0f?")
_ZEROS = re.compile(r"(?=.*0)[0\W_tz]{2,}")
_SAYS_GONE = re.compile(
    "unsubscr|nonsubscr|notsubscr|opt(ed)?out|bounced|complained|blacklisted|blocklisted|donot|abgemeldet|abbestellt|"
    "desabonn|desinscr|desuscri|dad[oa]debaja|wypisan"
)
# As Mailchimp gives the reason of a leaving: "SPAM: These emails are spam and should be reported".
_SAYS_SPAM = re.compile(r"\W*(?:spam|abuse)\b", re.IGNORECASE)
UNMISTAKABLE = frozenset(word for word in _WORDS if _SAYS_GONE.match(word))
"""Words that mean under any header that the reader is gone; normalised."""
MAY_SAY_GONE = (
    "(?:un(?![a-rt-z])|no[nt](?![a-rt-z])|opt(?![a-df-np-z])|boun|comp(?![a-km-z])|bl[ao]c|don?(?![a-np-z])|"
    "ab[gb](?![a-df-z])|d[eé](?![a-rt-z])|dad|wyp)"
)
"""How they begin, in any case; one letter farther where names or other words begin alike, as Una, Denver and note."""
_MAY_SAY_GONE = re.compile(MAY_SAY_GONE, re.IGNORECASE)
_LONGEST = 24


@lru_cache(4096)
def parse_status(field: FieldKind, text: str) -> Status | None:
    """The status that a cell states in a column of that kind; None for none."""
    return _READERS[field](_TICKS.sub("x", text.strip()))


def is_nothing(text: str) -> bool:
    """Whether a cell states nothing, be it empty or in words such as "null"."""
    return text.casefold() in _NOTHING or _ZEROS.fullmatch(text.casefold()) is not None


def is_no(text: str) -> bool:
    """Whether a cell says no, or nothing."""
    return is_nothing(text) or normalized(text) in _NO


def is_status(text: str) -> bool:
    """Whether this is a status word."""
    return normalized(text) in _WORDS


def is_known_as_gone(text: str) -> bool:
    """Whether this says under any header that the reader is gone."""
    # A shortcut for nearly every cell, because this runs for each cell of a million rows.
    bare = text.strip()
    return len(bare) <= _LONGEST and _MAY_SAY_GONE.match(bare) is not None and normalized(bare) in UNMISTAKABLE


def _status(text: str) -> Status | None:
    if is_nothing(text):
        return None
    plain = normalized(text)
    if plain == _ACTIVE_ACCOUNT:
        raise Invalid(
            "'enabled' is said of an account and not of this list: export only whose subscription is confirmed, "
            "and give --map COLUMN=account"
        )
    if (known := _WORDS.get(plain)) is None:
        raise Invalid(f"the status {text[:40]!r} cannot be imported; known are {_KNOWN} and the like")
    return known


def _account(text: str) -> Status | None:
    return None if normalized(text) == _ACTIVE_ACCOUNT else _status(text)


def _subscribed(text: str) -> Status | None:
    if is_nothing(text):
        raise Invalid("nothing says that this reader subscribed: the cell for it is empty")
    if (known := _known(text)) is not None:
        return known
    return None if _is_so(text) else Status.UNSUBSCRIBED


def _unsubscribed(text: str) -> Status | None:
    if is_nothing(text):
        return None
    if (known := _known(text)) in ENDED:
        return known
    return Status.UNSUBSCRIBED if _is_so(text) else None


def _ended_as(status: Status) -> Callable[[str], Status | None]:
    def read(text: str) -> Status | None:
        if is_no(text):
            return None
        stated = Status.COMPLAINED if _SAYS_SPAM.match(text) else _known(text)
        return worse_status(status, stated)

    return read


def _known(text: str) -> Status | None:
    return _WORDS.get(normalized(text))


def _is_so(text: str) -> bool:
    plain = normalized(text)
    if plain in _NO:
        return False
    # "Since when" is an answer as well: a date, or the seconds since 1970.
    if plain in _YES or sum(map(str.isdigit, plain)) >= 4:
        return True
    raise Invalid(f"{text[:40]!r} is neither yes, no nor a date")


_READERS: Mapping[FieldKind, Callable[[str], Status | None]] = {
    FieldKind.STATUS: _status,
    FieldKind.ACCOUNT: _account,
    FieldKind.SUBSCRIBED: _subscribed,
    FieldKind.UNSUBSCRIBED: _unsubscribed,
    FieldKind.LEFT: _ended_as(Status.UNSUBSCRIBED),
    FieldKind.BOUNCED: _ended_as(Status.BOUNCED),
    FieldKind.COMPLAINED: _ended_as(Status.COMPLAINED),
}
TELLING = tuple(_READERS)
"""The fields that state a reader's status."""
