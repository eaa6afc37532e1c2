import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from newsletter.audience import consent_chain, export, privacy, subscribers
from newsletter.audience.importing import apply, importer
from newsletter.audience.importing.plan import ImportPlan, ImportStep, ImportTerms, Tally
from newsletter.audience.importing.reading import files, list_rows, stretches
from newsletter.audience.models import Status, Subscriber
from newsletter.delivery.bounces import suppression
from newsletter.delivery.message.permission_reminder import MAX_SOURCE
from newsletter.delivery.models import Cause, CopyState, OutboxMessage, OutboxState
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication
from tests.audience.opening import import_list, import_steps, open_csv

ADA, BOB, CYD = "ada@example.org", "bob@example.org", "cyd@example.org"
ACTIVE = ImportTerms(Status.ACTIVE, "exported from the old list, where each confirmed")


def steps(
    press, path: Path, terms: ImportTerms = ACTIVE, publication: Publication | None = None, **how: Any
) -> Iterator[ImportStep]:
    return import_steps(press, path, terms, publication, **how)


def load(press, path: Path, terms: ImportTerms = ACTIVE, publication: Publication | None = None, **how: Any) -> Tally:
    return import_list(press, path, terms, publication, **how)


def refusals(press, path: Path) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for step in steps(press, path) for one in step.problems]


def test_readers_come_in_as_active_with_the_proof_of_their_consent(press, write: Callable[..., Path]) -> None:
    path = write("email,name,created_at\nada@example.org,Ada,2024-01-02 10:00\nbob@example.org,,\n")
    assert load(press, path) == Tally(added=2)
    assert (press.status(ADA), press.subscription(ADA).subscriber.name) == (Status.ACTIVE, "Ada")
    assert press.acts(ADA) == [("imported", "import")]
    assert press.events(ADA)[0].note == f"{ACTIVE.consent}; there since 2024-01-02 10:00"
    assert press.letters(ADA) == []


def test_an_entry_names_the_file_the_line_and_who_imported_it_until_its_reader_is_erased(
    press, write: Callable[..., Path]
) -> None:
    press.subscribe(BOB)
    path = write("email,status\nada@example.org,active\nbob@example.org,unsubscribed\n")
    load(press, path, operator="ann@press.example")
    with press.sessions.begin() as session:
        told = [subscribers.history(subscribers.find(session, email))["events"][-1] for email in (ADA, BOB)]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        files_told = [{"sha256": sha256, "line": line, "imported_by": "ann@press.example"} for line in (2, 3)]
        assert [(event["act"], event["file"]) for event in told] == list(
            zip(["imported", "left"], files_told, strict=True)
        )
        assert consent_chain.chain_some(session, press.now) == 3
        privacy.erase(session, press.audience, ADA, press.now)
    with press.sessions.reading() as session:
        found = consent_chain.verify(session)
        assert (found.chained, found.erased, found.broken) == (3, 1, None)


def test_mailboxes_that_only_look_alike_are_different_readers(press, write: Callable[..., Path]) -> None:
    twins = [
        "hello@gasse.example",
        "hello@gaße.example",
        "club@gaße.example",
        "\ufb01sh@example.org",
        "fish@example.org",
    ]
    assert load(press, write("\n".join(["email", *twins, "CLUB@xn--gae-6ka.example"]))) == Tally(added=5, already=1)
    with press.sessions.reading() as session:
        members = [json.loads(line)["email"] for line in export.json_lines(session, press.publication.id)]
    assert sorted(members) == sorted(twins)


def test_without_a_proof_of_consent_nobody_comes_in_as_active() -> None:
    for consent in ("", "  "):
        with pytest.raises(Invalid, match="--consent"):
            ImportTerms(Status.ACTIVE, consent)
    with pytest.raises(Invalid, match="not as paused"):
        ImportTerms(Status.PAUSED, "somewhere")


