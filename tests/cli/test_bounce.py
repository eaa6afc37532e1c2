"""`newsletter bounce`: what comes back, told as JSON."""

import json
from pathlib import Path

from sqlalchemy import select

from newsletter.db import Sessions, open_engine
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.bounces.report import Kind, Reason
from newsletter.tokens import TokenSeal
from tests.delivery.bounces.mails import FAILED, READER, RETURN_PATH, TOKEN, mail, report

from .conftest import Press


def test_a_dry_run_tells_what_a_mail_is_and_needs_no_database(press: Press, environment: dict[str, str]) -> None:
    told = press("bounce", "--dry-run", stdin=report(FAILED).decode())
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out) == {
        "kind": "bounce",
        "copy": None,
        "post": None,
        "recipients": [
            {
                "address": READER,
                "class": "hard",
                "reason": "userunknown",
                "status": "5.1.1",
                "code": "550",
                "action": "failed",
                "diagnostic": f"550 5.1.1 <{READER}>: Recipient address rejected: User unknown",
                "mta": "mx.example.com",
            }
        ],
    }
    assert not Path(environment["DATA_DIR"]).exists()


def test_the_copy_is_known_by_its_signed_return_path(press: Press) -> None:
    secret = "s" * 40
    seal = TokenSeal(secret.encode())
    for purpose, key in (("bounce", "copy"), ("post", "post")):
        raw = report(FAILED).decode().replace(TOKEN, seal.seal_local_part(purpose, 4711))
        told = json.loads(press("bounce", "--dry-run", stdin=raw, SECRET_KEY=secret).out)
        assert {name for name in ("copy", "post") if told[name]} == {key}
        assert told[key] == 4711
    forged = json.loads(press("bounce", "--dry-run", stdin=report(FAILED).decode(), SECRET_KEY=secret).out)
    assert (forged["copy"], forged["post"]) == (None, None)


def test_a_folder_of_mails_becomes_lines_of_json(press: Press, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "2.eml").write_bytes(mail("Hello", subject="Hi", Return_Path="<a@example.com>", From="a@example.com"))
    (folder / "1.eml").write_bytes(report(FAILED))
    told = [json.loads(line) for line in press("bounce", "--dry-run", str(folder)).out.splitlines()]
    assert [(one["file"], one["kind"]) for one in told] == [("1.eml", "bounce"), ("2.eml", "not_a_bounce")]


def test_a_stranger_may_write_any_return_path(press: Press) -> None:
    assert RETURN_PATH in report(FAILED).decode()
    assert json.loads(press("bounce", "--dry-run", stdin=report(FAILED).decode()).out)["copy"] is None


def test_a_mail_in_the_pipe_is_recorded_once(press: Press, environment: dict[str, str]) -> None:
    assert press("db", "upgrade").code == 0
    raw = report(FAILED).decode()
    first = press("bounce", stdin=raw)
    assert (first.code, json.loads(first.out)["kind"]) == (0, "bounce")
    assert press("bounce", stdin=raw).out == first.out
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    with Sessions(engine).begin() as session:
        [event] = session.scalars(select(BounceEvent))
        assert [(one.way, one.kind, one.mails) for one in tally.tallies(session)] == [("pipe", "bounce", 1)]
        # By the token of a stranger it is nobody's copy, so no address is held against anybody.
        assert (event.kind, event.reason, event.way, event.key) == (Kind.BOUNCE, Reason.USER_UNKNOWN, "pipe", "")
    engine.dispose()


def test_a_mail_that_cannot_be_recorded_now_is_left_to_the_mail_server(press: Press, tmp_path: Path) -> None:
    raw = report(FAILED).decode()
    without_tables = press("bounce", stdin=raw)
    assert (without_tables.code, without_tables.out) == (75, "")
    assert "newsletter db upgrade" in without_tables.err
    away = press("bounce", stdin=raw, DATABASE_URL="postgresql://press:secret@127.0.0.1:1/press")
    assert (away.code, away.out) == (75, "")
    assert "secret" not in away.err
    misspelled = press("bounce", stdin=raw, BOUNCE_PIPES="true")
    assert (misspelled.code, misspelled.err) == (
        75, "BOUNCE_PIPES is not a setting; did you mean BOUNCE_PIPE?; try again later\n",
    )  # fmt: skip
    assert press("bounce", str(tmp_path)).code == 1
