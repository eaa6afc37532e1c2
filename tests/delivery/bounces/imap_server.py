"""An IMAP server on loopback that holds a few mails, and at each step hangs, drops or lies if it is told to."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

HANG = b"<hang>"
DROP = b"<drop>"


@dataclass
class ImapServer:
    """Its mails by their numbers, what was moved where, and what it says wrongly: by verb, the line in its stead."""

    mails: dict[int, bytes] = field(default_factory=dict)
    faults: Mapping[str, bytes] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 UIDPLUS MOVE"
    validity: int = 7
    folders: dict[str, list[bytes]] = field(default_factory=lambda: {"INBOX": []})
    heard: list[str] = field(default_factory=list)
    port: int = 0
    breaks_off_at: int = 0
    """The mail of this number cannot be fetched: the connection ends."""

    def __post_init__(self) -> None:
        self._deleted: set[int] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError):
            if not self._say(connection, "", b"", b"* OK ready"):
                return
            for line in lines:
                tag, verb, rest = self._read(line)
                self.heard.append(verb)
                if verb == "FETCH" and rest.split()[0] == str(self.breaks_off_at):
                    return
                untagged, end = (b"", b"") if verb in self.faults else self._answer(verb, rest)
                if not self._say(connection, verb, tag, untagged + tag + b" " + end):
                    return

    def _say(self, connection: socket.socket, verb: str, tag: bytes, right: bytes) -> bool:
        said = self.faults.get(verb, right)
        if said == HANG:
            self._ended.wait()
            return False
        if said == DROP:
            return False
        connection.sendall(said.replace(b"<tag>", tag) + b"\r\n")
        return verb != "LOGOUT"

    @staticmethod
    def _read(line: bytes) -> tuple[bytes, str, str]:
        tag, verb, *rest = line.strip().split(b" ", 2)
        text = (rest or [b""])[0].decode()
        if verb.upper() == b"UID":
            sub, _, text = text.partition(" ")
            return tag, sub.upper(), text
        return tag, verb.decode().upper(), text

    def _answer(self, verb: str, rest: str) -> tuple[bytes, bytes]:
        uid = int(found[0]) if (found := re.match(r"\d+", rest)) else 0
        match verb:
            case "CAPABILITY":
                return f"* CAPABILITY {self.capabilities}\r\n".encode(), b"OK done"
            case "LIST":
                name = rest.split()[-1].strip('"')
                return (f'* LIST () "/" "{name}"\r\n'.encode() if name in self.folders else b""), b"OK done"
            case "CREATE":
                self.folders[rest.strip('"')] = []
            case "SELECT":
                return f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] is\r\n".encode(), b"OK done"
            case "SEARCH":
                there = " ".join(str(each) for each in self.mails if each not in self._deleted)
                return f"* SEARCH {there}\r\n".encode(), b"OK done"
            case "FETCH" if uid in self.mails:
                raw = self.mails[uid][: int(rest.rpartition(".")[2].rstrip(">)"))]
                head = f"* 1 FETCH (UID {uid} RFC822.SIZE {len(self.mails[uid])} BODY[]<0> {{{len(raw)}}}\r\n"
                return head.encode() + raw + b")\r\n", b"OK done"
            case "MOVE" | "COPY":
                self.folders[rest.split()[-1].strip('"')].append(self.mails[uid])
                if verb == "MOVE":
                    del self.mails[uid]
            case "STORE":
                self._deleted.add(uid)
            case "EXPUNGE":
                self._deleted.discard(uid)
                del self.mails[uid]
            case "LOGOUT":
                return b"* BYE\r\n", b"OK done"
        return b"", b"OK done"


@contextlib.contextmanager
def serving(*mails: bytes, **how: object) -> Iterator[ImapServer]:
    """A server with these mails, from number 3 on."""
    server = ImapServer(dict(enumerate(mails, 3)), **how)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.stop()
