"""The mail store: one `.eml` file per mail with exactly the received bytes, and its envelope beside it.

The file name is the time of arrival (microseconds, in hex), so the list can be rebuilt from the folder.
"""

import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.addresses import mailboxes
from newsletter.errors import NotFound
from newsletter.inbox.parse import read_headers
from newsletter.system import atomic_files

KEEP = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The SMTP envelope; an empty sender is the null sender."""

    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """What the list shows of one mail; `size` is in bytes."""

    id: str
    envelope: Envelope
    author: str
    subject: str
    size: int

    @property
    def to(self) -> str:
        return ", ".join(self.envelope.recipients)

    @property
    def received_at(self) -> datetime:
        return _EPOCH + int(self.id, 16) * _MICROSECOND

    def is_for(self, address: str) -> bool:
        """Whether `address` is one of the recipients, ignoring case."""
        return mailboxes.mailbox_key(address) in map(mailboxes.mailbox_key, self.envelope.recipients)

    def mentions(self, words: str) -> bool:
        """Whether each of `words` occurs in a recipient, the author or the subject."""
        searched = f"{self.to} {self.author} {self.subject}".casefold()
        return all(word in searched for word in words.casefold().split())


class Store:
    """The newest `keep` mails in a folder. Safe for threads, not for several processes."""

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        atomic_files.make_folder(folder, mode=0o700)  # the mails contain sign-in links
        self._folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        self._mails = _found(folder)
        self._forget_oldest()

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, envelope: Envelope, source: bytes, now: datetime) -> Mail:
        """Store a mail; OSError, and nothing is stored, if it cannot be written."""
        with self._lock:
            mail = _summary(self._next_id(now), envelope, source)
            self._write(mail, source)
            self._mails[mail.id] = mail
            self._forget_oldest()
        return mail

    def newest(self, *, to: str = "", words: str = "", before: str = "", limit: int = KEEP) -> list[Mail]:
        """Newest first: for the recipient `to`, with all `words` in it, older than the id `before`."""
        chosen: list[Mail] = []
        for mail in self._newest_first():
            if len(chosen) == limit:
                break
            if (not before or mail.id < before) and (not to or mail.is_for(to)) and mail.mentions(words):
                chosen.append(mail)
        return chosen

    def get(self, mail_id: str) -> Mail:
        """The mail with this id, or NotFound."""
        mail = self._mails.get(mail_id)
        if mail is None:
            raise NotFound("This email is no longer here.")
        return mail

    def source(self, mail_id: str) -> bytes:
        """The received bytes, or NotFound."""
        path = _eml(self._folder, self.get(mail_id).id)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:  # deleted between the two lines above, or by hand
            raise NotFound("This email is no longer here.") from error

    def clear(self) -> int:
        """Delete every mail; returns how many there were."""
        with self._lock:
            count = len(self._mails)
            while self._mails:
                self._forget_one()
        return count

    def _newest_first(self) -> list[Mail]:
        with self._lock:
            return list(reversed(self._mails.values()))

    def _next_id(self, now: datetime) -> str:
        # Ids stay unique and increasing, even within one microsecond or when the clock is set back.
        newest = int(next(reversed(self._mails), "0"), 16)
        return f"{max((now - _EPOCH) // _MICROSECOND, newest + 1):014x}"

    def _write(self, mail: Mail, source: bytes) -> None:
        """Write the envelope first: once the `.eml` exists, the mail is complete."""
        envelope = {"sender": mail.envelope.sender, "recipients": mail.envelope.recipients}
        atomic_files.write(_sidecar(self._folder, mail.id), json.dumps(envelope).encode())
        try:
            atomic_files.write(_eml(self._folder, mail.id), source)
        except OSError:
            _sidecar(self._folder, mail.id).unlink(missing_ok=True)
            raise

    def _forget_oldest(self) -> None:
        while len(self._mails) > self._keep:
            self._forget_one()

    def _forget_one(self) -> None:
        oldest, _ = self._mails.popitem(last=False)
        _eml(self._folder, oldest).unlink(missing_ok=True)
        _sidecar(self._folder, oldest).unlink(missing_ok=True)


def _eml(folder: Path, mail_id: str) -> Path:
    return folder / f"{mail_id}.eml"


def _sidecar(folder: Path, mail_id: str) -> Path:
    return folder / f"{mail_id}.json"


def _summary(mail_id: str, envelope: Envelope, source: bytes) -> Mail:
    author, subject = read_headers(source, "From", "Subject")
    return Mail(mail_id, envelope, author or envelope.sender, subject, len(source))


def _found(folder: Path) -> OrderedDict[str, Mail]:
    """The mails of an earlier run, oldest first; partially written ones are deleted."""
    names = {path.stem for path in folder.glob("*.eml") if re.fullmatch(r"[0-9a-f]{14}", path.stem)}
    halves = [path for path in folder.glob("*.json") if path.stem not in names]
    for path in (*folder.glob("*.part"), *halves):
        path.unlink(missing_ok=True)
    return OrderedDict(
        (name, _summary(name, _envelope(_sidecar(folder, name)), _eml(folder, name).read_bytes()))
        for name in sorted(names)
    )


def _envelope(path: Path) -> Envelope:
    try:
        sidecar = json.loads(path.read_bytes())
        return Envelope(str(sidecar["sender"]), tuple(str(address) for address in sidecar["recipients"]))
    except (OSError, ValueError, KeyError, TypeError):  # lost or edited by hand; the mail is still shown
        return Envelope("", ())