def test_where_the_consent_came_from_is_short_and_one_line_for_each_mail_says_it() -> None:
    assert ImportTerms(Status.ACTIVE, f" {'a' * MAX_SOURCE} ").source == "a" * MAX_SOURCE
    with pytest.raises(Invalid, match="201 characters, and 200 fit"):
        ImportTerms(Status.ACTIVE, "a" * (MAX_SOURCE + 1))
    for bad in ("a fair\nBcc: eve", "a \u202efair", "a\x07fair"):
        with pytest.raises(Invalid, match="one line, in plain characters:"):
            ImportTerms(Status.ACTIVE, bad)


def test_by_default_each_is_asked_to_confirm(press, write: Callable[..., Path]) -> None:
    assert load(press, write("email\nada@example.org\n"), ImportTerms()) == Tally(added=1)
    assert (press.status(ADA), press.kinds(ADA)) == (Status.PENDING, ["confirm"])
    assert press.confirm(ADA).status is Status.ACTIVE


def test_who_never_confirmed_elsewhere_is_asked_even_among_the_active(press, write: Callable[..., Path]) -> None:
    load(press, write("email,status\nada@example.org,pending\nbob@example.org,active\n"))
    assert (press.status(ADA), press.kinds(ADA)) == (Status.PENDING, ["confirm"])
    assert (press.status(BOB), press.kinds(BOB)) == (Status.ACTIVE, [])


def test_an_import_can_be_run_twice(press, write: Callable[..., Path]) -> None:
    path = write("email\nada@example.org\nAda@Example.org\nbob@example.org\nbob\n")
    first, second = load(press, path), load(press, path)
    assert first == Tally(added=2, already=1, refused=1)
    assert second == Tally(already=3, refused=1)
    assert press.acts(ADA) == [("imported", "import")]


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED])
def test_nobody_who_is_gone_is_brought_back(press, write: Callable[..., Path], status: Status) -> None:
    press.reader(ADA)
    press.set_status(ADA, status)
    assert load(press, write("email,status\nada@example.org,active\n")) == Tally(left_alone=1)
    assert press.status(ADA) is status


def test_a_suppressed_address_does_not_come_in(press, write: Callable[..., Path]) -> None:
    with press.sessions.begin() as session:
        suppression.add(session, ADA, Cause.BOUNCE, press.now)
    assert load(press, write("email\nada@example.org\n")) == Tally(left_alone=1)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_who_left_elsewhere_is_on_record_as_having_left(press, write: Callable[..., Path]) -> None:
    text = "email,status\nada@example.org,unsubscribed\nbob@example.org,bounced\ncyd@example.org,complained\n"
    assert load(press, write(text), ImportTerms()) == Tally(ended=3)
    assert [press.status(email) for email in (ADA, BOB, CYD)] == [
        Status.UNSUBSCRIBED,
        Status.BOUNCED,
        Status.COMPLAINED,
    ]
    assert press.subscription(ADA).left_at == press.now
    with press.sessions.reading() as session:
        assert suppression.suppressed_keys(session, [ADA, BOB, CYD]) == {BOB, CYD}
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0
    assert load(press, write("email\nada@example.org\nbob@example.org\n")) == Tally(left_alone=2)


def test_a_row_that_says_its_reader_left_wins_over_its_twin(press, write: Callable[..., Path]) -> None:
    load(press, write("email,status\nada@example.org,active\nada@example.org,unsubscribed\nada@example.org,active\n"))
    assert press.status(ADA) is Status.UNSUBSCRIBED


def test_a_later_file_ends_what_an_earlier_one_began(press, write: Callable[..., Path]) -> None:
    load(press, write("email\nada@example.org\n"))
    letter_id = press.queue_copy(ADA)
    assert load(press, write("email,UNSUB_TIME\nada@example.org,2024-01-02\n")) == Tally(ended=1)
    assert press.acts(ADA) == [("imported", "import"), ("left", "import")]
    assert press.copy(letter_id).state is CopyState.SKIPPED


