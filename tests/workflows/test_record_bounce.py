"""What a report does: to the reader, the copy and the provider's group; once, in any order, and never by a forgery."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from newsletter import editors, publications
from newsletter.audience import privacy, status_transitions, subscribers, unsubscribe
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery import breaker
from newsletter.delivery.bounces import events, holds, suppression
from newsletter.delivery.bounces.events import BounceEvent, RawReport
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Hardness, Kind, Reason, Recipient, Report
from newsletter.delivery.ledger import partitions
from newsletter.delivery.models import Cause, Copy, CopyNote, CopyState, Letter, LetterState, OutboxMessage
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.reports import stats
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editors import Role
from newsletter.errors import NotFound
from newsletter.wiring import Services
from newsletter.workflows import alert_editors, change_suppression, record_bounce, tend_bounces
from newsletter.workflows.record_bounce import BounceServices
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW

ADA = "ada@gmail.com"
DAY = timedelta(days=1)
HARD, SOFT = Hardness.HARD, Hardness.SOFT
WORKER = WorkerContext("w", lambda: NOW)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


def bounced(reason: Reason, hardness: Hardness = SOFT, **more: str) -> tuple[Kind, Recipient]:
    return Kind.BOUNCE, Recipient("", hardness, reason, **more)


UNKNOWN = bounced(Reason.USER_UNKNOWN, HARD, status="5.1.1", code="550", diagnostic="550 5.1.1 No such user here")
FULL = bounced(Reason.MAILBOX_FULL, status="4.2.2")
SPAM = bounced(Reason.SPAM, status="5.7.1", code="550")
COMPLAINT = (Kind.COMPLAINT, Recipient("", None, Reason.FEEDBACK))
DELIVERED = (Kind.DELIVERED, Recipient("", None, Reason.DELIVERED))
LEAVES = (Kind.UNSUBSCRIBE, Recipient("", None, Reason.UNDEFINED))


@dataclass
class Press:
    """A publication with readers, and what is heard of its issues."""

    services: Services
    bounces: BounceServices | None = None
    numbers: count = field(default_factory=lambda: count(1))

    @property
    def sessions(self) -> Sessions:
        return self.services.sessions

    def reader(self, email: str = ADA, at: datetime = NOW - 90 * DAY) -> int:
        with self.sessions.begin() as session:
            person = Subscriber(email=email, key=email, name="Ada", created_at=at)
            home = publications.find(session)
            tie = Subscription(subscriber=person, publication=home, status=Status.ACTIVE)
            tie.created_at = tie.confirmed_at = at
            session.add(tie)
            session.flush()
            return tie.id

    def issue(self, *readers: int, at: datetime = NOW, state: LetterState = LetterState.FINISHED) -> int:
        """A letter that was sent to these readers; its id."""
        with self.sessions.begin() as session:
            home = publications.find(session)
            words = dict.fromkeys(("list_id", "feedback_id", "archive_url", "subject", "html", "text"), "-")
            letter = Letter(publication_id=home.id, state=state, due_at=at, created_at=at, started_at=at, **words)
            letter.content_hash, letter.sender_name, letter.sender_address = "a" * 64, "Back", "desk@example.org"
            letter.finished_at = at if state is LetterState.FINISHED else None
            session.add(letter)
            session.flush()
            copies = [
                {
                    "letter_id": letter.id,
                    "subscription_id": reader,
                    "address": subscribers.get(session, reader).subscriber.email,
                    "name": "",
                    "state": CopyState.SENT,
                    "attempts": 1,
                    "not_before": at,
                    "ended_at": at,
                }
                for reader in readers
            ]
            with partitions.writing(session, letter.id) as table:
                session.execute(table.insert(), copies)
            return letter.id

    def copy(self, letter_id: int, reader: int) -> Copy:
        with self.sessions.reading() as session:
            mine = select(Copy).where(Copy.letter_id == letter_id, Copy.subscription_id == reader)
            return session.scalars(mine).one()

    def return_path(self, copy: Copy) -> str:
        return f"bounce+{self.services.links.seal.seal_local_part('bounce', copy.id)}@bounces.example.org"

    def hear(
        self, said: tuple[Kind, Recipient], copy: Copy | None = None, at: datetime = NOW, **more: object
    ) -> list[Decision | None]:
        """Record one report, about a copy by its signed address; what was decided."""
        kind, recipient = said
        origin = {"source": f"test:{next(self.numbers)}", "way": "pipe", "at": at}
        told = {"return_path": self.return_path(copy)} if copy else {}
        for name in ("return_path", "message_id"):
            if name in more:
                told[name] = more.pop(name)
        report = Report(kind, (recipient,), **told)
        now = max(NOW, at)
        with self.sessions.begin() as session:
            kept = record_bounce.record_report(
                session, self.bounces or self.services.bounces, report, Origin(**origin | more), now
            )
            return [one.decision for one in kept]

    def watch(self) -> None:
        tend_bounces.watch_providers(self.sessions, self.services.bounces, WORKER)

    def status(self, reader: int) -> Status:
        with self.sessions.reading() as session:
            return subscribers.get(session, reader).status

    def causes(self, key: str = ADA) -> list[Cause]:
        with self.sessions.reading() as session:
            return [one.cause for one in suppression.list_causes(session, key)]

    def counts(self, letter_id: int) -> tuple[int, int, int]:
        with self.sessions.reading() as session:
            found = stats.copy_counts(session, session.get_one(Letter, letter_id))
            return found.sent, found.bounced, found.complained


@pytest.fixture
def press(services: Services) -> Press:
    return Press(services)


def test_a_provider_that_tells_an_address_alone_means_the_copy_that_was_sent_there_last(press: Press) -> None:
    ada = press.reader()
    letters = [press.issue(ada, at=NOW - n * 7 * DAY) for n in range(5, 0, -1)]
    named = Recipient("ADA@gmail.com", SOFT, Reason.MAILBOX_FULL)
    for n, letter_id in zip(range(5, 0, -1), letters, strict=True):
        press.hear((Kind.BOUNCE, named), at=NOW - n * 7 * DAY + DAY, is_authentic=True)
        assert press.counts(letter_id)[1] == 1
    assert press.causes() == [Cause.BOUNCE], "the fifth issue in a row"


@pytest.mark.parametrize("days", [-1, 6])
def test_an_address_alone_says_nothing_of_a_copy_sent_later_or_long_before(press: Press, days: int) -> None:
    ada = press.reader()
    letter_id = press.issue(ada, at=NOW - 10 * DAY)
    named = Recipient(ADA, SOFT, Reason.MAILBOX_FULL)
    assert press.hear((Kind.BOUNCE, named), at=NOW + (days - 10) * DAY, is_authentic=True) == [Decision.COUNTED]
    assert press.counts(letter_id)[1] == 0


def test_an_address_alone_counts_only_where_somebody_vouches_for_it(press: Press) -> None:
    ada = press.reader()
    letter_id = press.issue(ada, at=NOW - DAY)
    assert press.hear((Kind.BOUNCE, Recipient(ADA, SOFT, Reason.MAILBOX_FULL))) == [Decision.UNMATCHED]
    assert press.counts(letter_id)[1] == 0


def test_a_hard_bounce_ends_the_subscription_and_is_counted_among_the_sent(press: Press) -> None:
    ada, bo = press.reader(), press.reader("bo@gmail.com")
    letter = press.issue(ada, bo)
    assert press.hear(UNKNOWN, press.copy(letter, ada), raw=b"the whole report") == [Decision.SUPPRESSED]
    assert (press.status(ada), press.status(bo)) == (Status.BOUNCED, Status.ACTIVE)
    assert press.causes() == [Cause.BOUNCE]
    assert press.counts(letter) == (2, 1, 0)
    with press.sessions.reading() as session:
        [why] = suppression.list_causes(session, ADA)
        assert why.detail == "550 5.1.1 userunknown 550 5.1.1 No such user here"
        [step] = session.scalars(select(ConsentEvent).where(ConsentEvent.act == Act.BOUNCED))
        assert step.note == "550 5.1.1 userunknown"
        assert session.scalars(select(RawReport.raw)).one() == b"the whole report"


def test_the_same_report_twice_is_one(press: Press) -> None:
    ada = press.reader()
    copy = press.copy(press.issue(ada), ada)
    assert press.hear(COMPLAINT, copy, source="ses:1") == [Decision.SUPPRESSED]
    assert press.hear(COMPLAINT, copy, source="ses:1") == []
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(BounceEvent)) == 1
    assert press.counts(copy.letter_id) == (1, 0, 1)
    assert (press.status(ada), press.causes()) == (Status.COMPLAINED, [Cause.COMPLAINT])


@SQLITE
def test_a_forged_return_address_is_kept_and_suppresses_nobody(press: Press) -> None:
    ada = press.reader()
    letter = press.issue(ada)
    forged = press.return_path(press.copy(letter, ada)).replace("+a", "+b").replace("+c", "+d")
    for wrong in (forged[:9] + ("b" if forged[9] == "a" else "a") + forged[10:], "bounce+1@bounces.example.org", ""):
        kind, recipient = UNKNOWN
        named = Recipient(ADA, recipient.hardness, recipient.reason)
        assert press.hear((kind, named), return_path=wrong, message_id="1@example.org") == [Decision.UNMATCHED]
    assert (press.status(ada), press.causes(), press.counts(letter)) == (Status.ACTIVE, [], (1, 0, 0))


@SQLITE
def test_a_mail_to_the_unsubscribe_address_ends_that_subscription_even_when_its_copy_is_gone(press: Press) -> None:
    ada, bo = press.reader(), press.reader("bo@gmail.com")
    letter = press.issue(ada, bo)
    seal = press.services.links.seal
    address = f"unsubscribe+{seal.seal_local_part('unsubscribe', ada, letter)}@bounces.example.org"
    forged = address.replace("+a", "+b") if "+a" in address else address[:12] + "a" + address[13:]
    assert press.hear(LEAVES, return_path=forged) == [Decision.UNMATCHED]
    with press.sessions.begin() as session:
        session.execute(delete(Copy).where(Copy.letter_id == letter))
    assert press.hear(LEAVES, return_path=address) == [Decision.UNSUBSCRIBED]
    assert (press.status(ada), press.status(bo)) == (Status.UNSUBSCRIBED, Status.ACTIVE)
    with press.sessions.reading() as session:
        [step] = session.scalars(select(ConsentEvent).where(ConsentEvent.act == Act.LEFT))
        assert step.channel is Channel.MAIL


@SQLITE
def test_our_message_id_finds_the_copy_and_an_address_alone_only_where_somebody_vouches_for_it(press: Press) -> None:
    ada, bo = press.reader(), press.reader("bo@gmail.com")
    letter = press.issue(ada, bo)
    name = press.services.links.seal.seal("message", press.copy(letter, ada).id)
    assert press.hear(UNKNOWN, message_id=f"{name}@example.org") == [Decision.SUPPRESSED]
    assert press.counts(letter) == (2, 1, 0)
    named = Recipient("Bo@Gmail.com", HARD, Reason.USER_UNKNOWN)
    assert press.hear((Kind.BOUNCE, named)) == [Decision.UNMATCHED]
    assert press.hear((Kind.BOUNCE, named), is_authentic=True, way="ses") == [Decision.SUPPRESSED]
    assert (press.status(bo), press.causes("bo@gmail.com")) == (Status.BOUNCED, [Cause.BOUNCE])


@SQLITE
def test_the_address_that_the_copy_went_to_is_what_counts(press: Press) -> None:
    ada = press.reader("ada@gmial.com")
    copy = press.copy(press.issue(ada), ada)
    with press.sessions.begin() as session:
        reader = subscribers.get(session, ada).subscriber
        reader.email, reader.key = ADA, ADA
    assert press.hear(UNKNOWN, copy) == [Decision.SUPPRESSED]
    assert (press.causes("ada@gmial.com"), press.causes(), press.status(ada)) == ([Cause.BOUNCE], [], Status.ACTIVE)


@SQLITE
def test_a_single_letter_that_bounces_ends_who_never_confirmed(press: Press) -> None:
    ada = press.reader()
    with press.sessions.begin() as session:
        subscribers.get(session, ada).status = Status.PENDING
        post_id = outbox.post(session, publications.find(session), Addressee(ADA), Composed("confirm", "", "", ""), NOW)
        token = press.services.links.seal.seal_local_part("post", post_id)
    assert press.hear(UNKNOWN, return_path=f"bounce+{token.upper()}@bounces.example.org") == [Decision.SUPPRESSED]
    assert press.status(ada) is Status.BOUNCED


@SQLITE
@pytest.mark.parametrize("kind", ["sign_in", "sending_warning", "link", "welcome"])
def test_a_single_letter_that_was_accepted_and_comes_back_is_listed_with_those_that_failed(
    press: Press, kind: str
) -> None:
    with press.sessions.begin() as session:
        post_id = outbox.post(session, publications.find(session), Addressee(ADA), Composed(kind, "", "", ""), NOW)
        outbox.claim(session, "w", 9, NOW)
        outbox.sent(session, "w", post_id, "250 2.0.0 queued", NOW)
        assert outbox.open_failures(session, NOW, 9) == []
    token = press.services.links.seal.seal_local_part("post", post_id)
    press.hear(SPAM, return_path=f"bounce+{token}@bounces.example.org")
    with press.sessions.reading() as session:
        [failed] = outbox.open_failures(session, NOW, 9)
        assert (failed.id, failed.reply) == (post_id, "550 5.7.1 spamdetected")


def test_five_full_issues_suppress_and_a_delivery_that_is_told_of_late_takes_it_back(press: Press) -> None:
    ada = press.reader()
    letters = [press.issue(ada, at=NOW - DAY * (6 - number)) for number in range(6)]
    decisions = [
        press.hear(FULL, press.copy(letter, ada), at=NOW - DAY * (6 - number))[0]
        for number, letter in enumerate(letters)
        if number != 2
    ]
    assert decisions == [Decision.COUNTED] * 4 + [Decision.SUPPRESSED]
    assert (press.status(ada), press.causes()) == (Status.BOUNCED, [Cause.BOUNCE])
    assert press.hear(DELIVERED, press.copy(letters[2], ada), is_authentic=True) == [Decision.DELIVERED]
    assert (press.status(ada), press.causes()) == (Status.ACTIVE, [])
    with press.sessions.reading() as session:
        assert {one.decision for one in events.history_of(session, ADA, NOW)} == {
            Decision.COUNTED,
            Decision.DELIVERED,
        }


def test_who_leaves_by_mail_is_counted_for_the_letter(press: Press) -> None:
    ada = press.reader()
    letter = press.issue(ada)
    assert press.hear(LEAVES, press.copy(letter, ada)) == [Decision.UNSUBSCRIBED]
    assert press.status(ada) is Status.UNSUBSCRIBED
    with press.sessions.reading() as session:
        assert unsubscribe.unsubscribes_by_letter(session, [letter]) == {letter: 1}


def test_what_fails_our_authentication_stops_the_group_of_every_letter_of_that_sender(press: Press) -> None:
    ada = press.reader()
    over, going = press.issue(ada, at=NOW - DAY), press.issue(ada, state=LetterState.RUNNING)
    said = bounced(Reason.AUTHENTICATION, status="5.7.26", code="550", diagnostic="550 5.7.26 unauthenticated")
    assert press.hear(said, press.copy(over, ada)) == [Decision.STOPPED]
    with press.sessions.reading() as session:
        [trip] = breaker.open_trips(session, going)
        assert (trip.provider_group, trip.code, trip.reply) == ("gmail", 550, "550 5.7.26 unauthenticated")
        assert breaker.open_trips(session, over) == []
        assert breaker.unreported(session) == [trip.id]
    assert (press.status(ada), press.causes()) == (Status.ACTIVE, [])


@SQLITE
def test_what_a_single_letter_meets_stops_only_letters_of_its_own_sender(press: Press) -> None:
    ada, bo = press.reader(), "bo@gmail.com"
    going = press.issue(ada, state=LetterState.RUNNING)
    said = bounced(Reason.AUTHENTICATION, status="5.7.26", code="550", diagnostic="550 5.7.26 unauthenticated")

    def is_stopped_by_mail_from(sender: str) -> bool:
        with press.sessions.begin() as session:
            home = publications.find(session)
            home.sender_address = sender
            post_id = outbox.post(session, home, Addressee(bo), Composed("confirm", "", "", ""), NOW)
        token = press.services.links.seal.seal_local_part("post", post_id)
        assert press.hear(said, return_path=f"bounce+{token}@bounces.example.org") == [Decision.STOPPED]
        with press.sessions.reading() as session:
            return bool(breaker.open_trips(session, going))

    assert not is_stopped_by_mail_from("desk@another.example")
    assert is_stopped_by_mail_from("letters@example.org")


@SQLITE
def test_what_becomes_of_mail_to_the_team_and_of_strangers_spam_ends_and_stops_nothing(press: Press) -> None:
    ada = press.reader()
    going = press.issue(ada, state=LetterState.RUNNING)

    def hear_of(kind: str, said: tuple[Kind, Recipient]) -> Decision | None:
        with press.sessions.begin() as session:
            home = publications.find(session)
            post_id = outbox.post(session, home, Addressee(ADA), Composed(kind, "", "", ""), NOW)
        token = press.services.links.seal.seal_local_part("post", post_id)
        [decision] = press.hear(said, return_path=f"bounce+{token}@bounces.example.org")
        return decision

    assert hear_of("sending_warning", UNKNOWN) is Decision.COUNTED
    assert hear_of("sign_in", COMPLAINT) is Decision.IGNORED
    # Strangers' spam that was forwarded, or stands in a sign-up's name.
    for kind in ("reader_mail", "confirm"):
        assert [hear_of(kind, SPAM) for _ in range(6)] == [Decision.AGAINST_US] * 6
    with press.sessions.reading() as session:
        assert breaker.open_trips(session, going) == []
    assert press.hear(FULL, press.copy(going, ada)) == [Decision.COUNTED]
    assert (press.status(ada), press.causes()) == (Status.ACTIVE, [])


@SQLITE
def test_the_editors_hear_of_it_once_a_day_where_nothing_goes_out_any_more(press: Press) -> None:
    ada = press.reader()
    copy = press.copy(press.issue(ada), ada)
    for _ in range(3):
        assert press.hear(bounced(Reason.BLOCKED, diagnostic="554 listed by zen.spamhaus.org"), copy) == [
            Decision.ALARMED
        ]
    with press.sessions.reading() as session:
        [trip] = session.scalars(select(breaker.Trip))
        assert (trip.is_alarm, trip.provider_group) == (True, "gmail")
        assert "Nothing is stopped" in trip.explanation


@SQLITE
def test_an_answer_about_our_rate_slows_the_group(press: Press) -> None:
    ada = press.reader()
    copy = press.copy(press.issue(ada), ada)
    assert press.hear(bounced(Reason.RATE_LIMITED, status="4.7.28"), copy) == [Decision.SLOWED]
    with press.sessions.reading() as session:
        assert limiter_store.current_pauses(session, NOW, 10).keys() == {"gmail"}


@SQLITE
def test_the_fifth_refusal_of_a_letter_by_one_provider_stops_its_group(press: Press) -> None:
    readers = [press.reader(f"r{number}@gmail.com") for number in range(5)]
    letter = press.issue(*readers, state=LetterState.RUNNING)
    decisions = [press.hear(SPAM, press.copy(letter, reader))[0] for reader in readers]
    assert decisions == [Decision.AGAINST_US] * 4 + [Decision.STOPPED]
    assert {press.status(reader) for reader in readers} == {Status.ACTIVE}
    assert press.counts(letter)[1] == 5


@SQLITE
@pytest.mark.parametrize(("exists", "decision"), [(True, "counted"), (False, "suppressed"), (None, "counted")])
def test_the_dns_decides_about_a_host_that_is_called_unknown(press: Press, exists: bool | None, decision: str) -> None:
    ada = press.reader("ada@gone.example")
    copy = press.copy(press.issue(ada), ada)
    asked: list[str] = []

    def domain_exists(host: str) -> bool | None:
        asked.append(host)
        return exists

    bounces = record_bounce.BounceServices(press.services.audience, domain_exists=domain_exists)
    report = Report(Kind.BOUNCE, (Recipient("", HARD, Reason.HOST_UNKNOWN),), press.return_path(copy))
    with press.sessions.begin() as session:
        [event] = record_bounce.record_report(session, bounces, report, Origin("test:1", "pipe"), NOW)
        assert (event.decision, asked) == (None, [])
    tend_bounces.decide_waiting(press.sessions, bounces, WORKER)
    with press.sessions.reading() as session:
        assert (session.scalars(select(BounceEvent.decision)).one(), asked) == (decision, ["gone.example"])


@SQLITE
def test_the_dns_is_asked_once_about_a_host_however_many_readers_it_had(press: Press) -> None:
    readers = [press.reader(f"r{number}@gone.example") for number in range(3)]
    letter, asked = press.issue(*readers), []
    press.bounces = replace(press.services.bounces, domain_exists=asked.append)
    for reader in readers:
        press.hear(bounced(Reason.HOST_UNKNOWN, HARD), press.copy(letter, reader))
    tend_bounces.decide_waiting(press.sessions, press.bounces, WORKER)
    assert asked == ["gone.example"]


@SQLITE
def test_what_a_person_lifts_is_forgiven_with_all_that_was_heard(press: Press) -> None:
    ada = press.reader()
    press.hear(UNKNOWN, press.copy(press.issue(ada), ada))
    with press.sessions.begin() as session:
        assert suppression.lift(session, ADA, suppression.CONFIRMING_LIFTS)
        assert events.history_of(session, ADA, NOW) == []
    assert press.hear(FULL, press.copy(press.issue(ada), ada)) == [Decision.COUNTED]


def test_strange_words_numbers_and_names_are_kept_as_far_as_they_can_be(press: Press) -> None:
    ada = press.reader()
    copy = press.copy(press.issue(ada), ada)
    strange = bounced(Reason.AUTHENTICATION, status="5.7.26\0" * 9, code="5x", diagnostic="\0\x1b[31m\ud800 no")
    assert press.hear(strange, copy, source="x" * 250 + "1") == [Decision.STOPPED]
    assert press.hear(strange, copy, source="x" * 250 + "2") == [Decision.STOPPED]
    assert press.hear(strange, copy, source="x" * 250 + "2") == []


@SQLITE
def test_an_event_that_fails_holds_up_no_other(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = [press.reader(f"r{number}@gone{number}.example") for number in range(2)]
    letter = press.issue(*readers)
    press.bounces = replace(press.services.bounces, domain_exists=lambda _host: False)
    for reader in readers:
        assert press.hear(bounced(Reason.HOST_UNKNOWN, HARD), press.copy(letter, reader)) == [None]
    decide_and_act = record_bounce.decide_and_act

    def failing(session, services, event, now):
        if event.key.startswith("r0@"):
            raise ZeroDivisionError
        return decide_and_act(session, services, event, now)

    with monkeypatch.context() as patched:
        patched.setattr(record_bounce, "decide_and_act", failing)
        tend_bounces.decide_waiting(press.sessions, press.bounces, WORKER)
    assert [press.status(reader) for reader in readers] == [Status.ACTIVE, Status.BOUNCED]
    tend_bounces.decide_waiting(press.sessions, press.bounces, WORKER)
    assert press.status(readers[0]) is Status.BOUNCED


def test_deliveries_are_kept_as_long_as_they_count_and_without_their_raw_text(press: Press) -> None:
    ada = press.reader()
    press.hear(DELIVERED, press.copy(press.issue(ada), ada), raw=b"a million of these", is_authentic=True)
    with press.sessions.begin() as session:
        assert session.scalar(select(func.count()).select_from(RawReport)) == 0
        assert [events.prune(session, NOW + DAY * days) for days in (119, 120, 120)] == [0, 1, 0]


def test_erasing_a_reader_erases_what_was_heard_of_them_whatever_their_address_was(press: Press) -> None:
    ada, bo = press.reader("ada@gmial.com"), press.reader("bo@gmail.com")
    letter = press.issue(ada, bo)
    press.hear(FULL, press.copy(letter, ada), raw=b"about ada")
    press.hear(FULL, press.copy(letter, bo), raw=b"about bo")
    with press.sessions.begin() as session:
        reader = subscribers.get(session, ada).subscriber
        reader.email, reader.key = ADA, ADA
        session.flush()
        told = privacy.export_data(session, subscribers.get(session, ada).subscriber)
        assert [one["reason"] for one in told["bounces"]] == ["mailboxfull"]
        privacy.erase(session, press.services.audience, ADA, NOW)
    with press.sessions.reading() as session:
        assert list(session.scalars(select(BounceEvent.key))) == ["bo@gmail.com"]
        assert list(session.scalars(select(RawReport.raw))) == [b"about bo"]


def test_what_is_heard_of_a_reader_after_their_erasure_brings_nothing_of_them_back(press: Press) -> None:
    ada = press.reader()
    copy = press.copy(press.issue(ada), ada)
    with press.sessions.begin() as session:
        privacy.erase(session, press.services.audience, ADA, NOW)
    said = Recipient(ADA, HARD, Reason.USER_UNKNOWN, "5.1.1", "550", diagnostic=f"550 5.1.1 <{ADA}>: User unknown")
    assert press.hear((Kind.BOUNCE, said), copy, raw=f"To: {ADA}".encode()) == [Decision.UNMATCHED]
    with press.sessions.reading() as session:
        [event] = session.scalars(select(BounceEvent))
        assert (event.key, event.diagnostic, event.reason) == ("", "", Reason.USER_UNKNOWN)
        assert session.scalar(select(func.count(RawReport.source))) == 0
        assert session.scalars(select(CopyNote.detail)).all() == ["550 5.1.1 userunknown"]


def test_raw_reports_go_after_ninety_days_and_events_after_four_hundred(press: Press) -> None:
    ada = press.reader()
    press.hear(FULL, press.copy(press.issue(ada), ada), raw=b"x" * (events.MOST_RAW + 9))

    def left(days: int) -> tuple[int, int]:
        with press.sessions.begin() as session:
            while events.prune(session, NOW + DAY * days):
                pass
            counted = [session.scalar(select(func.count()).select_from(table)) for table in (RawReport, BounceEvent)]
            return counted[0], counted[1]

    with press.sessions.reading() as session:
        assert len(session.scalars(select(RawReport.raw)).one()) == events.MOST_RAW
    assert [left(days) for days in (89, 90, 399, 400)] == [(1, 1), (0, 1), (0, 1), (0, 0)]


def test_what_a_failing_provider_calls_unknown_waits_for_an_editor_and_who_was_suppressed_stands_as_before(
    press: Press,
) -> None:
    with press.sessions.begin() as session:
        editors.add(session, "ann@press.example", Role.EDITOR, NOW)
    readers = [press.reader(f"r{number}@gmail.com") for number in range(26)]
    letter = press.issue(*readers)
    copies = [press.copy(letter, reader) for reader in readers]
    for copy in copies[:19]:
        assert press.hear(UNKNOWN, copy) == [Decision.SUPPRESSED]
    press.watch()
    assert press.status(readers[0]) is Status.BOUNCED
    assert press.hear(UNKNOWN, copies[19]) == [Decision.SUPPRESSED]
    press.watch()
    assert {press.status(reader) for reader in readers} == {Status.ACTIVE}
    assert press.hear(UNKNOWN, copies[20]) == [Decision.HELD]
    assert press.hear(COMPLAINT, copies[21]) == [Decision.SUPPRESSED]
    press.watch()
    with press.sessions.reading() as session:
        assert [(hold.unknown, hold.copies, waiting) for hold, waiting in holds.open_holds(session)] == [(20, 26, 21)]
        [mail] = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == alert_editors.KIND))
        assert (mail.address, "Gmail calls 20 readers unknown" in mail.text) == ("ann@press.example", True)


@pytest.mark.parametrize(
    ("suppress", "status", "next_one"), [(True, "bounced", "suppressed"), (False, "active", "counted")]
)
def test_an_editor_suppresses_the_held_or_keeps_them(press: Press, suppress: bool, status: str, next_one: str) -> None:
    readers = [press.reader(f"r{number}@gmail.com") for number in range(21)]
    letter = press.issue(*readers)
    for reader in readers:
        press.hear(UNKNOWN, press.copy(letter, reader))
    press.watch()

    def settle(group: str) -> int:
        return tend_bounces.settle(press.sessions, press.services.bounces, group, lambda: NOW, suppress=suppress)

    assert settle("gmail") == 21
    assert {press.status(reader) for reader in readers} == {status}
    assert bool(press.causes("r0@gmail.com")) is suppress
    with pytest.raises(NotFound, match="nothing of gmail is held"):
        settle("gmail")
    assert press.hear(FULL, press.copy(letter, readers[0])) == [next_one]
    press.watch()
    assert {press.status(reader) for reader in readers} == {status}


@SQLITE
def test_hosts_that_are_unknown_all_at_once_wait_for_an_editor_whatever_the_dns_says(press: Press) -> None:
    readers = [press.reader(f"r{number}@gmail.com") for number in range(21)]
    letter = press.issue(*readers)
    press.bounces = replace(press.services.bounces, domain_exists=lambda _: False)
    for reader in readers:
        press.hear(bounced(Reason.HOST_UNKNOWN, HARD, status="5.1.2"), press.copy(letter, reader))
    tend_bounces.decide_waiting(press.sessions, press.bounces, WORKER)
    assert press.status(readers[0]) is Status.BOUNCED
    press.watch()
    assert {press.status(reader) for reader in readers} == {Status.ACTIVE}
    with press.sessions.reading() as session:
        assert [(hold.provider_group, waiting) for hold, waiting in holds.open_holds(session)] == [("gmail", 21)]


@SQLITE
def test_of_an_alias_whose_mail_reaches_somebody_no_mailbox_counts_that_is_full(press: Press) -> None:
    ada = press.reader()
    full, taken = FULL[1], replace(DELIVERED[1], action="delivered")
    for weeks in range(6):
        copy = press.copy(press.issue(ada, at=NOW - 7 * DAY * (5 - weeks)), ada)
        report = Report(Kind.BOUNCE, (full, taken), return_path=press.return_path(copy))
        with press.sessions.begin() as session:
            origin = Origin(f"test:{weeks}", "pipe")
            both = record_bounce.record_report(session, press.services.bounces, report, origin, NOW)
            assert [one.decision for one in both] == [Decision.COUNTED, Decision.DELIVERED]
    assert press.status(ada) is Status.ACTIVE


@SQLITE
def test_a_late_bounce_of_a_mail_from_before_a_reader_confirmed_ends_nothing(press: Press) -> None:
    ada = press.reader(at=NOW - DAY)
    before, after = (press.copy(press.issue(ada, at=at), ada) for at in (NOW - 2 * DAY, NOW))
    assert press.hear(UNKNOWN, before) == [Decision.COUNTED]
    assert (press.status(ada), press.causes()) == (Status.ACTIVE, [])
    assert press.hear(COMPLAINT, before) == [Decision.SUPPRESSED]
    assert press.hear(UNKNOWN, after) == [Decision.SUPPRESSED]


@SQLITE
def test_a_bounce_that_was_forgiven_ends_nothing_when_it_comes_by_another_way(press: Press) -> None:
    ada = press.reader()
    first, second = (press.copy(press.issue(ada, at=at), ada) for at in (NOW - DAY, NOW))
    assert press.hear(UNKNOWN, first) == [Decision.SUPPRESSED]
    with press.sessions.begin() as session:
        change_suppression.lift_cause(session, ADA, Cause.BOUNCE, "it works", "ann", NOW)
    for way in ("mailbox", "ses"):
        assert press.hear(UNKNOWN, first, way=way) == [Decision.COUNTED]
    assert press.status(ada) is Status.ACTIVE
    assert press.hear(UNKNOWN, second) == [Decision.SUPPRESSED]


@SQLITE
def test_a_reader_whose_bounce_was_a_mistake_is_paused_as_before(press: Press) -> None:
    ada, until = press.reader(), NOW + 9 * DAY
    copy = press.copy(press.issue(ada), ada)
    with press.sessions.begin() as session:
        assert status_transitions.pause(session, subscribers.get(session, ada), until)
    press.hear(UNKNOWN, copy)
    assert press.status(ada) is Status.BOUNCED
    with press.sessions.begin() as session:
        assert change_suppression.lift_cause(session, ADA, Cause.BOUNCE, "it works", "ann", NOW) == 1
    with press.sessions.reading() as session:
        now_again = subscribers.get(session, ada)
        assert (now_again.status, now_again.paused_until) == (Status.PAUSED, until)


@SQLITE
def test_a_long_time_reader_gets_a_probe_whose_own_bounce_decides(press: Press) -> None:
    press.bounces = replace(press.services.bounces, probes=True)
    ada, bo = press.reader(at=NOW - 400 * DAY), press.reader("bo@gmail.com")
    letter = press.issue(ada, bo)
    assert press.hear(UNKNOWN, press.copy(letter, bo)) == [Decision.SUPPRESSED]
    assert press.hear(UNKNOWN, press.copy(letter, ada)) == [Decision.PROBED]
    assert press.hear(FULL, press.copy(press.issue(ada), ada), at=NOW + DAY) == [Decision.COUNTED]
    assert (press.status(ada), press.causes()) == (Status.ACTIVE, [])
    with press.sessions.reading() as session:
        [probe] = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "probe"))
        assert probe.address == ADA
        token = press.services.links.seal.seal_local_part("post", probe.id)
    assert press.hear(FULL, return_path=f"bounce+{token}@bounces.example.org") == [Decision.SUPPRESSED]
    assert (press.status(ada), press.causes()) == (Status.BOUNCED, [Cause.BOUNCE])


SAID = [UNKNOWN, FULL, SPAM, COMPLAINT, DELIVERED, LEAVES, bounced(Reason.HOST_UNKNOWN, HARD)]
HEARD = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(SAID)), min_size=1, max_size=9)


@SQLITE
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(heard=HEARD, data=st.data())
def test_events_in_any_order_and_repeated_come_to_the_same(press: Press, heard, data) -> None:
    both = [list(enumerate(heard))]
    both.append(data.draw(st.permutations([*both[0], *data.draw(st.lists(st.sampled_from(both[0]), max_size=4))])))
    assert len({_outcome(press, order) for order in both}) == 1


def _outcome(press: Press, order: Sequence[tuple[int, tuple[int, tuple[Kind, Recipient]]]]) -> tuple[object, ...]:
    """Where a new reader stands after these events, each heard of one of seven issues."""
    mark = next(press.numbers)
    email = f"r{mark}@reader{mark}.example"
    ada = press.reader(email)
    letters = [press.issue(ada, at=NOW - DAY * (8 - number)) for number in range(7)]
    for number, (issue, said) in order:
        copy = press.copy(letters[issue], ada)
        press.hear(said, copy, at=copy.ended_at + timedelta(hours=1), source=f"{mark}:{number}")
    return press.status(ada), tuple(sorted(press.causes(email))), tuple(map(press.counts, letters))
