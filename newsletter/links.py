"""Absolute public URLs and the tokens in them.

The tokens `confirm`, `reply-mail`, `manage`, `move`, `move-back`, `sign-in` and `reset` contain the time at which they
were made, and expire; `draft` contains the time at which it does.
`unsubscribe`, `preferences`, `comment` and `reply-stop` never expire, because a letter may be read years later.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from urllib.parse import urlencode

from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext
from newsletter.tokens import TokenSeal

CONFIRM_DAYS = 7
SIGN_IN_HOURS = 24
RESET_HOURS = 1
MANAGE_HOURS = 1
CHANGE_HOURS = 24
OBJECT_DAYS = 7
_LONGEST_LOCAL_PART = 64


class Expired(Invalid):
    """The link is genuine but too old."""


class AddressLink(NamedTuple):
    """What a link that changes an address says; `is_back` for one by which the owner of the old address objects."""

    subscription_id: int
    times_moved: int
    """How often the address had been changed when the link was made; it works for the next change only."""
    target: str
    is_back: bool


_READERS_LINKS = ("preferences", "manage", "unsubscribe", "confirm", "comment", "move", "move-back")
"""The purposes of links whose first number is a subscription's id."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links to our pages, and opens their tokens."""

    base_url: str
    seal: TokenSeal
    pictures_url: str = ""
    """The base URL of pictures in mail; empty for our own pages."""
    mail_domain: str = ""
    """The domain whose mail is read here; empty if none is."""

    def home(self, publication: str | None = None) -> str:
        return f"{self.base_url}/{_asking(publication=publication)}"

    def subscribe(self, publication: str) -> str:
        return f"{self.base_url}/subscribe?publication={publication}"

    def hosted_form(self, publication: str, source: str = "") -> str:
        """A publication's own sign-up page, to share."""
        return f"{self.base_url}/subscribe/{publication}{_asking(source=source)}"

    def embedded_form(self, publication: str, source: str = "") -> str:
        """The form that other sites may show in a frame."""
        return f"{self.base_url}/embed/{publication}{_asking(source=source)}"

    def confirm(self, subscription_id: int, now: datetime) -> str:
        return f"{self.base_url}/confirm/{self.seal.seal('confirm', subscription_id, _minute(now))}"

    def form_time(self, now: datetime) -> str:
        """The token with which a form proves when it was shown."""
        return self.seal.seal("form", int(now.timestamp() * 1000))

    def waiting(self, email: str, now: datetime) -> str:
        """The token with which a form proves since when somebody waits to sign this address up."""
        return self.seal.seal("wait", int(now.timestamp() * 1000), _number_of(email))

    def open_waiting(self, token: str, email: str) -> datetime:
        """Since when somebody waits; Invalid for a forged token, or one of another address."""
        milliseconds, number = self.seal.open("wait", token)
        if number != _number_of(email):
            raise Invalid("this form was for another address")
        return datetime.fromtimestamp(milliseconds / 1000, UTC)

    def unsubscribe(self, subscription_id: int, letter_id: int = 0) -> str:
        return f"{self.base_url}/unsubscribe/{self.seal.seal('unsubscribe', subscription_id, letter_id)}"

    def unsubscribe_mailto(self, subscription_id: int, letter_id: int = 0) -> str:
        """To whom a mail unsubscribes the reader, as a URL; empty where no mail is read."""
        if not self.mail_domain:
            return ""
        local = f"unsubscribe+{self.seal.seal_local_part('unsubscribe', subscription_id, letter_id)}"
        # RFC 5321, 4.5.3.1.1; only ids of more than 15 digits together exceed it.
        is_usable = len(local) <= _LONGEST_LOCAL_PART
        return f"mailto:{local}@{self.mail_domain}?subject=unsubscribe" if is_usable else ""

    def preferences(self, subscription_id: int) -> str:
        return f"{self.base_url}/preferences/{self.seal.seal('preferences', subscription_id)}"

    def manage(self, subscription_id: int, now: datetime) -> str:
        """The preferences page with all personal data, for an hour."""
        return f"{self.base_url}/preferences/{self.seal.seal('manage', subscription_id, _minute(now))}"

    def change_address(
        self, subscription_id: int, times_moved: int, target: str, now: datetime, *, is_back: bool = False
    ) -> str:
        """The page that changes a reader's address to `target`: for a day, or for a week if it objects to a change."""
        purpose, number = "move-back" if is_back else "move", int.from_bytes(b"\1" + target.encode())
        return f"{self.base_url}/address/{self.seal.seal(purpose, subscription_id, _minute(now), times_moved, number)}"

    def archive(self, slug: str = "", **asked: str | int | None) -> str:
        return f"{self.base_url}/archive/{slug and f'{slug}/'}{_asking(**asked)}"

    def share_image(self, slug: str) -> str:
        return f"{self.archive(slug)}share.png"

    def draft(self, issue_id: int, created_at: datetime, until: datetime) -> str:
        """The page of a draft for somebody without an account, until that time.

        The time at which the issue was created tells it from a later one with the id of one that was deleted.
        """
        return f"{self.base_url}/draft/{self.seal.seal('draft', issue_id, int(created_at.timestamp()), _minute(until))}"

    def feed(self, publication: str | None = None, ending: str = "xml") -> str:
        """A feed's URL: `xml` for Atom, `rss` or `json`."""
        return f"{self.base_url}/feed.{ending}{_asking(publication=publication)}"

    def sitemap(self, page: int) -> str:
        return f"{self.base_url}/sitemap.xml{_asking(page=page)}"

    def comments(self, archive_url: str, subscription_id: int) -> str:
        """The page with the comments on the issue at that URL, on which this subscription signs a new one."""
        return f"{archive_url}comments/{self.seal.seal('comment', subscription_id)}"

    def confirm_reply_mail(self, comment_id: int, now: datetime) -> str:
        """The page on which the writer of a comment confirms that replies are mailed to them."""
        return f"{self.base_url}/comments/replies/{self.seal.seal('reply-mail', comment_id, _minute(now))}"

    def stop_reply_mail(self, comment_id: int) -> str:
        """The page on which they stop that, without an end."""
        return f"{self.base_url}/comments/stop/{self.seal.seal('reply-stop', comment_id)}"

    def picture(self, file_name: str) -> str:
        return f"{self.pictures_url or f'{self.base_url}/pictures'}/{file_name}"

    def click(self, letter_id: int, number: int) -> str:
        return f"{self.click_prefix}{self.seal.seal('click', letter_id, number)}"

    @property
    def click_prefix(self) -> str:
        return f"{self.base_url}/c/"

    def is_ours(self, url: str) -> bool:
        """Whether a URL is one of our own pages."""
        return url == self.base_url or url.startswith(f"{self.base_url}/")

    def desk(self, page: str = "", publication: str = "") -> str:
        """A page of the desk; with a publication, for that one, whichever was chosen last."""
        query = f"?{urlencode({'publication': publication})}" if publication else ""
        return f"{self.base_url}/desk/{page and f'{page}/'}{query}"

    def approval(self, slug: str) -> str:
        return f"{self.base_url}/desk/issues/{slug}/approval"

    def sign_in(self, editor_id: int, nonce: int, now: datetime) -> str:
        return f"{self.base_url}/desk/sign-in/{self.seal.seal('sign-in', editor_id, nonce, _minute(now))}"

    def reset(self, editor_id: int, nonce: int, now: datetime) -> str:
        return f"{self.base_url}/desk/reset/{self.seal.seal('reset', editor_id, nonce, _minute(now))}"

    def open_form_time(self, token: str) -> datetime:
        """When a form was shown; Invalid for a forged token."""
        (milliseconds,) = self.seal.open("form", token)
        return datetime.fromtimestamp(milliseconds / 1000, UTC)

    def open_confirm(self, token: str, now: datetime) -> tuple[int, datetime]:
        """The subscription's id and the minute the link was made; Expired after seven days, Invalid if forged."""
        subscription_id, minute = self.seal.open("confirm", token)
        made = _refuse_older_than(timedelta(days=CONFIRM_DAYS), minute, now)
        return subscription_id, made

    def open_comment(self, token: str) -> int:
        """The id of the subscription that signs comments with this link; Invalid if forged."""
        return self.seal.open("comment", token)[0]

    def open_reply_mail(self, token: str, now: datetime) -> int:
        """The id of the comment whose writer confirms; Expired after seven days, Invalid if forged."""
        comment_id, minute = self.seal.open("reply-mail", token)
        _refuse_older_than(timedelta(days=CONFIRM_DAYS), minute, now)
        return comment_id

    def open_reply_stop(self, token: str) -> int:
        """The id of the comment about whose replies nothing more is mailed; Invalid if forged."""
        return self.seal.open("reply-stop", token)[0]

    def open_stale_confirm(self, token: str) -> int:
        """The subscription's id, whatever the age of the link: only for sending a new one to the same address."""
        return self.seal.open("confirm", token)[0]

    def open_unsubscribe(self, token: str) -> tuple[int, int]:
        """The subscription's id and the letter's (0 if it was no issue); Invalid if forged."""
        subscription_id, letter_id = self.seal.open("unsubscribe", token)
        return subscription_id, letter_id

    def open_click(self, token: str) -> tuple[int, int]:
        """The letter's id and the number of the link in it; Invalid if forged."""
        letter_id, number = self.seal.open("click", token)
        return letter_id, number

    def open_preferences(self, token: str, now: datetime) -> tuple[int, bool]:
        """The subscription's id, and whether this is a `manage` link of the last hour; Invalid if forged.

        After its hour, a `manage` link opens what a `preferences` link opens.
        """
        try:
            return self.seal.open("preferences", token)[0], False
        except Invalid:
            subscription_id, made = self.seal.open("manage", token)
        age = now - datetime.fromtimestamp(made * 60, UTC)
        return subscription_id, age <= timedelta(hours=MANAGE_HOURS)

    def open_draft(self, token: str, now: datetime) -> tuple[int, int, datetime]:
        """The issue's id, the second it was created in, and the link's end; Expired after that, Invalid if forged."""
        issue_id, created_second, minute = self.seal.open("draft", token)
        until = datetime.fromtimestamp(minute * 60, UTC)
        if now >= until:
            raise Expired(lazy_gettext("this link has expired; ask for a new one"))
        return issue_id, created_second, until

    def reader_behind(self, token: str) -> int:
        """The subscription that a reader's link is about, whatever its purpose and age; 0 if there is none.

        It grants nothing: it is for telling a reader, in their language, why a link does not work.
        """
        for purpose in _READERS_LINKS:
            with suppress(Invalid):
                return self.seal.open(purpose, token)[0]
        return 0

    def open_change_address(self, token: str, now: datetime) -> AddressLink:
        """What a link that changes an address says; Expired if it is too old, Invalid if forged."""
        try:
            numbers, is_back, age = self.seal.open("move", token), False, timedelta(hours=CHANGE_HOURS)
        except Invalid:
            numbers, is_back, age = self.seal.open("move-back", token), True, timedelta(days=OBJECT_DAYS)
        subscription_id, minute, times_moved, number = numbers
        _refuse_older_than(age, minute, now)
        target = number.to_bytes((number.bit_length() + 7) // 8)[1:].decode()
        return AddressLink(subscription_id, times_moved, target, is_back)

    def open_sign_in(self, token: str, now: datetime) -> tuple[int, int]:
        """The editor's id and the nonce that makes the link work once; Expired after a day."""
        editor_id, nonce, made = self.seal.open("sign-in", token)
        _refuse_older_than(timedelta(hours=SIGN_IN_HOURS), made, now)
        return editor_id, nonce

    def open_reset(self, token: str, now: datetime) -> tuple[int, int]:
        """The editor's id and the nonce that makes the link work once; Expired after an hour."""
        editor_id, nonce, made = self.seal.open("reset", token)
        _refuse_older_than(timedelta(hours=RESET_HOURS), made, now)
        return editor_id, nonce


@dataclass(frozen=True, slots=True)
class LinksOfATest(Links):
    """The links of a test mail: those that would change a reader's data lead to a page that says it was a test."""

    @classmethod
    def from_links(cls, links: Links) -> Self:
        """These links for a test mail."""
        return cls(**{field.name: getattr(links, field.name) for field in fields(Links)})

    def unsubscribe(self, subscription_id: int, letter_id: int = 0) -> str:  # noqa: ARG002
        return f"{self.base_url}/test-mail/unsubscribe"

    def unsubscribe_mailto(self, subscription_id: int, letter_id: int = 0) -> str:  # noqa: ARG002
        return ""

    def preferences(self, subscription_id: int) -> str:  # noqa: ARG002
        return f"{self.base_url}/test-mail/preferences"

    def comments(self, archive_url: str, subscription_id: int) -> str:  # noqa: ARG002
        return f"{self.base_url}/test-mail/comments"


def _asking(**asked: str | int | None) -> str:
    parameters = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(parameters)}" if parameters else ""


def _number_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _refuse_older_than(age: timedelta, minute: int, now: datetime) -> datetime:
    made = datetime.fromtimestamp(minute * 60, UTC)
    if now - made > age:
        raise Expired(lazy_gettext("this link has expired; ask for a new one"))
    return made
