"""Column headers of other programs' exports, in five languages: recognised, harmless, or suspicious.

A suspicious column may say who has unsubscribed, and so a person has to decide what it holds. Headers are compared
without case, accents, punctuation and invisible characters.
"""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache


class FieldKind(StrEnum):
    """What a column holds."""

    # In C, where an enum's own is written in Python: it is looked up for each cell of a million imported rows.
    __hash__ = str.__hash__

    EMAIL = "email"
    NAME = "name"
    FIRST_NAME = "first-name"
    LAST_NAME = "last-name"
    JOINED = "joined"
    STATUS = "status"
    """The status of the subscriber, as a word."""
    ACCOUNT = "account"
    """The status of an account: "enabled" does not mean that the list is subscribed to, as in listmonk."""
    SUBSCRIBED = "subscribed"
    """Yes or no, or since when."""
    UNSUBSCRIBED = "unsubscribed"
    """Yes or no, or since when."""
    LEFT = "left"
    """When or why the subscriber left; a value means that they have."""
    PAUSED_UNTIL = "paused-until"
    """Until when a subscriber who is paused gets nothing, in ISO 8601."""
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    TAGS = "tags"
    """The names of tags, separated by commas, semicolons or bars."""
    PACE = "pace"
    """Whether the reader gets each issue, or one digest a month."""
    TOPICS_OFF = "topics-off"
    """The topics that a reader has turned off, in a line of CSV."""
    DELIVERY_HOUR = "delivery-hour"
    """The local hour, 0 to 23, at which issues are to arrive."""
    DELIVERY_ZONE = "delivery-zone"
    """The time zone of that hour, such as Europe/Warsaw."""
    ATTRIBUTE = "attribute"
    """Something else that is known of a reader, under the column's own name."""
    ATTRIBUTES = "attributes"
    """Several of them, as a JSON object."""
    PROOF = "proof"
    """What proves the consent, such as an IP address: kept in its record word for word."""


_UNDECOMPOSED = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "œ": "oe"})
_LOOK_ALIKES = str.maketrans("аеіјорсухѕԁһνοαρτ", "aeijopcyxsdhvoapt")
_ASCII = re.compile("[a-z0-9]+")
_WORD = re.compile(r"[^\W\d_]+|\d+")
# Before a capital after a small letter, and before the last of several capitals: optOut, UNSUBTime.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


_UNSEEN = frozenset({"Mn", "Cf"})


