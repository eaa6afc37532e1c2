"""A view of one mail: what it says, what it returns, and who wrote it; each is computed once."""

from collections.abc import Iterable
from functools import cached_property
from itertools import islice

from newsletter.delivery.bounces.classify import wording
from newsletter.delivery.bounces.parse import automatic, dsn, mime, prose, returned_message, signs
from newsletter.delivery.bounces.parse.dsn import RecipientStatus
from newsletter.delivery.bounces.parse.mime import Headers, Mail, Part
from newsletter.delivery.bounces.parse.prose import Mention
from newsletter.delivery.bounces.report import Kind, Recipient, Report

_ITS_HEADER = frozenset(
    {"text/rfc822-headers", "message/rfc822-headers", "message/rfc822", "message/global-headers", "message/global"}
)
_OUR_SIDE = ("to", "cc", "delivered-to", "x-original-to", "from", "reply-to", "sender")
_SENT_BY = ("from", "sender", "return-path", "reply-to")
_ANSWERS = ("re:", "aw:", "sv:", "fwd:", "fw:", "wg:", "tr:", "rv:", "i:")
_OF_PEOPLE = frozenset({"in-reply-to", "references", "user-agent", "x-mailer"})
_FOR_PEOPLE = frozenset({"text/plain", "text/html"})
_OF_LISTS = frozenset({"list-id", "list-unsubscribe"})
_LOOKED_AT = 3000
_WORDS = 4000