def test_of_readers_who_end_together_each_ends_as_the_file_says(press, write: Callable[..., Path]) -> None:
    people = (ADA, BOB, CYD, "dan@example.org")
    load(press, write("\n".join(["email", *people])))
    letter_ids = [press.queue_copy(email) for email in people]
    ended = f"email,status\n{ADA},unsubscribed\n{BOB},bounced\n{CYD},complained\n"
    assert load(press, write(ended)) == Tally(ended=3)
    assert [press.acts(email)[1:] for email in people] == [
        [("left", "import")],
        [("bounced", "import")],
        [("complained", "import")],
        [],
    ]
    assert [event.line for email in (ADA, BOB, CYD) for event in press.events(email)[1:]] == [2, 3, 4]
    copies = [press.copy(letter_id) for letter_id in letter_ids]
    assert [copy.reason for copy in copies] == ["unsubscribed", "bounced", "complained", None]


def test_who_left_elsewhere_is_not_asked_to_confirm_by_a_letter_that_still_waits(
    press, write: Callable[..., Path]
) -> None:
    import_list(press, write("email\nada@example.org\n"), ImportTerms())
    import_list(press, write("email,status\nada@example.org,unsubscribed\n"), ImportTerms())
    press.answer_letters("250 OK")
    assert [letter.state for letter in press.letters("ada@example.org")] == [OutboxState.SKIPPED]


def test_a_file_does_not_end_what_a_reader_confirmed_here(press, write: Callable[..., Path]) -> None:
    press.reader(ADA)
    assert load(press, write("email,status\nada@example.org,unsubscribed\n")) == Tally(left_alone=1)
    assert press.status(ADA) is Status.ACTIVE


def test_a_reader_of_another_publication_keeps_their_name(press, other_publication, write: Callable[..., Path]) -> None:
    press.reader(ADA, "Ada")
    path = write("email,name\nada@example.org,Somebody\n")
    assert load(press, path, ACTIVE, other_publication) == Tally(added=1)
    with press.sessions.reading() as session:
        person = subscribers.find(session, ADA)
        assert (person.name, len(person.subscriptions)) == ("Ada", 2)


def test_a_dry_run_tells_the_same_and_writes_nothing(press, write: Callable[..., Path]) -> None:
    press.reader(BOB)
    path = write("email,status\nada@example.org,\nbob@example.org,\ncyd@example.org,cleaned\nbob,\n")
    rehearsed = load(press, path, dry_run=True)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 1
        assert suppression.suppressed_keys(session, [CYD]) == set()
    assert load(press, path) == rehearsed


def test_more_rows_than_a_group_are_streamed_group_by_group(press, write: Callable[..., Path]) -> None:
    rows = "".join(f"reader{number}@example.org\n" for number in range(importer.GROUP + 5))
    path = write("email\n" + rows)
    groups = steps(press, path)
    assert next(groups).tally == Tally(added=importer.GROUP)
    with press.sessions.reading() as session:
        assert subscribers.audience_size(session, press.publication.id) == importer.GROUP
    assert next(groups).tally == Tally(added=5)


