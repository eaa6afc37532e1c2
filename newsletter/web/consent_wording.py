"""Consent wording: the text beside a button that gives consent, which is the text that the consent record keeps."""

from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.characters import as_text
from newsletter.db import Session
from newsletter.delivery.message import merge
from newsletter.publications import Publication, wordings
from newsletter.publications.wordings import WordingKind
from newsletter.web.context import services
from newsletter.web.template_helpers import frequency

FIELDS = frozenset({"name", "often"})
"""The placeholders of a publication's own text: its name, and how often it comes."""

_HOUSE: Mapping[WordingKind, str] = {
    WordingKind.SIGN_UP: "By clicking the button you ask for {{ name }} by email, {{ often }}. You confirm it by email "
    "first, and you can unsubscribe with one tap in every issue.",
    WordingKind.CONFIRM: "Click the button to get {{ name }} by email, {{ often }}. "
    "You can unsubscribe with one tap in every issue.",
    WordingKind.PRIVACY: """\
{{ name }} keeps what it needs to send you its issues, and to prove that you asked for them:

- your address, and your name if you gave one;
- when and how you signed up, confirmed, changed something or unsubscribed, with the text that was shown to you;
%s- for each email, whether it was delivered, and what your mail provider replied.

%sIt does not track whether you open an email, sets no tracking cookies, and shares none of this with anyone but the
mail provider that has to deliver it.

Each email has a link to unsubscribe with one tap, and a link to your preferences. There you can download everything
that is kept about you, or have it erased. After that, only a fingerprint of your address is kept, made with a secret
key and used for nothing but to stop an old list from bringing you back. It goes when you sign up again and confirm.
The record still says that somebody took these steps, and when, but nothing in it leads to you.
An address that bounced, or whose owner complained, stays on the list of addresses that get no email.
""",
}
_ORIGINS = {
    "truncated": "- with each of these, the network you came from, but not your own address in it;\n",
    "full": "- with each of these, the network address you came from;\n",
    "hashed": "- with each of these, a fingerprint of the network address you came from;\n",
}
_CLICKS = "It counts how often each link in an issue is clicked, but not by whom.\n\n"


@dataclass(frozen=True, slots=True)
class ConsentWording:
    """The text that is shown, and its version; 0 for the default. The form sends the version back."""

    text: str
    version: int

    def __str__(self) -> str:
        return self.text


def default_wording(publication: Publication, kind: WordingKind) -> str:
    """The default text, filled in for this publication."""
    if kind is not WordingKind.PRIVACY:
        return _HOUSE[kind]
    origin = _ORIGINS.get(services().audience.origin_policy, "")
    return _HOUSE[kind] % (origin, _CLICKS if publication.counts_clicks else "")


def current_wording(session: Session, publication: Publication, kind: WordingKind) -> ConsentWording:
    """The text that is shown beside a button now."""
    own = wordings.newest(session, publication, kind)
    return ConsentWording(
        _filled(publication, own.words if own else default_wording(publication, kind)), own.number if own else 0
    )


def wording_of_version(session: Session, publication: Publication, kind: WordingKind, version: int | None) -> str:
    """The text of the version that a page showed, even if there is a newer one; the newest if it gave none."""
    own = wordings.text_of_version(session, publication, kind, version)
    return _filled(publication, own or default_wording(publication, kind))


def _filled(publication: Publication, words: str) -> str:
    values = {"name": publication.name, "often": frequency(publication, publication.language)}
    return merge.compile(words, FIELDS).fill(values, as_text)
