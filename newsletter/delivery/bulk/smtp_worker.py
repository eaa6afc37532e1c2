"""One connection of the bulk sender: takes copy after copy, hands each over by SMTP, and records its outcome."""

import asyncio
import math
import random
import time
from dataclasses import dataclass

import structlog

from newsletter.delivery.bulk import decisions
from newsletter.delivery.bulk.decisions import Answered, Blame, NoReply, SenderRejected
from newsletter.delivery.bulk.prefetch import QueuedCopy
from newsletter.delivery.bulk.run_state import RunState
from newsletter.delivery.bulk.settings import SendConfig
from newsletter.delivery.ledger import ClaimedCopy, outcomes
from newsletter.delivery.ledger.outcomes import Outcome
from newsletter.delivery.message import compose, mime
from newsletter.delivery.models import CopyState
from newsletter.delivery.rate_limit.limits import SERVER
from newsletter.delivery.smtp import refusals, retry
from newsletter.delivery.smtp.connection import SmtpConnection
from newsletter.delivery.smtp.protocol import (
    ConnectionLost,
    DotStuffed,
    Envelope,
    RateLimited,
    SenderRefused,
    TooManyConnections,
)
from newsletter.delivery.smtp.replies import ProtocolError, Reply
from newsletter.delivery.smtp.retry import ReplyKind
from newsletter.errors import TransportDown

_NO_SMTPUTF8 = "the address needs SMTPUTF8, which the server has not"
_LOGGED = {CopyState.REFUSED: "copy refused", CopyState.FAILED: "copy given up"}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _OutgoingCopy:
    """A copy, its envelope and its message."""

    copy: ClaimedCopy
    envelope: Envelope
    content: DotStuffed


