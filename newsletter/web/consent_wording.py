"""Consent wording: the text beside a button that gives consent, which is the text that the consent record keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from newsletter.characters import as_text
from newsletter.db import Session
from newsletter.delivery.message import merge
from newsletter.i18n.messages import Message, gettext, lazy_gettext, translate
from newsletter.publications import CommentPolicy, Publication, wordings
from newsletter.publications.wordings import WordingKind
from newsletter.web.context import services
from newsletter.web.template_helpers import frequency

FIELDS = frozenset({"name", "often"})
"""The placeholders of a publication's own text: its name, and how often it comes."""

_AGREED: Mapping[WordingKind, Message] = {
    WordingKind.SIGN_UP: lazy_gettext(
        "By clicking the button you ask for {{ name }} by email, {{ often }}. You confirm it by email first, and you "
        "can unsubscribe with one tap in every issue."
    ),
    WordingKind.CONFIRM: lazy_gettext(
        "Click the button to get {{ name }} by email, {{ often }}. You can unsubscribe with one tap in every issue."
    ),
}
_ORIGINS = {
    "truncated": lazy_gettext("with each of these, the network you came from, but not your own address in it;"),
    "full": lazy_gettext("with each of these, the network address you came from;"),
    "hashed": lazy_gettext("with each of these, a fingerprint of the network address you came from;"),
}


@dataclass(frozen=True, slots=True)
class ConsentWording:
    """The text that is shown, and its version; 0 for the default. The form sends the version back."""

    text: str
    version: int

    def __str__(self) -> str:
        return self.text


def default_wording(publication: Publication, kind: WordingKind, language: str | None = None) -> str:
    """The default text for this publication; in its own language, if no other is given."""
    language = language or publication.language
    if kind is WordingKind.PRIVACY:
        return _privacy(publication, language)
    return translate(_to_keep_a_request() if kind is WordingKind.ASK else _AGREED[kind], language)


def current_wording(
    session: Session, publication: Publication, kind: WordingKind, language: str | None = None
) -> ConsentWording:
    """The text that is shown beside a button now; a default text is in the language given."""
    own = wordings.newest(session, publication, kind)
    if own:
        return ConsentWording(_filled(publication, own.words, None), own.number)
    return ConsentWording(_filled(publication, default_wording(publication, kind, language), language), 0)


def wording_of_version(
    session: Session, publication: Publication, kind: WordingKind, version: int | None, language: str | None = None
) -> str:
    """The text of the version that a page showed, even if there is a newer one; the newest if it gave none."""
    own = wordings.text_of_version(session, publication, kind, version)
    if own:
        return _filled(publication, own, None)
    return _filled(publication, default_wording(publication, kind, language), language)


def agreed_wording(
    session: Session, publication: Publication, kind: WordingKind, version: int | None, language: str | None = None
) -> ConsentWording:
    """The same, with its version; 0 for a version that never existed."""
    if version is None:
        return current_wording(session, publication, kind, language)
    has_own = wordings.text_of_version(session, publication, kind, version) != ""
    words = wording_of_version(session, publication, kind, version, language)
    return ConsentWording(words, version if has_own else 0)


def _to_keep_a_request() -> Message:
    return lazy_gettext(
        "I agree that {{ name }} stores what I write here, which may be about my health, and uses it only to answer "
        "me. It is deleted %(days)s days after the answer, or earlier if I ask for that.",
        days=services().settings.request_retention_days,
    )


def _privacy(publication: Publication, language: str) -> str:
    def _(source: str) -> str:
        return gettext(source, language)

    origin = _ORIGINS.get(services().audience.origin_policy)
    asked = lazy_gettext(
        "if you ask a question or book a session, what you write, until %(days)s days after the answer;",
        days=services().settings.request_retention_days,
    )
    stored = (
        _("your address, and your name if you gave one;"),
        _(
            "when and how you signed up, confirmed, changed something or unsubscribed, with the text that was shown to "
            "you;"
        ),
        *([translate(origin, language)] if origin else []),
        *([translate(asked, language)] if publication.takes_requests else []),
        _("for each email, whether it was delivered, and what your mail provider replied."),
    )
    paragraphs = (
        _("{{ name }} keeps what it needs to send you its issues, and to prove that you asked for them:"),
        "\n".join(f"- {item}" for item in stored),
        *([_comments(language)] if publication.comments != CommentPolicy.OFF else []),
        *([_("It counts how often each link in an issue is clicked, but not by whom.")] * publication.counts_clicks),
        _(
            "It does not track whether you open an email, sets no tracking cookies, and shares none of this with "
            "anyone but the mail provider that has to deliver it."
        ),
        _(
            "Each email has a link to unsubscribe with one tap, and a link to your preferences. There you can download "
            "everything that is kept about you, or have it erased. After that, only a fingerprint of your address is "
            "kept, made with a secret key and used for nothing but to stop an old list from bringing you back. It goes "
            "when you sign up again and confirm. The record still says that somebody took these steps, and when, but "
            "nothing in it leads to you. An address that bounced, or whose owner complained, stays on the list of "
            "addresses that get no email."
        ),
    )
    return "\n\n".join(paragraphs) + "\n"


def _comments(language: str) -> str:
    return gettext(
        "Everybody can read the comments that you write below its issues, with the name that you give. The address "
        "that you give with a comment is never shown, and the network address you came from is not kept.",
        language,
    )


def _filled(publication: Publication, words: str, language: str | None) -> str:
    values = {"name": publication.name, "often": frequency(publication, language or publication.language)}
    return _template(words).fill(values, as_text)


@lru_cache(maxsize=64)
def _template(words: str) -> merge.Template:
    return merge.compile(words, FIELDS)
