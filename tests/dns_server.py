"""A real DNS server on loopback, over UDP and TCP, that answers from a table, or misbehaves as it is told."""

import socketserver
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from newsletter.doctor import gather, gather_hosts
from newsletter.outbound import dns_client

SERVFAIL, SILENCE, TRUNCATED = "servfail", "silence", "truncated"
"""What a name can do instead of answering: fail, say nothing, or say over UDP that the answer is too long for it."""

Records = Mapping[tuple[str, str], str | Sequence[str]]


@dataclass
class DnsServer:
    """Its records by name and type, the names that misbehave, and what it was asked."""

    records: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, type and transport of each question."""
    address: str = ""

    def add(self, records: Records) -> None:
        for (name, kind), values in records.items():
            self.records[name.lower(), kind] = [values] if isinstance(values, str) else values

    def answer(self, packet: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(packet)
        [question] = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), question.rdtype.name
        self.asked.append((name, kind, transport))
        fault = self.faults.get(name)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if fault == SILENCE:
            return None
        if fault == SERVFAIL:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif fault == TRUNCATED and transport == "udp":
            answer.flags |= dns.flags.TC
        else:
            self._fill(answer, name, kind)
        return answer.to_wire(max_size=65535 if transport == "tcp" else 4096)

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(30):
            if target := self.records.get((name, "CNAME")):
                answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", *target))
                name = target[0].rstrip(".")
            else:
                break
        if values := self.records.get((name, kind)):
            quoted = [_txt(value) for value in values] if kind == "TXT" else values
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *quoted))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)


def _txt(value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(f'"{quoted[start : start + 250]}"' for start in range(0, max(1, len(quoted)), 250))


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the doctor and whoever else asks wait for answers as long as a busy machine takes."""
    monkeypatch.setattr(dns_client, "_PATIENCE", 60.0)
    monkeypatch.setattr(gather, "WITHIN", 60.0)
    monkeypatch.setattr(gather_hosts, "_PATIENCE", 60.0)


@contextmanager
def running(records: Records | None = None) -> Iterator[DnsServer]:
    """A server with these records, on a free port for both transports."""
    server = DnsServer()
    server.add(records or {})

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, socket = self.request
            if answer := server.answer(packet, "udp"):
                socket.sendto(answer, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            if answer := server.answer(self.rfile.read(length), "tcp"):
                self.wfile.write(struct.pack("!H", len(answer)) + answer)

    with _bound(Udp, Tcp) as (udp, tcp):
        server.address = f"127.0.0.1:{udp.server_address[1]}"
        for each in (udp, tcp):
            threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            for each in (udp, tcp):
                each.shutdown()


@contextmanager
def _bound(udp_handler: Any, tcp_handler: Any) -> Iterator[tuple[Any, Any]]:
    """Both transports on one port; another is tried where somebody else has it for TCP."""
    for _ in range(20):
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp_handler)
        try:
            tcp = socketserver.ThreadingTCPServer(udp.server_address, tcp_handler)
        except OSError:
            udp.server_close()
            time.sleep(0.01)
            continue
        with udp, tcp:
            tcp.daemon_threads = True
            yield udp, tcp
        return
    raise OSError("no port is free for both UDP and TCP")
