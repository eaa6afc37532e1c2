"""`newsletter editors`, and that what the shell changes is written down as the desk's acts are."""

import json
from pathlib import Path

from sqlalchemy import select

from newsletter.audience.models import Subscriber
from newsletter.audit import OPERATOR, AuditEntry
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import OutboxMessage
from newsletter.editorial.issues import issue_store
from newsletter.editors import find

from .conftest import Press

ANN, BO = "ann@press.example", "bo@press.example"
PASSWORD = "long enough, really\n"


def test_everybody_is_listed_with_what_they_prove_themselves_with(loaded: Press) -> None:
    assert "nobody may sign in yet" in loaded("editors", "list").out
    loaded("editors", "add", ANN, "--role", "owner", "--password-stdin", stdin=PASSWORD)
    refused = loaded("editors", "add", BO, "--name", ANN)
    assert (refused.code, "a name without an @" in refused.err) == (1, True)
    loaded("editors", "add", BO, "--name", " Bo  Ek ")
    assert json.loads(loaded("editors", "list", "--json").out) == [
        {"email": ANN, "name": "", "role": "owner", "password": True, "second_factor": False},
        {"email": BO, "name": "Bo Ek", "role": "editor", "password": False, "second_factor": False},
    ]


def test_somebody_is_removed_but_not_the_last_owner(loaded: Press) -> None:
    loaded("editors", "add", ANN, "--role", "owner", "--password-stdin", stdin=PASSWORD)
    loaded("editors", "add", BO)
    assert loaded("editors", "remove", BO).code == 0
    assert loaded("editors", "remove", BO).code == 1
    refused = loaded("editors", "remove", ANN)
    assert (refused.code, "last owner who can sign in" in refused.err) == (1, True)


def test_a_lost_factor_is_reset_told_by_mail_and_ends_the_links_that_are_out(
    loaded: Press, environment: dict[str, str]
) -> None:
    loaded("editors", "add", ANN)
    sessions = store(environment)
    with sessions.begin() as session:
        ann = find(session, ANN)
        ann.factor = "sealed"
    assert loaded("editors", "reset-factor", ANN).code == 0
    with sessions.reading() as session:
        assert find(session, ANN).factor is None
        assert find(session, ANN).nonce != ann.nonce
        (mail,) = session.scalars(select(OutboxMessage)).all()
    assert (mail.kind, mail.address, "reset on the server" in mail.text) == ("changed", ANN, True)


def test_each_command_that_changes_something_leaves_one_row_and_the_others_none(
    loaded: Press, environment: dict[str, str]
) -> None:
    sessions = store(environment)
    before = len(rows(sessions))
    loaded("editors", "add", ANN)
    loaded("editors", "add", ANN)
    loaded("editors", "list")
    loaded("issues", "list")
    loaded("issues", "ready", "looser-by-degrees")
    loaded("subscribers", "erase", "secret-reader@example.org", "--yes")
    told = [(row.who, row.act, row.kind, row.about, row.details) for row in rows(sessions)[before:]]
    with sessions.reading() as session:
        issue = issue_store.find(session, "looser-by-degrees")
    assert told[:2] == [
        (OPERATOR, "newsletter editors add", "person", ANN, {}),
        (OPERATOR, "newsletter issues ready", "issue", f"#{issue.id}", {"slug": "looser-by-degrees"}),
    ]
    assert "secret-reader" not in str(told)
    assert len(told) <= 3


def test_an_erasure_is_on_record_by_the_reader_s_number(
    loaded: Press, environment: dict[str, str], tmp_path: Path
) -> None:
    sessions = store(environment)
    (tmp_path / "list.csv").write_text("email\nsecret@example.org\n")
    loaded("subscribers", "import", "list.csv", "--status", "active", "--consent", "a fair")
    with sessions.reading() as session:
        number = session.scalars(select(Subscriber.id).where(Subscriber.key == "secret@example.org")).one()
    loaded("subscribers", "erase", "secret@example.org", "--yes")
    last = rows(sessions)[-1]
    assert (last.who, last.act, last.kind, last.about) == (
        OPERATOR,
        "newsletter subscribers erase",
        "reader",
        str(number),
    )
    assert "secret@" not in str([vars(row) for row in rows(sessions)])


def store(environment: dict[str, str]) -> Sessions:
    return Sessions(open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db"))


def rows(sessions: Sessions) -> list[AuditEntry]:
    with sessions.reading() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
