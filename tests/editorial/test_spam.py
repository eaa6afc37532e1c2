from datetime import datetime
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.editorial.external_checks import spam_checks
from newsletter.editorial.issues import issue_store
from newsletter.editorial.preflight import SpamVerdict
from newsletter.editorial.source import issue_file
from newsletter.publications import Publication

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What every spam filter takes for spam, by agreement."""


def mail(text: str) -> bytes:
    head = "From: a@letters.example\nTo: b@reader.example\nSubject: A tight back\nMessage-ID: <1@letters.example>\n"
    return f"{head}Date: Tue, 24 Nov 2026 09:00:00 +0000\n\n{text}\n".encode()


def test_spam_is_told_from_a_letter_with_its_points(spamassassin: str) -> None:
    assert spamassassin == spam_checks.command()
    said, good = spam_checks.run_spamassassin(mail(GTUBE)), spam_checks.run_spamassassin(mail("Lie down and rest."))
    assert said
    assert good
    assert (said.threshold, good.threshold) == (5.0, 5.0)
    assert (said.score or 0) > 900
    assert "GTUBE" in said.tests
    assert (good.score or 0) < 5


def test_a_judge_that_is_to_stop_says_nothing(spamassassin: str) -> None:
    assert spamassassin
    assert spam_checks.run_spamassassin(mail("Lie down."), stopping=lambda: True) is None


@pytest.mark.parametrize(
    ("script", "fault"),
    [("exit 1", "cannot be read"), ("cat >/dev/null; echo nonsense", "cannot be read"), (None, "not installed")],
)
def test_a_filter_that_is_missing_or_broken_is_told_as_a_fault(
    script: str | None, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if script else str(tmp_path))
    if script:
        (tmp_path / "spamassassin").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "spamassassin").chmod(0o755)
    said = spam_checks.run_spamassassin(mail("Lie down."))
    assert said
    assert (said.score, fault in said.fault) == (None, True)


@pytest.fixture
def issue_id(sessions: Sessions, now: datetime) -> int:
    source = "---\ntitle: Plain\nsubject: A plain subject\n---\nText.\n"
    with sessions.begin() as session:
        words = {"name": "Letter", "sender_name": "Letter", "sender_address": "a@letters.example"}
        session.add(home := Publication(slug="letter", postal_address="1 Example Street", created_at=now, **words))
        session.flush()
        text = issue_store.Text(issue_file.parse(source, "2026-11-24-plain.md"), "2026-11-24-plain.md", {})
        issue_store.save(session, home, text, issue_store.BY_FILE, now)
        return issue_store.find(session, "plain").id


def test_content_is_asked_about_once_and_the_verdict_is_kept(sessions: Sessions, now: datetime, issue_id: int) -> None:
    said = SpamVerdict(1.5, 5.0, ("A_TEST",))
    with sessions.begin() as session:
        assert spam_checks.verdict(session, "hash") == spam_checks.NOT_ASKED
        spam_checks.request_check(session, issue_id, "hash", now)
        assert (spam_checks.is_waiting(session, "hash"), spam_checks.is_due(session, now)) == (True, True)
        assert list(spam_checks.claim(session, 9, now)) == [("hash", issue_id)]
        assert list(spam_checks.claim(session, 9, now)) == []
        spam_checks.record(session, "hash", said, now)
        spam_checks.record(session, "hash", spam_checks.CHANGED, now)  # by a worker that stalled
    with sessions.begin() as session:
        spam_checks.request_check(session, issue_id, "hash", now)
        assert (spam_checks.verdict(session, "hash"), spam_checks.is_due(session, now)) == (said, False)


def test_content_about_which_nothing_was_said_can_be_asked_about_again(
    sessions: Sessions, now: datetime, issue_id: int
) -> None:
    with sessions.begin() as session:
        spam_checks.request_check(session, issue_id, "hash", now)
        spam_checks.record(session, "hash", spam_checks.NOT_INSTALLED, now)
    with sessions.begin() as session:
        assert spam_checks.verdict(session, "hash") == spam_checks.NOT_INSTALLED
        spam_checks.request_check(session, issue_id, "hash", now)
        session.expire_all()
        assert spam_checks.is_waiting(session, "hash")
