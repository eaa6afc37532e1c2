"""A mailbox read by IMAP: what waits in it, the beginning of each mail, and moving it when it is done.

Nothing that the server says is trusted: it may hang, drop the connection, answer nonsense or never end. Whatever it
does becomes `MailboxDown` within `LONGEST`, in bounded memory. No mail is deleted, and no other client's deletions are
carried out.
"""

import imaplib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from imap_tools.mailbox import BaseMailBox
from imap_tools.utils import encode_folder

from newsletter.characters import as_line
from newsletter.delivery.bounces.intake.incoming import MOST_KEPT
from newsletter.delivery.bounces.intake.mailbox_access import MailboxAccess
from newsletter.delivery.smtp import tls_trust
from newsletter.errors import Unavailable
from newsletter.system import ports

LONGEST = 120.0
"""Seconds that one reading of a mailbox may take in all."""
_CONNECT_WITHIN = 4.0
_ANSWER_WITHIN = 30.0
_LOOKS_EVERY = 0.25
_MOST_OCTETS = 256 * 1024 * 1024
"""Of one reading; a hundred mails have 100 MiB at most, and a list of a million numbers 8."""
_LONGEST_LITERAL = MOST_KEPT + 64 * 1024
_HIGHEST_NUMBER = 2**32 - 1
_LONGEST_REASON = 200
_REFUSED = "it refuses the user name or the password"
_NO_OAUTH = "; it also offers OAuth, which is not supported: it needs an app password, or a mailbox of another provider"
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")


class MailboxDown(Unavailable):
    """The mailbox cannot be read now, whatever is in it."""


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """A mail of the mailbox, or the beginning of a large one."""

    raw: bytes
    is_cut: bool


class Mailbox:
    """A mailbox whose folder is open."""

    def __init__(self, access: MailboxAccess, box: BaseMailBox) -> None:
        self._access = access
        self._box = box
        self.validity = _validity(box)
        """Changes when the server gives its mails new numbers (RFC 9051, 2.3.1.1)."""

    def waiting(self, after: int) -> list[int]:
        """The numbers of the mails behind that one, oldest first."""
        with _guarded(self._access):
            found = self._box.uids(f"UID {after + 1}:* UNDELETED", charset=None)
            # `5:*` names the newest mail even if its number is 4.
            return sorted({uid for uid in map(int, found) if uid > after})

    def fetch(self, uid: int) -> FetchedMail | None:
        """A mail, which stays unread; None if it is not there any more."""
        with _guarded(self._access):
            status, answer = self._box.client.uid("FETCH", str(uid), f"(RFC822.SIZE BODY.PEEK[]<0.{MOST_KEPT}>)")
            literals = [item for item in answer if isinstance(item, tuple)]
            if status != "OK" or not literals:
                return None
            about = b" ".join(item[0] if isinstance(item, tuple) else item for item in answer if item)
            if len(literals) > 1 or {int(each) for each in _UID.findall(about)} != {uid}:
                raise MailboxDown("it answered with another mail than it was asked for")
            raw, size = literals[0][1], _SIZE.search(about)
            return FetchedMail(raw, is_cut=int(size[1]) > len(raw) if size else len(raw) >= MOST_KEPT)

    def move(self, uid: int, *, understood: bool) -> bool:
        """Move a mail to the folder of its kind; False if the server refuses to, and it stays where it is."""
        folder = _encoded(self._access.read_folder if understood else self._access.other_folder)
        client = self._box.client
        with _guarded(self._access):
            if "MOVE" in client.capabilities:
                return bool(client.uid("MOVE", str(uid), folder)[0] == "OK")
            if client.uid("COPY", str(uid), folder)[0] != "OK":
                return False
            if client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")[0] != "OK":
                return False
            if "UIDPLUS" in client.capabilities:
                # A plain EXPUNGE would carry out other clients' deletions, too.
                client.uid("EXPUNGE", str(uid))
            return True


@contextmanager
def open_mailbox(access: MailboxAccess, stopping: Callable[[], bool]) -> Iterator[Mailbox]:
    """The mailbox, signed in; MailboxDown if it cannot be read, or once `stopping` says so."""
    watch = _Watch(stopping)
    try:
        with _guarded(access):
            box = _open_box(access, watch)
            mailbox = Mailbox(access, box)
        yield mailbox
        with suppress(MailboxDown), _guarded(access):
            box.client.logout()
    finally:
        watch.end()