class MailView:
    """A mail, and the questions that are asked of it."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail

    def report(self, kind: Kind, *recipients: Recipient) -> Report:
        """The report that is made of it."""
        message_id = returned_message.message_id(self.mail, self.returned_headers)
        return Report(kind, recipients, self.signed_address, message_id, self.is_of_program)

    @cached_property
    def text(self) -> str:
        """What a person reads of it."""
        own = self._own_parts
        written = [part for part in own if part.media_type in _FOR_PEOPLE and not dsn.is_status(part)]
        first = next((part for part in written if part.text.strip()), None)
        # An alternative in plain text stands before its HTML (RFC 2046, 5.1.4); plain text behind HTML is a footer.
        if first and first.media_type == "text/plain":
            written = [part for part in written if part.media_type == "text/plain"]
        return "\n".join(part.text for part in written or own[:1])

    @property
    def _own_parts(self) -> list[Part]:
        """Those that its author wrote: of a report only what stands before the part for programs (RFC 6522, 3)."""
        own = [part for part in self.mail.parts if not part.is_returned]
        status = next((at for at, part in enumerate(own) if part.media_type in dsn.STATUS_TYPES), 0)
        return own[:status] or own

    @cached_property
    def notice(self) -> str:
        """The text without the returned message, and without its subject, which may say anything."""
        return returned_message.without_subject(self._divided_text[0]) or self.text

    @cached_property
    def _divided_text(self) -> tuple[str, str]:
        return returned_message.divide(self.text)

    @cached_property
    def _lower_notice(self) -> str:
        return self.notice.lower()

    @cached_property
    def words(self) -> str:
        """The notice in one line."""
        return " ".join(self.notice.split())[:_WORDS]

    @cached_property
    def returned_headers(self) -> Headers:
        """The header of the returned message, wherever it stands."""
        if self.mail.returned_headers:
            return self.mail.returned_headers
        parts = (
            part.text for part in self.mail.parts if part.media_type in _ITS_HEADER or (part.is_returned and part.body)
        )
        return returned_message.headers_in(next(parts, "") or self._divided_text[1])

    @cached_property
    def signed_address(self) -> str:
        """The address with our token that it came back to; empty if there is none in it."""
        status = (mime.read_headers(part.text.split("\n")) for part in self._status_parts)
        envelope_ids = (value for fields in status for value in fields.get("original-envelope-id", []))
        return returned_message.signed_return_path(self.mail, self.returned_headers, envelope_ids)

    @property
    def is_from_nobody(self) -> bool:
        """Whether its return path is empty (RFC 5321, 4.5.5), as that of reports and auto-replies is."""
        return bool(signs.NOBODY.fullmatch(self.mail.header("return-path").strip().lower()))

    @property
    def is_of_program(self) -> bool:
        """Whether its header shows that a program wrote it."""
        is_report = bool(self.mail.report) or "x-failed-recipients" in self.mail.headers
        return is_report or self.is_from_nobody or automatic.is_marked(self.mail)

    @cached_property
    def is_delivery_notice(self) -> bool:
        """Whether a server wrote it, for a mail that did not arrive; a person who quotes a bounce did not."""
        if "x-failed-recipients" in self.mail.headers or self.mail.report == "delivery-status":
            return True
        subject = self.mail.header("subject").lower()
        in_subject, in_text = _tells_of_failure(subject), _tells_of_failure(self._lower_notice[:_LOOKED_AT])
        if self._is_from_daemon:
            return in_subject or in_text or (bool(self._in_prose) and not self._is_from_its_sender)
        if subject.startswith(_ANSWERS):
            return False
        if self._is_from_its_sender or self._is_to_a_list:
            return False
        if automatic.is_auto_reply(self.mail, self.text) and not in_subject:
            return False
        if self.is_from_nobody:
            return in_subject or in_text
        if not _OF_PEOPLE.isdisjoint(self.mail.headers):
            return False
        return in_subject and bool(self._in_prose) and (in_text or bool(wording.reply_code_in(self.notice)))

    @cached_property
    def _is_from_its_sender(self) -> bool:
        """Whether replies go to its sender, as with mail from people; programs that return mail want none."""
        envelope = prose.all_addresses(self.mail.header("return-path"))
        return bool(envelope) and envelope == prose.all_addresses(self.mail.header("from"))[-1:]

    @property
    def _is_to_a_list(self) -> bool:
        return not self.is_from_nobody and not _OF_LISTS.isdisjoint(self.mail.headers)

    @property
    def is_delayed(self) -> bool:
        """Whether it only reports a delay: the server goes on trying."""
        is_delay = signs.DELAYED.search(self.mail.header("subject").lower()) or signs.DELAYED.search(self._lower_notice)
        return bool(is_delay) and not signs.FINAL.search(self._lower_notice)

    @cached_property
    def statuses(self) -> list[RecipientStatus]:
        """What its parts for programs say of each recipient."""
        parts = self._status_parts
        # One that a gateway passes on whole counts as well, but not one that a person does.
        own = [part for part in parts if not part.is_returned] or (parts if self.is_delivery_notice else [])
        return list(islice((each for part in own for each in dsn.read_statuses(part)), dsn.MOST_RECIPIENTS))

    @cached_property
    def _status_parts(self) -> list[Part]:
        return [part for part in self.mail.parts if dsn.is_status(part)]

    @cached_property
    def mentions(self) -> list[Mention]:
        """The addresses that the text for people names; if none, the addressee of the returned message."""
        if self._failed:
            known = {each.address.lower(): each for each in self._in_prose}
            return [known.get(each.lower()) or Mention(each, self.words_for(each)) for each in self._failed]
        return self._in_prose or [Mention(each, self.words) for each in self.addressees[:1]]

    @cached_property
    def names_several(self) -> bool:
        """Whether it is about several recipients."""
        named = {each.address.lower() for each in self.statuses} or self._failed or self._in_prose
        return len(named) > 1

    def words_for(self, address: str) -> str:
        """The notice in one line; if it is about several recipients, only what stands before the others."""
        others = [each.address for each in self._in_prose if each.address.lower() != address.lower()]
        if not (self.names_several and others):
            return self.words
        return " ".join(self.notice[: min(map(self.notice.find, others))].split())[:_WORDS]

    def mention_of(self, *addresses: str) -> Mention | None:
        """What its text for people says about any of these addresses."""
        asked = {each.lower() for each in addresses}
        return next((each for each in self._in_prose if each.address.lower() in asked), None)

    @cached_property
    def addressees(self) -> list[str]:
        """The addressees of the returned message."""
        return list(_addresses(self.returned_headers, ("to",)))

    @cached_property
    def _failed(self) -> list[str]:
        named = dict.fromkeys(_addresses(self.mail.headers, ("x-failed-recipients",)))
        return list(islice(named, dsn.MOST_RECIPIENTS))

    @cached_property
    def _in_prose(self) -> list[Mention]:
        return prose.read_notice(self.notice, self._not_recipients)

    @cached_property
    def _is_from_daemon(self) -> bool:
        senders = (self.mail.header("from").lower(), self.mail.header("sender").lower())
        # fml, a manager of mailing lists, has no other name for itself.
        is_fml = "x-mlserver" in self.mail.headers and "-admin@" in senders[0]
        return is_fml or senders[0] == "<>" or any(map(signs.DAEMON.search, senders))

    @cached_property
    def _not_recipients(self) -> set[str]:
        """Addresses that occur in a report but were no recipients: ours, and the server's."""
        ours = {*_addresses(self.mail.headers, _OUR_SIDE), *_addresses(self.returned_headers, _SENT_BY)}
        named = prose.all_addresses(self._lower_notice)
        servers = {each for each in named if signs.DAEMON.search(each.partition("@")[0])}
        return servers.union(map(str.lower, ours)).difference(map(str.lower, self.addressees))


def _tells_of_failure(text: str) -> bool:
    return bool(signs.FAILED.search(text) or signs.DELAYED.search(text))


def _addresses(headers: Headers, names: Iterable[str]) -> Iterable[str]:
    return (each for name in names for value in headers.get(name, []) for each in prose.all_addresses(value))
