"""The doctor's rules about mail servers, the web, the database and this machine: facts in, findings out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.doctor import CHECKS, run_checks
from newsletter.doctor.facts import (
    ClockFacts,
    DatabaseFacts,
    MachineFacts,
    RelayFacts,
    SystemFacts,
    WebFacts,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALL = frozenset({"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "STARTTLS"})
RELAY = RelayFacts("MAIL_SERVER", "smtp.example.org", "smtp.example.org:587", False, extensions=ALL, is_encrypted=True)
WELL = SystemFacts(
    now=NOW,
    asked_outside=True,
    sender_addresses=("letters@example.org",),
    return_path="bounces.example.org",
    relays=(RELAY,),
    web=WebFacts("https://letters.example.org", is_asked=True, proxy_hops=1),
    machine=MachineFacts("/var/lib/press", {"/var/lib/press": ""}, 5 << 30, last_backup=NOW - timedelta(hours=3)),
    database=DatabaseFacts("sqlite", size=7 << 20, sync=timedelta(milliseconds=2), workers=1),
)


def told(facts: SystemFacts) -> list[tuple[str, str, str]]:
    """Level, message and line of all that is not well."""
    return [(each.level.value, each.message, each.line) for each in run_checks(facts) if each.level != "ok"]


def changed(part: str, **changes: Any) -> SystemFacts:
    if part == "relay":
        return replace(WELL, relays=(replace(RELAY, **changes),))
    return replace(WELL, **{part: replace(getattr(WELL, part), **changes)}) if part else replace(WELL, **changes)


def test_where_all_is_well_nothing_is_told() -> None:
    assert told(WELL) == []


@pytest.mark.parametrize(
    ("part", "changes", "finding"),
    [
        ("", {"relays": ()}, ("hint", "no mail server is set", "MAIL_SERVER=mail.example.org")),
        ("", {"sender_addresses": ()}, ("warning", "there is no publication yet", "newsletter issues load")),
        ("", {"key_problem": "the key is open to others"}, ("error", "the key is open to others", "")),
        ("", {"return_path": "", "senders": ()}, None),
        ("relay", {"fault": "Connection refused"}, ("error", "Connection refused", "")),
        ("relay", {"is_encrypted": False}, ("warning", "mail is handed over readable", "MAIL_USE_TLS=true")),
        ("relay", {"extensions": ALL - {"SMTPUTF8"}}, ("hint", "it has no SMTPUTF8", "")),
        (
            "relay",
            {"clock": ClockFacts("smtp.example.org", timedelta(seconds=-90))},
            ("warning", "our clock is 90 seconds behind that of smtp.example.org", "timedatectl set-ntp true"),
        ),
        (
            "relay",
            {"clock": ClockFacts("smtp.example.org", timedelta(hours=1))},
            ("error", "our clock is 3600 seconds before that of smtp.example.org", "timedatectl set-ntp true"),
        ),
        ("web", {"url": "http://letters.example.org"}, ("error", "links lead to http://letters", "BASE_URL=https://")),
        ("web", {"proxy_hops": 0}, ("warning", "links are https, so there is a proxy", "PROXY_HOPS=1")),
        ("web", {"listens_locally": False, "listens": "0.0.0.0"}, ("hint", "1 proxies are trusted", "")),  # noqa: S104
        ("web", {"health": "does not answer"}, ("error", "https://letters.example.org does not answer", "")),
        ("web", {"one_click": "answers 405 to a POST"}, ("error", "https://letters.example.org/unsubscribe/ answ", "")),
        ("machine", {"free_bytes": 9 << 20}, ("warning", "9.0 MB are free", "")),
        ("machine", {"disks": {"/var": "the disk is full"}}, ("error", "the disk is full", "")),
        ("machine", {"open_files": (".env",)}, ("warning", "other users of this machine", "chmod go-rwx .env")),
        ("machine", {"last_backup": None}, ("warning", "no backup has been made", "newsletter backup press-")),
        (
            "machine",
            {"last_backup": NOW - timedelta(days=5)},
            ("warning", "the last backup was made on 2026-11-15 at 12:00 UTC, 5 days ago", "newsletter backup press-"),
        ),
        ("database", {"fault": "no such file"}, ("error", "the database does not answer: no such file", "")),
        ("database", {"schema": "the database is empty"}, ("error", "the database is empty", "newsletter db upgrade")),
        ("database", {"log_size": 1 << 30}, ("warning", "the write-ahead log has grown to 1.0 GB", "")),
        ("database", {"sync": timedelta(milliseconds=80)}, ("warning", "a write to its disk takes 80.0 ms", "")),
        ("database", {"is_durable": False}, ("error", "PostgreSQL answers before a commit", "fsync = on")),
        ("database", {"workers": 0}, ("error", "no worker is running; none ever ran", "newsletter worker")),
        ("database", {"sends": False}, ("warning", "sending is off", "newsletter arm")),
        (
            "database",
            {"oldest_mail": NOW - timedelta(hours=1)},
            ("warning", "the oldest email in the outbox has been waiting since 2026-11-20 11:00 UTC", ""),
        ),
        ("database", {"oldest_copies": NOW - timedelta(minutes=5)}, None),
        (
            "database",
            {"unread_mailboxes": {"press at imap.example.org:993, INBOX": "it does not answer"}},
            ("error", "the mailbox press at imap.example.org:993, INBOX cannot be read: it does not answer", ""),
        ),
        ("database", {"sent_last": NOW - timedelta(days=3)}, ("warning", "no bounce has ever come in by any way", "")),
        ("database", {"sent_last": NOW - timedelta(days=3), "heard": {"postmark": NOW - timedelta(days=2)}}, None),
    ],
)
def test_what_is_not_well_is_told_with_what_to_do(
    part: str, changes: dict[str, Any], finding: tuple[str, str, str] | None
) -> None:
    found = told(changed(part, **changes))
    if finding is None:
        assert found == []
        return
    level, message, line = finding
    assert any(one[0] == level and one[1].startswith(message) and one[2].startswith(line) for one in found), found


def test_a_webhook_that_was_set_up_and_never_came_is_told_with_its_address() -> None:
    found = told(replace(changed("database", sent_last=NOW - timedelta(days=3)), hooks=("postmark",)))
    assert [line for _, _, line in found] == ["https://letters.example.org/hooks/postmark"]


def test_nothing_is_said_of_the_dns_where_it_was_not_asked() -> None:
    here = replace(changed("relay", is_here=True), asked_outside=False)
    assert [message for _, message, _ in told(here)] == ["nothing outside this machine was asked"]


def test_sns_drops_events_after_a_minute() -> None:
    assert [level for level, *_ in told(replace(WELL, hooks=("ses",)))] == ["hint"]


def test_each_rule_says_why_it_matters() -> None:
    assert [check.name for check in CHECKS if not check.why.endswith(".")] == []