def _open_box(access: MailboxAccess, watch: "_Watch") -> BaseMailBox:
    tls = access.tls or tls_trust.verified_context()
    box = _Box(access.host, access.port, tls if access.security == "tls" else None, watch)
    if access.security == "starttls":
        box.client.starttls(tls)
        watch.begin(box.client, box.client.sock)
    if access.security == "none" and not ports.is_loopback(box.client.sock.getpeername()[0]):
        raise MailboxDown("the password is not sent without TLS; set BOUNCE_IMAP_SECURITY to tls or starttls")
    _sign_in(box, access)
    for folder in (access.read_folder, access.other_folder):
        if not box.folder.exists(folder):
            # Where it may not be made, moving is refused later, and the mails stay.
            box.client.create(_encoded(folder))
    box.folder.set(access.folder)
    return box


def _sign_in(box: BaseMailBox, access: MailboxAccess) -> None:
    password = access.password.get_secret_value()
    sign_in = box.login if (access.username + password).isascii() else box.login_utf8
    try:
        sign_in(access.username, password, initial_folder=None)
    except OSError:
        raise
    except Exception as error:
        if isinstance(error, imaplib.IMAP4.abort):
            raise
        # The server's own words may quote the password.
        offers_oauth = any(word.startswith(("AUTH=XOAUTH", "AUTH=OAUTH")) for word in box.client.capabilities)
        raise MailboxDown(_REFUSED + (_NO_OAUTH if offers_oauth else "")) from None


def _encoded(folder: str) -> str:
    # In quotes, and in the modified UTF-7 of RFC 3501.
    return bytes(encode_folder(folder)).decode("ascii")


def _validity(box: BaseMailBox) -> int:
    _, answer = box.client.response("UIDVALIDITY")
    return min(int(answer[0] or 0), _HIGHEST_NUMBER) if answer else 0


@contextmanager
def _guarded(access: MailboxAccess) -> Iterator[None]:
    """Whatever goes wrong between us and the server means that the mailbox is down."""
    try:
        yield
    except MailboxDown:
        raise
    except TimeoutError:
        raise MailboxDown("it does not answer") from None
    except Exception as error:
        reason = as_line(str(error))[:_LONGEST_REASON].replace(access.password.get_secret_value() or "\0", "…")
        raise MailboxDown(reason or type(error).__name__) from error


class _Box(BaseMailBox):
    """imap-tools' mailbox over a connection of ours."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, watch: "_Watch") -> None:
        self._make = lambda: _Client(host, port, tls, watch)
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return self._make()  # type: ignore[no-untyped-call]


class _Client(imaplib.IMAP4):
    """A connection that ends when it lasts too long, or says too much."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, watch: "_Watch") -> None:
        self._tls = tls
        self._watch = watch
        self._octets_left = _MOST_OCTETS
        super().__init__(host, port, timeout=_CONNECT_WITHIN)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout)
        if self._tls:
            sock = self._tls.wrap_socket(sock, server_hostname=self.host)
        sock.settimeout(_ANSWER_WITHIN)
        self._watch.begin(self, sock)
        return sock

    def read(self, size: int) -> bytes:
        if size > _LONGEST_LITERAL:
            raise self.abort("it answers with more than it was asked for")
        self._spend(size)
        return bytes(super().read(size))

    def readline(self) -> bytes:
        line = bytes(super().readline())
        self._spend(len(line))
        return line

    def _spend(self, octets: int) -> None:
        self._octets_left -= octets
        if self._octets_left < 0:
            raise self.abort("it does not stop answering")


class _Watch:
    """Ends a connection that lasts longer than `LONGEST`, or is in the way of a stop."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._until = time.monotonic() + LONGEST
        self._done = threading.Event()
        self._client: imaplib.IMAP4 | None = None
        self._sock: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="mailbox-watch", daemon=True)
        self._thread.start()

    def begin(self, client: imaplib.IMAP4, sock: socket.socket) -> None:
        """Watch this connection from now on."""
        self._client, self._sock = client, sock

    def end(self) -> None:
        """Close the connection, and watch no more."""
        self._done.set()
        self._thread.join()
        if self._client:
            # It has a file of the socket, too, which would keep it open.
            with suppress(Exception):
                self._client.shutdown()
        if self._sock:
            self._sock.close()

    def _run(self) -> None:
        while not self._done.wait(_LOOKS_EVERY):
            if self._stopping() or time.monotonic() > self._until:
                self._shut_down()

    def _shut_down(self) -> None:
        with suppress(OSError):
            if self._sock:
                self._sock.shutdown(socket.SHUT_RDWR)