def test_two_imports_of_the_same_people_at_once_make_each_once(press, write: Callable[..., Path], together) -> None:
    people = [f"reader{number}@example.org" for number in range(300)]
    forward = write("\n".join(["email", *people]))
    backward = forward.with_name("backward.csv")
    backward.write_text("\n".join(["email", *reversed(people)]))
    assert together(lambda: load(press, forward), lambda: load(press, backward)) == []
    with press.sessions.reading() as session:
        assert subscribers.audience_size(session, press.publication.id) == len(people)
    assert press.acts(people[0]) == [("imported", "import")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_reader_who_is_erased_while_their_row_is_written_stops_no_import(
    press, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(press, write("email\nada@example.org\nbob@example.org\n"))
    path = write("email,status,tags\nada@example.org,active,vip\nbob@example.org,unsubscribed,\ncyd@example.org,,\n")
    waiting = ["bob@example.org", "ada@example.org"]

    def plan_late(session: Session, *arguments: Any) -> ImportPlan:
        plan = _make_plan(session, *arguments)
        if waiting:
            press.run(privacy.erase, waiting.pop(), press.now)
        return plan

    _make_plan = apply.make_plan
    monkeypatch.setattr(apply, "make_plan", plan_late)
    assert load(press, path) == Tally(added=1, left_alone=2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_name_is_the_same_after_an_export_whatever_it_begins_with(press, write: Callable[..., Path]) -> None:
    names = [f"{quotes}{sign}1" for sign in ("=", "+", "-", "@", "＝", "'", "a") for quotes in ("", "'", "''")]
    people = {f"{number}@example.org": name for number, name in enumerate(names)}
    people |= {"=a@example.org": "", "'=b@example.org": "", "'c@example.org": ""}
    for email, name in people.items():
        press.with_caps(client=len(people)).reader(email, name)
    file = io.StringIO(newline="")
    with press.sessions.reading() as session:
        file.writelines(export.csv_pieces(session, press.publication.id))
    cells = [cell for row in csv.reader(io.StringIO(file.getvalue(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]
    with open_csv(write(file.getvalue())) as opened:
        read = {row.email: row.name for row in list_rows.read_rows(opened)}
    assert read == people


def test_a_paused_reader_of_an_export_is_refused_rather_than_woken(press, write: Callable[..., Path]) -> None:
    press.reader(ADA)
    press.pause(ADA, date(2026, 12, 4))
    ((line, reason),) = refusals(press, write("email,status\nada@example.org,paused\n"))
    assert line == 2
    assert "'paused' cannot be imported" in reason


def test_a_check_finds_what_would_be_refused_and_asks_no_database(write: Callable[..., Path]) -> None:
    path = write("email\nada@example.org\nbob\ncyd@example.org\n")
    with files.open_file(path) as opened:
        (step,) = importer.check_rows(opened)
    assert (step.rows, step.tally) == (3, Tally(refused=1))
    assert [(one.line, one.cells) for one in step.problems] == [(3, ["bob"])]


def test_a_file_that_was_checked_and_has_changed_is_not_taken_in(press, write: Callable[..., Path]) -> None:
    with pytest.raises(Conflict, match=r"list\.csv was changed after it was checked: line 3"):
        load(press, write("email\nada@example.org\nbob\n"), checked=True)
    with press.sessions.reading() as session:
        assert subscribers.audience_size(session, press.publication.id) == 0


def test_rows_that_cost_much_come_in_smaller_groups(
    press, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "GROUP", 80)
    people = [f"reader{number}@example.org" for number in range(10)]
    path = write("\n".join(["email", *people]))
    assert [step.rows for step in steps(press, path, ACTIVE)] == [10]
    assert [step.rows for step in steps(press, path, ImportTerms())] == [4, 4, 2]
    left = write("\n".join(["email,status", *(f"{email},unsubscribed" for email in people)]))
    assert [step.tally.ended for step in steps(press, left)] == [8, 2]
    strangers = write("\n".join(["email,status", *(f"not.{email},bounced" for email in people)]))
    assert [step.tally.ended for step in steps(press, strangers)] == [10]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_short_last_group_does_not_make_the_next_one_longer_than_a_turn(
    press, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, rows_in_a_turn = [0.0], 10
    make_plan = importer.apply.make_plan

    def take_time(*how: Any) -> ImportPlan:
        plan = make_plan(*how)
        clock[0] += len(plan.rows) * importer.TURN / rows_in_a_turn
        return plan

    monkeypatch.setattr(importer.apply, "make_plan", take_time)
    monkeypatch.setattr(importer, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    for module, name, rows in ((importer, "GROUP", 20), (importer, "SMALLEST_GROUP", 1), (stretches, "STRETCH", 32)):
        monkeypatch.setattr(module, name, rows)
    path = write("\n".join(["email", *(f"reader{number}@example.org" for number in range(64))]))
    assert [step.rows for step in steps(press, path, ACTIVE)] == [20, 10, 2, 10, 10, 10, 2]


def test_a_group_of_every_kind_is_written_as_each_row_says(press, write: Callable[..., Path]) -> None:
    press.reader("confirmed@example.org")
    load(press, write("email\nhere@example.org\nleaves@example.org\n"))
    with press.sessions.begin() as session:
        suppression.add(session, "barred@example.org", Cause.COMPLAINT, press.now)
    text = (
        "email,name,status,created_at\n"
        "new@example.org,Zoë 👩‍🔬,active,2024\n"
        "waits@example.org,,pending,\n"
        "gone@example.org,,bounced,2020\n"
        "here@example.org,,,\n"
        "leaves@example.org,,unsubscribed,\n"
        "confirmed@example.org,,unsubscribed,\n"
        "barred@example.org,,,\n"
        "nonsense,,,\n"
    )
    assert load(press, write(text)) == Tally(added=2, already=1, left_alone=2, ended=2, refused=1)
    assert press.subscription("new@example.org").subscriber.name == "Zoë 👩‍🔬"
    assert [event.note for event in press.events("new@example.org")] == [f"{ACTIVE.consent}; there since 2024"]
    assert (press.status("waits@example.org"), press.kinds("waits@example.org")) == (Status.PENDING, ["confirm"])
    assert press.acts("gone@example.org") == [("bounced", "import")]
    assert press.acts("leaves@example.org") == [("imported", "import"), ("left", "import")]
    assert press.status("confirmed@example.org") is Status.ACTIVE


def test_two_imports_of_people_who_are_known_elsewhere_never_wait_in_a_circle(
    press, other_publication, write: Callable[..., Path], together
) -> None:
    people = [f"reader{number}@example.org" for number in range(300)]
    forward = write("\n".join(["email", *people]))
    load(press, forward)
    backward = forward.with_name("backward.csv")
    backward.write_text("\n".join(["email", *reversed(people)]))
    calls = [lambda path=path: load(press, path, ACTIVE, other_publication) for path in (forward, backward)]
    assert together(*calls) == []
    with press.sessions.reading() as session:
        assert subscribers.audience_size(session, other_publication.id) == len(people)


@pytest.mark.parametrize("statistics", ["none", "stale"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_row_costs_about_the_same_among_many_readers_as_among_few(
    press, engine, write: Callable[..., Path], statistics: str
) -> None:
    def cost(beginning: int, rows: int) -> float:
        people = "\n".join(f"reader{number}@example.org" for number in range(beginning, beginning + rows))
        ticks.clear()
        assert load(press, write(f"email\n{people}\n")).added == rows
        return len(ticks) / rows

    ticks: list[None] = []
    event.listen(engine, "connect", lambda driver, _: driver.set_progress_handler(lambda: ticks.append(None), 10))
    engine.dispose()
    few = cost(0, 1_000)
    if statistics == "stale":
        with press.sessions.begin() as session:
            session.execute(text("ANALYZE"))
    cost(1_000, 9_000)
    assert 0 < cost(10_000, 1_000) < 2 * few


def test_who_left_is_known_to_have_left_even_if_their_name_or_a_tag_is_not_valid(
    press, write: Callable[..., Path]
) -> None:
    path = write(
        'email,name,status,tags\na@example.org,"A\nB",unsubscribed,\nb@example.org,"B\nC",active,\n'
        f"c@example.org,C,bounced,{'x' * 300}\n"
    )
    tally = load(press, path)
    assert (tally.ended, tally.refused, tally.added) == (2, 1, 0)
    assert tally.statuses == {"unsubscribed": 1, "bounced": 1}
