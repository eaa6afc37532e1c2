"""The queue by itself: claims come from a list, and nothing is written."""

import asyncio
from collections.abc import Callable
from typing import Any

from newsletter.delivery.bulk.prefetch import PrefetchQueue, QueuedCopy
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.rate_limit.claim_limiter import Batch
from newsletter.delivery.rate_limit.spacing import Spacing
from newsletter.errors import Invalid

CONNECTIONS = 2


class Source:
    """Stands for claimer and writer at once: hands out batch after batch."""

    def __init__(self, *batches: Batch[QueuedCopy]) -> None:
        self.batches = list(batches)

    def take(self, _session: object, _limit: int) -> Batch[QueuedCopy]:
        return self.batches.pop(0) if self.batches else Batch([])

    async def write(self, work: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        return work(None)


def batch(*ids: int, gap: float = 0.0) -> Batch[QueuedCopy]:
    copies = [ClaimedCopy(number, 1, number, "", "", 0) for number in ids]
    return Batch([QueuedCopy(copy, Invalid("no letter")) for copy in copies], gap=gap)


def taken(source: Source, first: Batch[QueuedCopy], count: int) -> list[int]:
    """What is ready, copy after copy, when each connection looks only at what is there already."""

    async def run() -> list[int]:
        queue = PrefetchQueue(source, source, Spacing(), first, CONNECTIONS)  # type: ignore[arg-type]
        found = []
        for _ in range(count):
            found.append(queue.take_ready())
            for _ in range(10):  # turns of the loop: more than a claim takes here
                await asyncio.sleep(0)
        await queue.close()
        return [queued.copy.id for queued in found if queued]

    return asyncio.run(run())


def test_the_queue_is_filled_before_it_is_empty() -> None:
    assert taken(Source(batch(4, 5, 6)), batch(1, 2, 3), 6) == [1, 2, 3, 4, 5, 6]


def test_a_rate_limited_batch_is_used_up_before_the_next_is_claimed() -> None:
    source = Source(batch(4, 5, 6))
    assert taken(source, batch(1, 2, 3, gap=0.1), 4) == [1, 2, 3]
    assert len(source.batches) == 1


def test_nothing_is_claimed_ahead_once_nothing_is_due() -> None:
    assert taken(Source(), batch(1, 2, 3), 5) == [1, 2, 3]


def test_giving_back_halted_copies_keeps_what_was_added_while_it_asked() -> None:
    class Busy(Source):
        def return_halted(self, _session: object, copies: list[ClaimedCopy]) -> set[int]:
            queue._add(batch(3, 4))
            return {copy.id for copy in copies} - {1}

    async def run() -> list[int]:
        await queue.return_halted()
        return [queued.copy.id for queued in queue._queued]

    queue = PrefetchQueue(Busy(), Busy(), Spacing(), batch(1, 2), CONNECTIONS)  # type: ignore[arg-type]
    assert asyncio.run(run()) == [2, 3, 4]