def words(text: str) -> list[str]:
    """The normalised words of a text, split at spaces, punctuation, digits and capitals."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if unicodedata.category(each) not in _UNSEEN)
    parted = _WORD.findall(_HUMP.sub(" ", bare.translate(_UNDECOMPOSED)).casefold())
    return parted if bare.isascii() else [_in_one_script(word) for word in parted]


def _in_one_script(word: str) -> str:
    """A word in Latin letters where some are Cyrillic or Greek ones that only look so."""
    return word.translate(_LOOK_ALIKES) if re.search("[a-z]", word) else word


@lru_cache(4096)
def normalized(text: str) -> str:
    """A header in normal form: equal for all spellings of it."""
    # Where its words end makes no difference, so of ASCII the letters and digits are all there is to find.
    return "".join(_ASCII.findall(text.lower()) if text.isascii() else words(text))


def terms(text: str) -> list[str]:
    """The headers or words of a list with commas, in normal form."""
    return [normalized(each) for each in text.split(",") if each.strip()]


_ALIASES = {
    FieldKind.EMAIL: "email, email address, mail, mail address, subscriber, subscriber email, contact email, "
    "user email, E-Mail-Adresse, Mailadresse, Email Adresse, Deine E-Mail-Adresse, Ihre E-Mail-Adresse, "
    "adresse e-mail, adresse email, adresse mail, votre adresse e-mail, courriel, adresse courriel, "
    "correo, correo electrónico, dirección de correo electrónico, dirección de email, "
    "adres e-mail, adres email, adres mailowy",
    FieldKind.NAME: "name, full name, subscriber name, display name, nom complet, nombre completo, imię i nazwisko",
    FieldKind.FIRST_NAME: "first name, fname, given name, Vorname, prénom, nombre, imię",
    FieldKind.LAST_NAME: "last name, lname, surname, family name, Nachname, Familienname, nom, nom de famille, "
    "apellido, apellidos, nazwisko",
    FieldKind.JOINED: "confirm time, confirmed at, optin time, opted in at, created at, subscribed at, "
    "subscription date, date subscribed, date added",
    FieldKind.STATUS: "status, subscription status",
    FieldKind.SUBSCRIBED: "subscribed to emails",
    FieldKind.UNSUBSCRIBED: "email disabled",
    FieldKind.LEFT: "left at, unsub reason, unsub reason other, unsub campaign title, unsub campaign id, "
    "unsubscribe reason, unsubscription reason",
    FieldKind.BOUNCED: "clean time, clean campaign title, clean campaign id, undeliverability date, "
    "undeliverability reason",
    FieldKind.TAGS: "tags, tag, labels",
    FieldKind.PROOF: "optin ip, optin source, confirm ip, confirmation ip, signup ip",
}
_FIELDS = {alias: field for field, aliases in _ALIASES.items() for alias in terms(aliases)}

_LEAVING = (
    r"unsub(?:scribed?|scriptions?|s)?|opt(?:ed)?out|cancel(?:led|ed|lation)|deleted|removed|deactivated|quit|revoked|"
    r"abgemeldet|abmeld(?:e|ung)|abbestell(?:t|ung)|ausgetragen|austrags?|gekundigt|kundigungs?|geloscht|widerrufen|"
    r"desabonne(?:ment)?|desinscri(?:t|ption)|resili(?:e|ation)|supprime|"
    r"baja|cancelacion|cancelado|desuscri(?:to|pcion)|eliminado|"
    r"wypisan(?:y|a|ia)|wypisu|rezygnacji|usuniet[ya]|usuniecia"
)
_LEFT_WHEN = re.compile(
    rf"(?:e?mail|newsletter)?(?:{_LEAVING})(?:date|time|timestamp|datetime|at|on|datum|am|le|el|fecha|dnia)"
    rf"|(?:date|datum|fecha|data)(?:of|der|de|du|d)?(?:la)?(?:{_LEAVING})"
)

_HARMLESS = frozenset(
    terms(
        # Mailchimp's proof and format; Substack's paid tiers; ids; links that everybody has
        "optin ip, optin source, confirm ip, confirmation ip, email type, preferred email type, "
        "active subscription, post type, subscription id, stripe subscription id, unsubscribe link, unsubscribe url"
    )
)
_BOOKKEEPING = frozenset(
    terms("id, uuid, guid, user id, contact id, subscriber id, external id, line, reason, updated at, modified at")
)
# When somebody joined, whatever else the title says: "Subscription Date (Substack)".
_JOINED_WHEN = re.compile(r"(?:subscription|subscribed|signup|optedin|optin|confirmed|confirmation)(?:date|time|at|on)")
_POSTAL = frozenset(
    terms(
        "state, states, estado, etat, province, region, code, name, or, us, address, billing, shipping, mailing, home, "
        "work, business, postal, location"
    )
)
_CITY = frozenset(terms("city, town, zip, postcode, postal, ciudad, localidad, ville, Stadt, Ort, PLZ, miasto"))


def _stems(text: str) -> str:
    return "|".join(terms(text))


# In the languages whose status words are not known: such a column is asked about, and never passed over.
_LEFT_ELSEWHERE = _stems(
    "disiscr, disdett, cancellat, rimoss, descadastr, removid, uitgeschreven, uitschrijv, afgemeld, afmeld, opgezegd, "
    "avregistrer, avanmäl, avmeld, avsluta, odhlášen, odhlásen, отпис, отказ, отмен, удален, відпис, відмов, "
    "配信停止, 解除, 退会, 退订, 退訂, 取消订阅, 取消訂閱, 수신거부, 구독취소, 구독해지, abonelikten, leiratkoz"
)
_BOUNCED_ELSEWHERE = _stems("rimbalz, onbestelbaar, недостав, 不達, 退信, 반송")
_COMPLAINED_ELSEWHERE = _stems("reclam, klacht, жалоб, скарг, 苦情, 投诉, 投訴")
_STATUS_ELSEWHERE = _stems("situação, статус, состояни, 状態, 状况, ステータス, 状态, 狀態, 상태")
_SUBSCRIBED_ELSEWHERE = _stems(
    "iscritt, consens, ingeschreven, aangemeld, toestemming, prenumer, samtyck, přihlášen, souhlas, подпис, соглас, "
    "підпис, згод, 購読, 同意, 订阅, 訂閱, 구독, 동의, abonelik, feliratkoz"
)

# For each kind: word stems that are suspicious anywhere, also in compounds; and whole words.
_SUSPECT = {
    FieldKind.UNSUBSCRIBED: (
        rf"""
        {_LEFT_ELSEWHERE}|unsub|opt(?:ed)?out|blacklist|blocklist|denylist|suppress|donot|dont(?:e?mail|contact|send)
        |no(?:e?mails?$|newsletter|contact|longer|more$)|not(?:subscri|active|confirmed|engag|interest|wanted|onlist|listed)
        |^(?:ex|former|past)(?:subscribers?|readers?)?$|^(?:exit|lost)(?:date|reason)?$|^churn$|^noresponse$
        |unopened|neveropen|accountclosed|^end(?:date)?$|member(?:ship)?(?:until|end)
        |abgemeld|abmeld|abbestell|austrag|ausgetrag|kundig|sperr|widerruf|widerspr|geloscht|keine?(?:e?mail|werb|news|inter)
        |desabonn|desinscri|resili|listenoire|nepas|desuscri|listanegra|noenviar|never(?:e?mail|send|contact)|nichtmehr|nichtanschreib|neplus|plusinteress|nointeres
        |wypis|rezygn|czarnalist|zablok|niewysyl|wycofan|sprzeciw|niechce
        """,
        r"""
        block(?:ed|s)?|dn[cdem]|remov(?:ed?|al)|delet(?:ed?|ion)|left|quit|cancel\w*|disabled?|deactivated|inactive
        |exclu\w*|banned|suspended|archived|revoked|withdrawn|stop(?:ped)?|objec\w*|paused?|gone
        |lapsed|dead|deceased|quarantin\w*|frozen|hold|held|muted|kicked|snoozed|declin\w*|disengaged|dormant|ended|terminat\w*
        |expired|churned|exited|leaving|departed|dropout|unengaged|unwanted|uninterested|withdr[ae]w(?:al)?|revoke|resigned
        |trash(?:ed)?|purged|erased|forgotten|anonymi[sz]ed|voided|sunsetted|unresponsive|nonresponder|snooze
        |inaktiv\w*|deaktiv\w*|\w*blockiert|entfernt|verstorben|beendet|abgelehnt|einspruch|ausgeschlossen|verbannt
        |abgelaufen|ausgetreten|ausgeschieden|austritts?(?:datum)?|abgang|abgegangen|ausstieg|losch\w*|storn(?:o|iert)\w*
        |karteileichen?|passiv|ruhend|archiviert|ende|enddatum|unerwunscht|desinteress\w*
        |pausiert|stopp|robinson\w*|decede\w*|arrete\w*|fallecid\w*|zmarl\w*|wstrzyman\w*
        |retires?|sorties?|partis?|depart|expire|expirad\w*|perime\w*|cloture\w*|fin|mort|salida|retirad[oa]s?|caducad\w*
        |finaliz\w*|renuncia\w*|muert[oa]s?|scadut\w*|uscit\w*|inattiv\w*|recesso|verlopen|beeindigd|opzegging|saida|desistente
        |bloqu\w*|supprim\w*|inacti[fv]\w*|oppos\w*|refus\w*|iptal|bajas?|eliminad\w*|anulad\w*|borrad\w*|rechaz\w*
        |usuni\w*|nieaktywn\w*|wyklucz\w*|anulowan\w*|odmow\w*
        |koniec|zakoncz\w*|wygas\w*|odszed\w*|odejsci\w*|nieaktualn\w*|skresl\w*
        """,
    ),
    FieldKind.BOUNCED: (
        rf"""
        {_BOUNCED_ELSEWHERE}|bounce|undeliver|notdeliver|unzustell|^(?:hard|soft|hb|sb|npai)$
        |^(?:bad|wrong|falsche)(?:e?mail|address|adresse)?$|^(?:last|letzter|delivery|send|smtp|e?mail)?
        (?:errors?|fail(?:ed|ures?)|fehler|erreurs?|echecs?|fallos?|errore|erro|fout|blad)(?:message|meldung|deentrega|code|date|at|on)?$
        """,
        r"""
        bounc\w*|clean(?:ed)?|invalid\w*|unreachable|reject\w*|returned|ungultig\w*|fehlgeschlagen|zuruckgewiesen|retoure?n?
        |defekt|verzogen|errone\w*|fallid\w*|bledn\w*|nieudan\w*|fallit\w*
        |rejet\w*|rebonds?|rebot\w*|odbit\w*|odrzuc\w*|niedostarcz\w*|nieprawidlow\w*
        """,
    ),
    FieldKind.COMPLAINED: (
        f"{_COMPLAINED_ELSEWHERE}|complain|beschwer",
        r"spam\w*|abus\w*|junk(?:ed)?|reported|flagged|plaintes?|quejas?|skarg\w*",
    ),
    FieldKind.STATUS: (
        rf"{_STATUS_ELSEWHERE}|status|statut(?!e)|^(?:verif\w+|neverbounce|zerobounce)?results?$|emailquality|catchall",
        r"""
        states?|types?|stages?|lifecycle|risky|valid\w*|deliverab\w*|zustand|typ|typen|gultig|etats?|estados?|estatus|tipos?|stan|stany|typy|stato|stav|стан|durum\w*|allapot
        """,
    ),
    FieldKind.SUBSCRIBED: (
        rf"""
        {_SUBSCRIBED_ELSEWHERE}|^newsletter(?!s?(?:name|title|edition|id$|sent|open|click|score|source|since|format|topic|frequency|lang|sprache))|subscri(?!ber)|opt(?:ed)?in(?!ion)|consent|permission|isactive|(?:may|can|okto)(?:e?mail|contact)|(?:lawful|legal)basis|emailverified|einwillig|zustimm|einverstand|abonn(?!ent)
        |inscri|suscri(?!ptor)|subskry(?!bent)|^(?:send|sendable|(?:on|in)list|listed|ok)$
        """,
        r"""
        pending|mailable|contactable|reachable|werbung|abo|abos|bezieher|pozwolen\w*|accordo
        |opt|opts|opted|active|activated|enabled|accept\w*|agree\w*|allow\w*|permi(?:t|ts|tted|so|sos)|receives?|wants
        |confirm\w*|unconfirm\w*|verifi\w*|gdpr|dsgvo|rgpd|rodo
        |aktiv\w*|angemeldet|anmeld\w*|bestatig\w*|erlaub\w*|genehmig\w*|eingetragen
        |actifs?|autoris\w*|autoriz\w*|acept\w*|activ[oa]s?|zg[ao]d\w*|aktywn\w*|attiv[oaie]|ativ[oa]s?|actie[fv]e?|zapisan\w*|potwierdz\w*
        """,
    ),
}
_PATTERNS = [
    (field, re.compile(anywhere, re.VERBOSE), re.compile(alone, re.VERBOSE))
    for field, (anywhere, alone) in _SUSPECT.items()
]
# A column that only names the letter may say who wants it.
_OF_THE_LETTER = frozenset(terms("newsletter, newsletters, marketing, mailing, mailings, email, mail, is, has, gets"))


def field_of(header: str) -> FieldKind | None:
    """What a column with this header holds; None unless it is known for certain."""
    plain = normalized(header)
    return _FIELDS.get(plain) or (FieldKind.LEFT if _LEFT_WHEN.fullmatch(plain) else None)


def suspected_field(header: str, others: Collection[str]) -> FieldKind | None:
    """What a column with an unknown header may say about leaving; None if harmless. `others` are the file's headers."""
    parted = words(header)
    plain = "".join(parted)
    if plain in _HARMLESS or _JOINED_WHEN.match(plain) or is_postal(header, others):
        return None
    if _OF_THE_LETTER.issuperset(parted) and parted:
        return FieldKind.SUBSCRIBED
    found = (
        field for field, anywhere, alone in _PATTERNS if anywhere.search(plain) or any(map(alone.fullmatch, parted))
    )
    return next(found, None)


def names_the_gone(name: str) -> bool:
    """Whether a list with this name may hold those who have left: unsubscribers.csv, or a sheet "Bounces"."""
    parted = words(name.rpartition(".")[0] or name)
    endings = ["".join(parted[at:]) for at in range(len(parted))]
    patterns = [(anywhere, alone) for field, anywhere, alone in _PATTERNS if field in _GONE]
    return any(any(map(anywhere.match, endings)) or any(map(alone.fullmatch, parted)) for anywhere, alone in patterns)


_GONE = (FieldKind.UNSUBSCRIBED, FieldKind.BOUNCED, FieldKind.COMPLAINED)


def is_bookkeeping(header: str) -> bool:
    """Whether a column is of use to the other program only, such as its own number for a reader."""
    plain = normalized(header)
    return not plain or plain in _BOOKKEEPING or plain in _HARMLESS


def is_postal(header: str, others: Collection[str]) -> bool:
    """Whether "State" belongs to a postal address: there is a "City" as well, or the header says "State/Province"."""
    parted = set(words(header))
    is_state = bool(parted & {"state", "states", "estado", "etat"}) and parted <= _POSTAL
    return is_state and ("province" in parted or any(_CITY & set(words(other)) for other in others))