class SmtpWorker:
    """Sends copy after copy over one connection, and records an outcome for each."""

    def __init__(self, config: SendConfig, state: RunState, number: int) -> None:
        self._config = config
        self._state = state
        self._number = number
        self._connection: SmtpConnection | None = None
        self._failures = 0
        self._rests_until = -math.inf
        self._following: _OutgoingCopy | None = None
        """The copy whose envelope may be pipelined behind the message that is being sent."""

    async def run(self) -> None:
        """Send until no copy is due and no other connection holds one, or the run is to halt."""
        try:
            while not (self._state.halt.is_set() or self._state.over.is_set()):
                let_gos = self._state.let_gos
                if self._number >= self._state.connections or time.monotonic() < self._rests_until:
                    await self._stand_by()
                elif outgoing := await self._next():
                    self._state.hold()
                    try:
                        await self._send(outgoing)
                    finally:
                        self._state.let_go()
                elif self._state.busy:
                    await self._state.wait_for_copies()
                elif self._state.let_gos == let_gos:
                    # Else a copy may have gone back just after this connection had looked.
                    self._state.over.set()
        except asyncio.CancelledError:
            self._drop()  # there is no time to say QUIT
            raise
        finally:
            self._release_following()
            await self._close()

    async def _stand_by(self) -> None:
        # This connection belongs to another worker's share now, or was one too many; it may come back.
        self._release_following()
        await self._close()
        await self._state.stand_by()

    async def _next(self) -> _OutgoingCopy | None:
        """The next copy to send; None when none is due now, or none may be sent any more."""
        if outgoing := self._following:
            self._following = None
            return outgoing
        await self._state.pause(self._config.spacing.reserve())
        while not self._state.halt.is_set() and (queued := await self._state.queue.take()):
            if outgoing := self._compose(queued):
                return outgoing
        return None

    def _prepare_following(self) -> Envelope | None:
        """Take and compose the next copy if one is ready without waiting; returns its envelope."""
        while not self._state.halt.is_set() and self._config.spacing.is_free:
            queued = self._state.queue.take_ready()
            if queued is None:
                return None
            self._config.spacing.reserve()
            if outgoing := self._compose(queued):
                self._following = outgoing
                return outgoing.envelope
        return None

    def _compose(self, queued: QueuedCopy) -> _OutgoingCopy | None:
        """The copy with its envelope and its message; None if there can be none, which is then recorded."""
        copy = queued.copy
        if self._config.limiter.breaker.holds(copy):
            self._settle(outcomes.released(copy))
            return None
        try:
            template = queued.require_template()
            envelope = compose.envelope(template, copy, self._config.settings.return_path_domain)
            return _OutgoingCopy(copy, envelope, template.message(copy, self._config.clock()))
        except mime.NoAddress as error:
            self._settle(outcomes.undeliverable(copy, "5.1.3", str(error)))
        except Exception as error:
            log.exception("copy failed", copy=copy.id, letter=copy.letter_id)
            self._settle(outcomes.not_composed(copy, error))
        return None

    async def _send(self, outgoing: _OutgoingCopy) -> None:
        copy = outgoing.copy
        try:
            self._settle(await self._attempt(outgoing))
            self._failures, self._state.is_silent, self._state.has_sent = 0, False, True
            self._config.status.mark_up()
        except RateLimited as error:
            self._drop()
            self._settle(outcomes.released(copy))
            if isinstance(error, TooManyConnections) and (self._state.open or self._state.has_sent):
                self._rest(error)
            else:
                await self._state.queue.slow_down(SERVER)
        except SenderRefused as error:
            log.warning("the server refuses the sender", copy=copy.id, letter=copy.letter_id, reason=str(error))
            self._drop()
            self._settle(self._decide(copy, SenderRejected(error.reply)))
        except TransportDown as error:
            is_lost = isinstance(error, ConnectionLost | ProtocolError)
            self._settle(self._without_reply(copy, str(error), Blame.PERHAPS_COPY if is_lost else Blame.NOBODY))
            await self._back_off(error)
        except asyncio.CancelledError:
            self._settle(self._without_reply(copy, "the press was stopped", Blame.NOBODY))
            raise
        except Exception as error:
            log.exception("copy not sent", copy=copy.id, letter=copy.letter_id)
            self._settle(self._without_reply(copy, f"a fault of ours ({type(error).__name__})", Blame.OUR_FAULT))
            self._drop()

    async def _attempt(self, outgoing: _OutgoingCopy) -> Outcome:
        """Send one copy; raises TransportDown if the failure says nothing about the copy."""
        connection = await self._connected(outgoing.envelope)
        if outgoing.envelope.international and "SMTPUTF8" not in connection.extensions:
            if not outgoing.envelope.sender.isascii():
                raise SenderRefused(Reply(550, (f"5.6.7 {_NO_SMTPUTF8}",)))
            return outcomes.undeliverable(outgoing.copy, "5.6.7", _NO_SMTPUTF8)
        try:
            return await self._transact(connection, outgoing)
        except ProtocolError:
            raise
        except TransportDown:
            if connection.awaiting_reply or not connection.served:
                raise
        # A server may take only so many messages over one connection, whether it says so or closes it: neither an
        # outage, nor a rate, nor a copy's fault.
        self._drop()
        return await self._transact(await self._connected(outgoing.envelope), outgoing)

    async def _transact(self, connection: SmtpConnection, outgoing: _OutgoingCopy) -> Outcome:
        reply = await connection.offer(outgoing.envelope)
        if reply.code != 354:
            return await self._answered(outgoing.copy, Answered(reply))
        # As late as possible: a reader who leaves before this moment gets nothing.
        begun = self._state.writer.begin(outgoing.copy)
        # While the disk takes the mark and the server the message, there is time to compose the next one.
        connection.write(outgoing.content)
        following = self._prepare_following()
        if not await begun:
            connection.drop()
            await self._state.queue.return_halted()
            return outcomes.released(outgoing.copy)
        reply = await connection.complete(following)
        if reply.positive:  # as nearly every one is; it has no history to look at
            return outcomes.sent(outgoing.copy, reply)
        return await self._answered(outgoing.copy, Answered(reply, after_data=True))

    async def _answered(self, copy: ClaimedCopy, answer: Answered) -> Outcome:
        history = self._history(copy)
        if decisions.asks_for_less(answer.reply, history):
            await self._slow_down(copy, answer.reply)
        elif answer.reply.code == 421 and refusals.is_plainly_ours(answer.reply):
            self._drop()
        elif retry.classify(answer.reply) is ReplyKind.SERVER_WIDE and not answer.after_data:
            if answer.reply.code >= 500:
                raise SenderRefused(answer.reply)
            self._drop()
            # It accepted the sender, so this reply may be about the reader, and counts as hanging up.
            raise ConnectionLost(f"the server answers {answer.reply}")
        return decisions.decide(answer, history)

    async def _slow_down(self, copy: ClaimedCopy, reply: Reply) -> None:
        self._config.histories.mark_rate_limited(copy)
        if reply.code == 421:
            self._drop()
        is_one_group = retry.limits_one_group(reply)
        await self._state.queue.slow_down(self._config.limiter.group_of(copy) if is_one_group else SERVER)

    def _without_reply(self, copy: ClaimedCopy, why: str, blame: Blame) -> Outcome:
        begun = self._connection is not None and self._connection.awaiting_reply
        if begun:
            policy = self._config.settings.in_doubt
            log.warning("copy in doubt", copy=copy.id, letter=copy.letter_id, policy=policy, why=why)
        return self._decide(copy, NoReply(why, begun, blame))

    def _decide(self, copy: ClaimedCopy, event: decisions.Event) -> Outcome:
        self._config.histories.count(copy, event)
        return decisions.decide(event, self._history(copy), self._config.settings.in_doubt)

    def _history(self, copy: ClaimedCopy) -> decisions.History:
        wait = retry.COPIES.after(copy.attempts + 1, random.random())  # noqa: S311  (spreads load, keeps no secret)
        return self._config.histories.history(copy, self._config.clock() + wait if wait is not None else None)

    def _release_following(self) -> None:
        if self._following:
            self._settle(outcomes.released(self._following.copy))
            self._following = None

    def _settle(self, outcome: Outcome) -> None:
        if outcome.goes_back:
            self._config.limiter.unsent += outcome.not_before is None
        else:
            self._config.histories.drop(outcome.copy)
        _log(outcome)
        self._state.writer.record(outcome)

    async def _connected(self, envelope: Envelope) -> SmtpConnection:
        if self._connection is None or not self._connection.usable(envelope):
            self._drop()
            self._connection = await self._open()
        return self._connection

    async def _open(self) -> SmtpConnection:
        settings = self._config.settings
        self._state.open += 1
        try:
            return await SmtpConnection.open(settings.server, settings.tls, settings.patience, self._report_silence)
        except BaseException:
            self._state.open -= 1
            raise

    def _rest(self, error: TooManyConnections) -> None:
        # The others go on: one connection too many is no reason to slow them down. It may be that the server has not
        # yet seen one of ours close.
        self._failures += 1
        if not self._state.open:
            self._config.status.mark_down(str(error))
        log.info("the mail server takes no more connections", open=self._state.open)
        wait = retry.outage_wait(self._failures, random.random())  # noqa: S311
        self._rests_until = time.monotonic() + wait * self._config.settings.patience

    def _report_silence(self) -> None:
        # Logged once for all connections, because they wait for the same server.
        if not self._state.is_silent:
            self._state.is_silent = True
            self._config.status.mark_down("it has said nothing for half a minute")
            silence = "the mail server has said nothing for half a minute; waiting for its answer"
            log.warning(silence, server=self._config.settings.server.host_port)

    async def _back_off(self, error: TransportDown) -> None:
        """Wait before the server is tried again, longer each time in a row."""
        self._drop()
        self._failures += 1
        self._config.status.mark_down(str(error))
        if self._failures == 1:
            log.warning("the mail server cannot be used; trying again", reason=str(error))
        wait = retry.outage_wait(self._failures, random.random())  # noqa: S311
        await self._state.pause(wait * self._config.settings.patience)

    async def _close(self) -> None:
        if self._connection:
            await self._connection.close()
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.drop()
            self._state.open -= 1


def _log(outcome: Outcome) -> None:
    if outcome.code is None or outcome.state not in _LOGGED:
        return
    copy = outcome.copy
    log.info(_LOGGED[outcome.state], copy=copy.id, letter=copy.letter_id, code=outcome.code, status=outcome.status)
