"""A server that asks for less, and limits of our own: what has to wait is charged nothing, and goes out later."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from peers import scripted, send_all

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.models import CopyState
from newsletter.delivery.rate_limit.limits import Limits

SLOW = [f"g{number}@gmail.com" for number in range(30)]
FREE = [f"o{number}@o{number}.example" for number in range(30)]


@dataclass
class Strained:
    """A server's answers: while it is strained, it asks for less at one step of the dialogue."""

    asks: bytes
    only_of: bytes = b""
    strained: bool = True
    otherwise: bytes = b"250 2.0.0 ok\r\n"
    heard: list[bytes] = field(default_factory=list)

    def __call__(self, said: bytes) -> bytes:
        self.heard.append(said[:20])
        about_it = self.only_of in said.split(b"\r\n\r\n")[0]
        return self.asks if self.strained and about_it else self.otherwise


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", Strained(b"451 4.7.650 rate limited\r\n", only_of=b"gmail")),
        (".", Strained(b"451 4.7.28 unusual rate\r\n", only_of=b"gmail.com")),
    ],
    ids=["recipient", "message"],
)
def test_an_answer_about_a_rate_slows_that_readers_group_only(
    running, press, counts, copies, clock, step: str, answer: Strained
) -> None:
    letter = running([*SLOW, *FREE])
    answer = replace(answer, heard=[])
    with scripted({step: answer}) as (peer, _liar):
        worker = press(peer.server)
        send_all(worker)
        assert (counts(letter).sent, counts(letter).pending) == (30, 30)
        assert {row.attempts for row in copies(letter).values() if row.state is CopyState.PENDING} == {0}
        answer.strained = False
        _let_time_pass(worker, clock)
    assert counts(letter).sent == 60
    assert {row.attempts for row in copies(letter).values()} == {1}


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("", Strained(b"421 4.7.0 too many connections\r\n", otherwise=b"220 ready\r\n")),
        ("MAIL", Strained(b"454 4.7.0 Throttling failure\r\n")),
        ("RCPT", Strained(b"421 4.7.28 unusual rate\r\n")),
    ],
    ids=["greeting", "sender", "closing"],
)
def test_an_answer_about_the_whole_sender_stops_all_for_a_while(
    running, press, counts, copies, clock, step: str, answer: Strained
) -> None:
    letter = running([*SLOW, *FREE])
    answer = replace(answer, heard=[])
    with scripted({step: answer}) as (peer, _liar):
        worker = press(peer.server)
        send_all(worker)
        assert (counts(letter).sent, counts(letter).pending) == (0, 60)
        assert len(answer.heard) < 10
        answer.strained = False
        _let_time_pass(worker, clock)
    assert counts(letter).sent == 60
    assert {row.attempts for row in copies(letter).values()} == {1}


def test_a_group_goes_by_its_own_rate_and_all_by_the_days_limit(running, press, counts, clock, honest_server) -> None:
    letter = running([*SLOW, *FREE])
    limits = Limits(groups=ProviderGroups({"gmail": Quota(per_second=1)}), server=Quota(per_day=36))
    worker = press(honest_server, limits=limits)
    sent = []
    for _ in range(2):
        send_all(worker)
        sent.append(counts(letter).sent)
        clock.pass_by(seconds=1)
    assert sent == [31, 32]
    for _ in range(6):
        send_all(worker)
        clock.pass_by(seconds=1)
    assert counts(letter).sent == 36


def _let_time_pass(worker: BulkSender, clock: Callable[[], object]) -> None:
    clock.pass_by(minutes=11)
    for _ in range(12):
        send_all(worker)
        clock.pass_by(seconds=2)
