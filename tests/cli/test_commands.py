import json
import re
import shutil
import sqlite3
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from newsletter.db import Sessions, open_engine
from newsletter.delivery.rate_limit.claim_limiter import ClaimLimiter
from newsletter.delivery.rate_limit.limits import SERVER, Limits

from .conftest import ROOT, Press

SLUG = "unwind-a-tight-back"
COUNTS = ["audience", "pending", "sending", "sent", "refused", "failed", "skipped", "in_doubt", "bounced", "complained"]


def test_help_names_every_command_and_ends_with_0(press: Press) -> None:
    answer = press("--help")
    assert answer.code == 0
    assert all(name in answer.out for name in ("up", "serve", "worker", "db", "editors", "issues", "subscribers"))


@pytest.mark.parametrize("reads", [["issues", "list"], ["db", "check"], ["consent", "verify"]])
def test_a_command_that_only_reads_waits_for_nobody_who_writes(
    loaded: Press, environment: dict[str, str], reads: list[str]
) -> None:
    writer = sqlite3.connect(f"{environment['DATA_DIR']}/newsletter.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    answer = loaded(*reads)
    writer.close()
    assert (answer.code, answer.err) == (0, "")


@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["issues", "schedule"],
        ["issues", "send", SLUG],
        ["db"],
        ["issues", "pause", SLUG, "--correction", "9" * 20],
    ],
)
def test_wrong_usage_ends_with_2(press: Press, wrong: list[str]) -> None:
    assert press(*wrong).code == 2


def test_a_command_before_the_upgrade_says_to_upgrade(press: Press) -> None:
    answer = press("issues", "list")
    assert (answer.code, answer.err) == (1, "the database is empty; run `newsletter db upgrade`\n")


def test_a_misspelt_setting_stops_the_start_with_one_line_that_names_it(press: Press) -> None:
    answer = press("db", "check", MAIL_SEVER="smtp.example.org")
    assert (answer.code, answer.err) == (1, "MAIL_SEVER is not a setting; did you mean MAIL_SERVER?\n")


def test_a_malformed_setting_stops_the_start_with_one_line_that_names_it(press: Press) -> None:
    answer = press("db", "check", MAIL_PORT="smtp")
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert answer.err.startswith("MAIL_PORT: ")


def test_the_database_says_whether_it_is_current(press: Press) -> None:
    assert press("db", "check").code == 1
    assert press("db", "upgrade").code == 0
    assert press("db", "check").out == "the database is current\n"
    assert json.loads(press("db", "check", "--json").out) == {"schema": "current"}


def test_issues_are_listed_oldest_first_in_the_promised_shape(loaded: Press) -> None:
    listed = json.loads(loaded("issues", "list", "--json").out)
    assert len(listed) == 5
    assert listed[0] == {
        "slug": SLUG,
        "title": "Unwind a tight back",
        "subject": "Unwind a tight back: what massage can and cannot do",
        "publication": "backpainhelp",
        "state": "ready",
        "scheduled_for": None,
    }


def test_loading_twice_changes_nothing(loaded: Press) -> None:
    answer = loaded("issues", "load", str(ROOT / "issues"))
    assert answer.code == 0
    assert answer.out.count("unchanged") == 5


