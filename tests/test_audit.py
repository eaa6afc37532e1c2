from datetime import datetime

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from newsletter import audit
from newsletter.audit import AuditEntry, AuditWriter
from newsletter.db import Sessions
from newsletter.editors import Editor, Role, add
from newsletter.editors.models import SignInTries


@pytest.fixture
def witness(now: datetime) -> AuditWriter:
    return AuditWriter("ann@desk.example", "did it", now, "owner", "issue", "a-slug", "192.0.2.0/24", {"copies": 3})


def test_what_changes_the_store_takes_its_row_along(sessions: Sessions, witness: AuditWriter, now: datetime) -> None:
    with sessions.witnessed(witness).begin() as session:
        add(session, "bo@desk.example", Role.VIEWER, now)
    (row,) = rows(sessions)
    assert (row.who, row.role, row.act, row.at) == ("ann@desk.example", "owner", "did it", now)
    assert (row.kind, row.about, row.details, row.network) == ("issue", "a-slug", {"copies": 3}, "192.0.2.0/24")


def test_an_unflushed_change_and_a_statement_count_alike(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        editor = add(session, "bo@desk.example", Role.VIEWER, now)
    with sessions.witnessed(AuditWriter("a", "by attribute", now)).begin() as session:
        session.get_one(Editor, editor.id).role = Role.AUTHOR
    with sessions.witnessed(AuditWriter("a", "by statement", now)).begin() as session:
        session.execute(update(Editor).values(role=Role.EDITOR))
    with sessions.witnessed(AuditWriter("a", "by insert", now)).begin() as session:
        session.execute(SignInTries.__table__.insert().values(bucket="x", window=1, hits=1))
    with sessions.witnessed(AuditWriter("a", "by delete", now)).begin() as session:
        session.execute(delete(SignInTries))
    assert [row.act for row in rows(sessions)] == ["by attribute", "by statement", "by insert", "by delete"]


def test_whoever_only_looks_leaves_no_row(sessions: Sessions, witness: AuditWriter) -> None:
    with sessions.witnessed(witness).begin() as session:
        assert session.scalars(select(Editor)).all() == []
    with sessions.witnessed(witness).reading() as session:
        session.scalars(select(Editor)).all()
    assert rows(sessions) == []


def test_what_is_rolled_back_leaves_no_row_and_a_second_try_leaves_one(
    sessions: Sessions, witness: AuditWriter, now: datetime
) -> None:
    witnessed = sessions.witnessed(witness)
    with pytest.raises(IntegrityError), witnessed.begin() as session:
        session.add_all(Editor(email="bo", key="bo", role=Role.VIEWER, created_at=now, nonce=1) for _ in range(2))
    assert rows(sessions) == []
    with witnessed.begin() as session:
        add(session, "bo@desk.example", Role.VIEWER, now)
    assert len(rows(sessions)) == 1


def test_an_act_in_two_transactions_leaves_one_row(sessions: Sessions, witness: AuditWriter, now: datetime) -> None:
    witnessed = sessions.witnessed(witness)
    for name in ("bo", "cy"):
        with witnessed.begin() as session:
            add(session, f"{name}@desk.example", Role.VIEWER, now)
    assert len(rows(sessions)) == 1


@pytest.mark.parametrize("attempt", ["UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log"])
def test_the_database_itself_refuses_to_change_a_row(sessions: Sessions, witness: AuditWriter, attempt: str) -> None:
    with sessions.begin() as session:
        audit.record(session, witness)
    with pytest.raises(DBAPIError, match="only ever added to"), sessions.begin() as session:
        session.execute(text(attempt))
    assert [row.who for row in rows(sessions)] == ["ann@desk.example"]


def test_rows_are_found_by_person_and_act_page_after_page(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        for number in range(6):
            audit.record(session, AuditWriter("ann" if number % 2 else "bo", f"act {number}", now))
    with sessions.reading() as session:
        first = session.scalars(audit.matching({"who": "ann"}).limit(2)).all()
        rest = session.scalars(audit.matching({"who": "ann"}, before=first[-1].id)).all()
        assert [row.act for row in (*first, *rest)] == ["act 5", "act 3", "act 1"]
        assert [row.act for row in session.scalars(audit.matching({"who": "bo", "act": "act 2"}))] == ["act 2"]
        assert session.scalars(audit.actors()).all() == ["ann", "bo"]


def rows(sessions: Sessions) -> list[AuditEntry]:
    with sessions.reading() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
