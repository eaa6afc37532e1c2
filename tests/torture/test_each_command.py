"""A server that strikes once, in every way and at every command: its copy ends in the right state, the rest go on."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
from newsletter.delivery.models import Counts, Letter
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.reports import stats
from newsletter.editorial.issues import issue_store
from newsletter.links import Links
from newsletter.workflows import publish
from newsletter.workflows.build_letter import LetterSettings
from tests.delivery.peers import HANG_UP, SILENCE, Clock, be_patient, parsed, scripted
from tests.torture import press as presses
from tests.torture.conftest import Tell
from tests.torture.press import SLUG

READERS = 15
_SPARED = 2
"""How often a command is answered well before the blow, over all connections."""

_MANNERS = {
    "": b"220 liar.example.org ready\r\n",
    "EHLO": b"250-liar.example.org\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n",
    "MAIL": b"250 2.1.0 Fine\r\n",
    "RCPT": b"250 2.1.5 Known\r\n",
    "DATA": b"354 Go on\r\n",
    ".": b"250 2.0.0 Taken\r\n",
    "RSET": b"250 2.0.0 Forgotten\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}
_TRANSACTION = ("_MAIL", "_RCPT", "_DATA")
_WAITS = {"": ("_GREETING",), ".": ("_FINAL_REPLY",)} | dict.fromkeys(("MAIL", "RCPT", "DATA"), _TRANSACTION)
"""What the wait for the answer is called; those to a transaction are awaited together."""
_FAULTS = {
    "4xx": b"451 4.3.0 Later\r\n",
    "5xx": b"550 5.7.1 No\r\n",
    "nonsense": b"moo\r\n",
    "nothing": SILENCE,
    "hang-up": HANG_UP,
}
_LAYS_A_COPY_IN_DOUBT = {"nonsense", "nothing", "hang-up"}

# What the server does is told apart the same way whatever the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("fault", _FAULTS)
def test_one_blow_at_each_command_stops_nobody_else(
    sessions: Sessions, links: Links, tmp_path: Path, tell: Tell, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    presses.stock(sessions, tmp_path, READERS)
    clock = Clock(datetime.now(UTC))
    twice = 0
    for command in _MANNERS:
        striker = Striker(command, fault)
        # Two seconds for the answer that does not come, and for all others as long as they take.
        be_patient(monkeypatch, *(_WAITS.get(command, ("_COMMAND",)) if fault == "nothing" else []))
        end = _sent(sessions, links, clock, striker)
        # What is said to MAIL is about the sender, and costs no reader the issue.
        refused = (fault == "5xx" and command in {"RCPT", "DATA", "."}) or command == "RSET"
        doubtful = fault in _LAYS_A_COPY_IN_DOUBT and command == "."
        assert striker.struck, command
        assert (end.sent, end.refused, end.audience) == (READERS - refused, refused, READERS), command
        assert len(striker.taken) == READERS - refused, command
        assert sum(striker.taken.values()) - len(striker.taken) == doubtful, command
        twice += doubtful
    tell(f"{fault} at each command", blows=len(_MANNERS), copies=READERS * len(_MANNERS), lost=0, twice=twice)


class Striker:
    """Answers as a server should, but once; and counts what it took."""

    def __init__(self, command: str, fault: str) -> None:
        self.taken: Counter[str] = Counter()
        self.struck = False
        self.patience = 0.1 if fault == "nothing" else 0.02
        self._command = command
        self._fault = _FAULTS[fault]
        # RSET is given only after a refusal, of which there is one.
        self._before = 0 if command == "RSET" else _SPARED

    def script(self) -> dict[str, Callable[[bytes], bytes]]:
        return {verb: partial(self._answer, verb) for verb in _MANNERS}

    def _answer(self, verb: str, line: bytes) -> bytes:
        answer = _MANNERS[verb]
        if verb == self._command and not self.struck:
            self._before -= 1
            self.struck = self._before < 0
            answer = self._fault if self.struck else answer
        elif self._command == "RSET":
            answer = self._provoking_reset(verb, line)
        if verb == "." and not answer.startswith((b"4", b"5")):
            reader = parsed(line[2:])["To"]
            if reader is None:
                return b"554 5.5.1 Nobody is to get this\r\n"
            self.taken[str(reader)] += 1
        return answer

    def _provoking_reset(self, verb: str, line: bytes) -> bytes:
        # Where the server pipelines, an empty message ends a transaction after a refusal.
        if verb == "EHLO":
            return b"250 plain.example.org\r\n"
        return _FAULTS["5xx"] if b"RCPT TO:<reader7@" in line else _MANNERS[verb]


def _sent(sessions: Sessions, links: Links, clock: Clock, striker: Striker) -> Counts:
    """Let the issue out, anew each time, over such a server; where its copies stand in the end."""
    with sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        issue.letter, issue.frozen_number = None, None
        session.flush()  # what is to be sent is read anew, under a lock
        letter = publish.send_now(session, LetterSettings(links), issue, clock.now).letter_id
    with scripted(striker.script()) as (peer, _liar):
        settings = BulkSettings(peer.server, links, Limits(connections=3), patience=striker.patience)
        run = BulkSender(sessions, settings, worker="w", clock=clock)
        for _ in range(3):
            run.run_once()
            clock.pass_by(minutes=10)
    with sessions.reading() as session:
        return stats.copy_counts(session, session.get_one(Letter, letter))