def test_a_folder_is_loaded_in_one_transaction_an_issue_so_that_nobody_waits_to_write(
    press: Press, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    shutil.copy(ROOT / "issues" / "publication.toml", folder)
    for number in range(7):
        (folder / f"2026-11-24-number-{number}.md").write_text(
            f"---\ntitle: N{number}\nsubject: A subject of its own\n---\nText.\n"
        )
    assert press("db", "upgrade").code == 0
    written: list[int] = []

    def count(*call: object) -> None:
        if written:
            written[-1] += str(call[2]).startswith("INSERT INTO revisions ")

    def begin(_connection: object) -> None:
        written.append(0)

    event.listen(Engine, "begin", begin)
    event.listen(Engine, "before_cursor_execute", count)
    try:
        assert press("issues", "load", str(folder)).code == 0
    finally:
        event.remove(Engine, "begin", begin)
        event.remove(Engine, "before_cursor_execute", count)
    assert [each for each in written if each] == [1] * 7


def test_a_folder_with_one_wrong_file_leaves_every_issue_alone(press: Press, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    shutil.copy(ROOT / "issues" / "publication.toml", folder)
    (folder / "2026-11-24-right.md").write_text("---\ntitle: A\nsubject: A subject of its own\n---\nText.\n")
    (folder / "2026-11-25-wrong.md").write_text(
        "---\ntitle: B\nsubject: A subject of its own\n---\n![A picture](gone.png)\n"
    )
    assert press("db", "upgrade").code == 0
    assert press("issues", "load", str(folder)).code == 1
    assert "right" not in press("issues", "list").out


def test_an_issue_is_rendered_as_a_reader_gets_it(loaded: Press, tmp_path: Path) -> None:
    assert loaded("issues", "render", SLUG, "--to", str(tmp_path / "out")).code == 0
    eml = (tmp_path / "out" / "issue.eml").read_bytes()
    message = message_from_bytes(eml, policy=default)
    text, html = (part.get_content() for part in message.iter_parts())
    assert (tmp_path / "out" / "issue.html").read_text() == html.replace("\r\n", "\n")
    assert (tmp_path / "out" / "issue.txt").read_text() == text.replace("\r\n", "\n")
    assert max(len(line) for line in eml.split(b"\r\n")) <= 998
    assert len(html.encode()) < 102_400


def test_an_issue_that_is_out_is_rendered_as_it_was_mailed_and_not_as_it_was_corrected(
    corrected: Press, tmp_path: Path
) -> None:
    assert "Ten minutes." in corrected("issues", "show", SLUG).out
    assert corrected("issues", "render", SLUG, "--to", str(tmp_path / "out")).code == 0
    assert "Ten minutes." not in (tmp_path / "out" / "issue.txt").read_text()


def test_scheduling_says_what_will_happen_and_cancelling_undoes_it(loaded: Press) -> None:
    answer = loaded("issues", "schedule", SLUG, "--at", "2036-11-25T09:00")
    assert answer.out == "On Tuesday 25 November 2036 at 09:00 (Europe/Warsaw) this goes to 0 readers.\n"
    shown = json.loads(loaded("issues", "show", SLUG, "--json").out)
    assert (shown["state"], shown["scheduled_for"]) == ("scheduled", "2036-11-25T08:00:00+00:00")
    again = loaded("issues", "schedule", SLUG)
    assert f"is already scheduled; unschedule it first: `newsletter issues cancel {SLUG}`" in again.err
    assert loaded("issues", "cancel", SLUG).code == 0
    assert json.loads(loaded("issues", "show", SLUG, "--json").out)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["schedule", SLUG, "--at", "2020-01-07T09:00"], "has passed"),
        (["schedule", SLUG, "--at", "2030-03-31T02:30"], "skip 02:30. Choose 03:30, or another time."),
        (["schedule", "no-such-issue"], "there is no issue 'no-such-issue'"),
        (["cancel", SLUG], "nothing to cancel"),
        (["pause", SLUG], "only an issue that is being sent can be paused"),
        (["list", "--publication", "gazette"], "there is no publication 'gazette'; known: backpainhelp"),
    ],
)
def test_what_cannot_be_done_ends_with_1_and_the_reason(loaded: Press, arguments: list[str], reason: str) -> None:
    answer = loaded("issues", *arguments)
    assert answer.code == 1
    assert reason in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("garbled", ["tomorrow", "", "2036-11-25"])
def test_a_moment_that_is_none_is_wrong_usage(loaded: Press, garbled: str) -> None:
    answer = loaded("issues", "schedule", SLUG, "--at", garbled)
    assert answer.code == 2
    assert "Give a day and a time, like 2026-11-24T09:00." in answer.err
    assert json.loads(loaded("issues", "show", SLUG, "--json").out)["state"] == "ready"


def test_the_ledgers_counts_have_the_promised_keys(loaded: Press) -> None:
    status = json.loads(loaded("issues", "status", SLUG, "--json").out)
    assert list(status) == ["state", *COUNTS]
    assert status["state"] == "ready"


def test_an_issue_that_preflight_blocks_ends_the_check_with_1(loaded: Press, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "publication.toml").write_text((ROOT / "issues" / "publication.toml").read_text())
    (folder / "2027-01-05-unwritten.md").write_text("---\ntitle: Unwritten\nsubject: Unwritten so far\n---\nTK\n")
    assert loaded("issues", "load", str(folder)).code == 0
    answer = loaded("issues", "check", "unwritten")
    assert answer.code == 1
    assert answer.out.startswith("blocking: a placeholder is left in the text; write what belongs there (line 5)\n")
    refused = [loaded("issues", *act, "unwritten") for act in (["schedule"], ["send", "--now"], ["ready"])]
    assert [(one.code, "blocking: a placeholder" in one.err) for one in refused] == [(1, True)] * 3
    assert loaded("issues", "check", SLUG).code == 0


def test_a_check_tells_why_and_how_heavy_the_mail_is(loaded: Press) -> None:
    said = loaded("issues", "check", SLUG).out
    assert "note: the links have not been checked; open them yourself" in said
    assert "\n    A page that is gone costs readers' trust, and an email cannot be recalled.\n" in said
    assert re.search(r"The email has [0-9,]+ bytes of HTML; Gmail shows 102,400", said)
    document = json.loads(loaded("issues", "check", SLUG, "--json").out)
    assert document["bytes"] == sum(block["bytes"] for block in document["blocks"])
    assert {"level", "message", "mend", "line", "column", "why", "source", "rule"} == set(document["findings"][0])


def test_a_draft_goes_to_nobody_until_it_is_said_to_be_ready(loaded: Press, environment: dict[str, str]) -> None:
    back_to_draft(environment)
    refused = [loaded("issues", *act, SLUG) for act in (["schedule"], ["send", "--now"])]
    assert [one.code for one in refused] == [1, 1]
    assert all(f"is a draft; mark it as ready first: `newsletter issues ready {SLUG}`" in one.err for one in refused)
    assert loaded("issues", "ready", SLUG).out == f"{SLUG} is ready\n"
    assert loaded("issues", "schedule", SLUG).code == 0


def test_loading_an_unchanged_file_leaves_the_desks_word_as_it_is(loaded: Press, environment: dict[str, str]) -> None:
    back_to_draft(environment)
    assert "unchanged" in loaded("issues", "load", str(ROOT / "issues")).out
    assert json.loads(loaded("issues", "show", SLUG, "--json").out)["state"] == "draft"


def test_a_publication_without_a_sender_takes_the_default_one(press: Press, tmp_path: Path) -> None:
    described = (ROOT / "issues" / "publication.toml").read_text()
    lines = [line for line in described.splitlines() if not line.startswith("sender_address")]
    (tmp_path / "publication.toml").write_text("\n".join(lines))
    (tmp_path / "2027-01-05-plain.md").write_text("---\ntitle: Plain\nsubject: A plain subject\n---\nText.\n")
    press("db", "upgrade")
    refused = press("issues", "load", str(tmp_path))
    assert (refused.code, "or set MAIL_DEFAULT_SENDER" in refused.err) == (1, True)
    assert press("issues", "load", str(tmp_path), MAIL_DEFAULT_SENDER="Press <press@letters.example>").code == 0
    press("issues", "render", "plain", "--to", str(tmp_path / "out"))
    assert "press@letters.example" in message_from_bytes((tmp_path / "out" / "issue.eml").read_bytes())["From"]


def test_broken_front_matter_is_named_with_file_line_and_field(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "publication.toml").write_text((ROOT / "issues" / "publication.toml").read_text())
    (tmp_path / "2027-01-05-short.md").write_text("---\ntitle: Short\nsubject: Short\n---\nText.\n")
    answer = loaded("issues", "load", str(tmp_path))
    assert answer.code == 1
    assert "2027-01-05-short.md:3: subject has 5 characters; 10 to 78 fit an inbox line" in answer.err


def test_dumped_issues_are_the_files_that_were_loaded(loaded: Press, tmp_path: Path) -> None:
    assert loaded("issues", "dump", str(tmp_path / "out")).code == 0
    for path in (ROOT / "issues").glob("*.md"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_readers_are_imported_shown_exported_and_erased(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email,name\nada@reader.example,Ada\nnonsense,\n")
    answer = loaded("subscribers", "import", "list.csv", "--status", "active", "--consent", "paper form, May 2026")
    assert (answer.code, answer.out) == (1, "1 added, 0 already there, 0 left alone, 0 ended, 1 refused\n")
    assert answer.err.startswith("line 3: ")
    shown = json.loads(loaded("subscribers", "show", "ADA@reader.example", "--json").out)
    assert (shown["email"], shown["name"]) == ("ada@reader.example", "Ada")
    assert [(one["publication"], one["status"]) for one in shown["subscriptions"]] == [("backpainhelp", "active")]
    assert shown["events"][0]["note"].startswith("paper form, May 2026")
    assert "ada@reader.example,Ada,active," in loaded("subscribers", "export").out
    assert loaded("subscribers", "erase", "ada@reader.example", "--yes").code == 0
    erased = loaded("subscribers", "show", "Ada@reader.example")
    assert erased.code == 1
    assert "was erased on" in erased.err
    again = loaded("subscribers", "import", "list.csv", "--status", "active", "--consent", "paper form, May 2026")
    assert again.out == "0 added, 0 already there, 1 left alone, 0 ended, 1 refused\n"


def test_active_readers_need_a_proof_of_consent(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\nada@reader.example\n")
    answer = loaded("subscribers", "import", "list.csv", "--status", "active")
    assert answer.code == 1
    assert "--consent" in answer.err


def test_a_rehearsal_tells_what_would_happen(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email,name\nada@reader.example,Ada\nben@other.example,\n")
    loaded("subscribers", "import", "list.csv", "--status", "active", "--consent", "paper form, May 2026")
    told = json.loads(loaded("issues", "rehearse", SLUG, "--json", MAIL_RATE="0.1").out)
    assert (told["readers"], told["suppressed"], told["blank_fields"], told["errors"]) == (2, 0, {}, {})
    assert 10_000 < told["size"]["least"] <= told["size"]["median"] <= told["size"]["largest"] < 102_400
    assert told["domains"]["top"] == [{"domain": name, "readers": 1} for name in ("other.example", "reader.example")]
    assert (told["seconds"] >= 10, told["blocking"]) == (True, [])
    answer = loaded("issues", "rehearse", SLUG)
    assert (answer.code, answer.out.splitlines()[0]) == (0, "2 readers; suppressed, and so left out: 0")
    assert answer.err == ""


def test_a_rehearsal_of_a_draft_ends_with_1_and_says_what_blocks(loaded: Press, environment: dict[str, str]) -> None:
    back_to_draft(environment)
    answer = loaded("issues", "rehearse", SLUG)
    assert (answer.code, "blocking: “Unwind a tight back” is a draft" in answer.out) == (1, True)
    assert "Traceback" not in answer.err


def test_copies_in_doubt_are_listed_and_settled(loaded: Press, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\nada@reader.example\nben@reader.example\nzoe@reader.example\n")
    loaded("subscribers", "import", "list.csv", "--status", "active", "--consent", "paper form, May 2026")
    assert loaded("issues", "doubts", SLUG).out == "nothing is in doubt\n"
    told = loaded("issues", "settle", SLUG, "--leave").err
    assert told == "it has not started to go out, so no copies are in doubt\n"
    loaded("issues", "send", SLUG, "--now")
    put_in_doubt(environment)
    # The oldest first, and these were written at once.
    listed = sorted(json.loads(loaded("issues", "doubts", SLUG, "--json").out), key=lambda one: one["address"])
    assert [one["address"] for one in listed] == ["a…@reader.example", "b…@reader.example", "z…@reader.example"]
    assert listed[0]["heard"] == "451 4.3.0 <a…@reader.example> later"
    assert len({one["message_id"] for one in listed}) == 3
    assert all(one["message_id"].endswith("@backpainhelp.example>") for one in listed)
    first, second, third = (str(one["copy"]) for one in listed)
    assert loaded("issues", "settle", SLUG).code == 2
    assert loaded("issues", "settle", SLUG, "--sent", "--copy", first).out == "1 copy settled as sent\n"
    assert loaded("subscribers", "erase", "ben@reader.example", "--yes").code == 0
    again = loaded("issues", "settle", SLUG, "--resend", "--copy", second, "--copy", third)
    assert again.out.splitlines() == [
        "1 copy to be sent again, under the same Message-ID",
        f"copy {second} is not sent again: its reader is erased",
    ]
    assert loaded("issues", "doubts", SLUG, "--json").out == "[]\n"
    counts = json.loads(loaded("issues", "status", SLUG, "--json").out)
    assert (counts["state"], counts["in_doubt"], counts["pending"]) == ("sending", 2, 1)


def test_status_says_why_nothing_goes_out_and_until_when(loaded: Press, environment, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\nada@reader.example\n")
    loaded("subscribers", "import", "list.csv", "--status", "active", "--consent", "paper form, May 2026")
    assert loaded("issues", "send", SLUG, "--now").code == 0
    assert "held" not in loaded("issues", "status", SLUG).out
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    with Sessions(engine).begin() as session:
        ClaimLimiter(Limits(), "a worker").slow_down(session, SERVER, datetime.now(UTC))
    engine.dispose()
    *_, said = loaded("issues", "status", SLUG).out.splitlines()
    assert said.startswith("held until ")
    assert said.endswith(": the mail server asked for less; nothing is sent for 10 minutes")


def test_issues_go_out_with_the_bulk_sender_and_replies_reach_the_publication(loaded: Press, tmp_path: Path) -> None:
    bulk = {"BULK_MAIL_DEFAULT_SENDER": "Bulk <issues@bulk.example>"}
    assert loaded("issues", "render", SLUG, "--to", str(tmp_path / "out"), **bulk).code == 0
    message = message_from_bytes((tmp_path / "out" / "issue.eml").read_bytes())
    assert message["From"] == "BackPainHelp <issues@bulk.example>"
    assert message["Reply-To"] == "desk@backpainhelp.example"
    assert message["List-Id"] == "BackPainHelp <backpainhelp.backpainhelp.example>"


def test_an_editor_is_added_once_with_a_one_time_link(loaded: Press) -> None:
    answer = loaded("editors", "add", "ann@press.example", "--role", "owner")
    assert answer.code == 0
    assert "http://127.0.0.1:8000/desk/sign-in/" in answer.out
    assert loaded("editors", "add", "ann@press.example").code == 1
    assert "/desk/sign-in/" in loaded("editors", "link", "Ann@press.example").out
    assert loaded("editors", "link", "bob@press.example").code == 1


def test_a_short_password_is_refused_and_nobody_is_added(loaded: Press) -> None:
    answer = loaded("editors", "add", "ann@press.example", "--password-stdin", stdin="short\n")
    assert (answer.code, "needs 10 to 200 characters" in answer.err) == (1, True)
    assert loaded("editors", "add", "ann@press.example", "--password-stdin", stdin="long enough, really\n").code == 0


def test_a_worker_without_a_mail_server_says_what_to_set(loaded: Press) -> None:
    answer = loaded("worker")
    assert (answer.code, answer.err.startswith("MAIL_SERVER is not set")) == (1, True)


def test_a_taken_port_is_named_with_the_setting_to_change(loaded: Press) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = loaded("serve", PORT=str(taken.getsockname()[1]))
    assert answer.code == 1
    assert "is taken; set PORT to a free one" in answer.err


def put_in_doubt(environment: dict[str, str]) -> None:
    """What `IN_DOUBT=hold` leaves behind after a kill, once the rest is out."""
    with sqlite3.connect(f"{environment['DATA_DIR']}/newsletter.db") as store:
        store.execute("UPDATE copies SET state = 'in_doubt', begun_at = not_before, ended_at = not_before")
        store.execute("UPDATE copies SET reply = '451 4.3.0 <' || address || '> later'")
        store.execute("UPDATE letters SET state = 'finished', finished_at = started_at")
    store.close()


def back_to_draft(environment: dict[str, str]) -> None:
    """What the desk's button does."""
    with sqlite3.connect(f"{environment['DATA_DIR']}/newsletter.db") as store:
        store.execute("UPDATE issues SET readiness = 'draft' WHERE slug = ?", [SLUG])
    store.close()
