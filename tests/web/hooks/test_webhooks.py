"""Webhooks as they come in: who is believed, what is kept, and which status the provider gets for it."""

import hashlib
import hmac
import json
import logging
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from structlog.testing import capture_logs

from newsletter.audience.models import Status, Subscription
from newsletter.db import DatabaseDown
from newsletter.delivery.bounces import suppression, webhooks
from newsletter.delivery.bounces.events import BounceEvent, RawReport
from newsletter.delivery.bounces.report import Hardness, Kind, Reason, Recipient, Report
from newsletter.delivery.models import Cause, Copy, CopyState
from newsletter.editorial.issues import issue_store
from newsletter.web import create_app
from newsletter.web.hooks.mailgun import Mailgun
from newsletter.web.hooks.webhook import Event, PostEvents
from newsletter.wiring import Services
from newsletter.workflows import publish, record_bounce
from newsletter.workflows.build_letter import LetterSettings
from tests import sample_services
from tests.sample_services import NOW, Clock
from tests.web.hooks import signing
from tests.web.hooks.signing import SECRET, Signed, ses_bounce

ADA = "ada@example.org"
SES = ses_bounce("Permanent", "NoEmail")
POSTMARK = {"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": ADA, "BouncedAt": "2026-11-20T11:59:00Z"}
SENDGRID = [{"event": "bounce", "type": "bounce", "email": ADA, "timestamp": 1795175940, "sg_event_id": "e-1"}]
MAILGUN = {"event": "failed", "severity": "permanent", "reason": "suppress-bounce", "recipient": ADA}
BREVO = {"event": "hard_bounce", "email": ADA, "ts_epoch": 1795175940000, "message-id": "<1@x>"}
RESEND = {
    "type": "email.bounced",
    "created_at": "2026-11-20T11:59:00Z",
    "data": {"to": [ADA], "bounce": {"type": "Permanent"}},
}
POSTS: dict[str, Signed] = {
    "ses": signing.sns(SES),
    "postmark": signing.with_password(POSTMARK, "postmark"),
    "sendgrid": signing.sendgrid(SENDGRID),
    "mailgun": signing.mailgun(MAILGUN),
    "brevo": signing.with_password(BREVO, "brevo"),
    "resend": signing.resend(RESEND),
}
PROVIDERS = pytest.mark.parametrize("name", POSTS)
MOST_AND_BREVO = pytest.mark.parametrize("name", ["ses", "brevo"])


def send(client: FlaskClient, name: str, signed: Signed, path: str = "", **more: Any) -> int:
    headers, body = signed
    return client.post(f"/hooks/{name}{path}", data=body, headers=headers, **more).status_code


def events(services: Services) -> list[BounceEvent]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(BounceEvent).order_by(BounceEvent.id)))


def unsigned(name: str, body: bytes) -> Signed:
    return POSTS[name][0], body


@PROVIDERS
def test_an_event_is_recorded_once_however_often_it_comes(name: str, program: FlaskClient, services: Services) -> None:
    answers = [program.post(f"/hooks/{name}", data=POSTS[name][1], headers=POSTS[name][0]) for _ in range(3)]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok\n")] * 3
    assert all("Set-Cookie" not in answer.headers for answer in answers)
    [event] = events(services)
    assert (event.way, event.kind, event.key, event.source.partition(":")[0]) == (name, Kind.BOUNCE, ADA, name)
    with services.sessions.reading() as session:
        assert [one.cause for one in suppression.list_causes(session, ADA)] == [Cause.BOUNCE]
        assert ADA.encode() in session.scalars(select(RawReport.raw)).one()
        assert webhooks.last_seen(session) == {name: NOW}


@MOST_AND_BREVO
def test_without_its_secret_a_webhook_is_closed(name: str, services: Services, clock: Clock) -> None:
    closed = sample_services.build(services.sessions, services.settings.data_dir)
    answer = create_app(closed, clock).test_client().post(f"/hooks/{name}", data=POSTS[name][1], headers=POSTS[name][0])
    # Brevo comes again after 429 alone; the others after this, too. Somebody may be about to set it.
    assert answer.status_code == (429 if name == "brevo" else 503)
    assert "BOUNCE_" in answer.text
    assert events(services) == []


@PROVIDERS
def test_what_nobody_signed_is_refused(name: str, program: FlaskClient, services: Services) -> None:
    body = POSTS[name][1]
    if name == "mailgun":
        assert send(program, name, signing.mailgun(MAILGUN, key="another key")) == 401
    elif name in {"postmark", "brevo"}:
        assert send(program, name, signing.with_password(POSTMARK, name, "a wrong password")) == 401
        assert send(program, name, signing.with_password(POSTMARK, "somebody")) == 401
        assert send(program, name, ({"authorization": "Basic ???"}, body)) == 401
        assert send(program, name, ({"authorization": "Bearer"}, body), f"/{SECRET}x") == 401
        assert send(program, name, ({"authorization": "Bearer "}, body)) == 401
    else:
        assert send(program, name, unsigned(name, body + b" ")) == (401 if name != "ses" else 200)
    assert send(program, name, ({}, body)) == (200 if name == "mailgun" else 401)
    assert {event.way for event in events(services)} <= {"ses", "mailgun"}


@pytest.mark.parametrize("name", ["postmark", "brevo"])
def test_the_secret_may_be_a_password_a_bearer_token_or_part_of_the_address(
    name: str, program: FlaskClient, services: Services
) -> None:
    body = POSTS[name][1]
    for end in ("", "/"):
        assert send(program, name, ({}, body), f"/{SECRET}{end}") == 200
        assert send(program, name, ({"Authorization": f"Bearer {SECRET}"}, body), end) == 200
    assert program.post(f"/hooks/{name}", data=body, auth=(name, SECRET)).status_code == 200
    assert len(events(services)) == 1


def test_the_secret_of_one_provider_opens_no_other(services: Services, clock: Clock) -> None:
    other = sample_services.build(services.sessions, services.settings.data_dir, bounce_brevo_secret=SECRET)
    program = create_app(other, clock).test_client()
    assert send(program, "brevo", signing.with_password(BREVO, "postmark")) == 401
    assert send(program, "postmark", signing.with_password(POSTMARK, "brevo")) == 503


def test_a_secret_is_changed_while_both_count(program: FlaskClient) -> None:
    assert send(program, "mailgun", signing.mailgun(MAILGUN, key=f"{SECRET}-of-last-year")) == 200
    headers, body = signing.resend(RESEND)
    other = signing.resend(RESEND, secret="whsec_" + "QUJD" * 8)[0]["svix-signature"]
    both = headers | {"svix-signature": f"v1a,AAAA {other} {headers['svix-signature']}"}
    assert send(program, "resend", (both, body)) == 200
    assert send(program, "resend", (headers | {"svix-signature": f"v1a,AAAA {other}"}, body)) == 401


def test_the_headers_of_resend_may_have_the_names_of_the_standard(program: FlaskClient) -> None:
    headers, body = signing.resend(RESEND)
    standard = {name.replace("svix", "webhook"): value for name, value in headers.items()}
    assert send(program, "resend", (standard, body)) == 200


def test_the_key_of_resend_is_what_its_text_stands_for(program: FlaskClient) -> None:
    headers, body = signing.resend(RESEND)
    signed = f"{headers['svix-id']}.{headers['svix-timestamp']}.".encode() + body
    as_text = b64encode(hmac.digest(signing.SIGNING_SECRET.encode(), signed, hashlib.sha256)).decode()
    assert send(program, "resend", (headers | {"svix-signature": f"v1,{as_text}"}, body)) == 401


@pytest.mark.parametrize(
    ("signed", "name", "status"),
    [
        (signing.sns(SES, at=NOW - timedelta(minutes=61)), "ses", 403),
        (signing.sendgrid(SENDGRID, NOW - timedelta(hours=25)), "sendgrid", 403),
        (signing.sendgrid(SENDGRID, NOW - timedelta(hours=23)), "sendgrid", 200),
        (signing.mailgun(MAILGUN, at=NOW - timedelta(hours=13)), "mailgun", 406),
        (signing.mailgun(MAILGUN, at=NOW - timedelta(hours=8)), "mailgun", 200),
        (signing.mailgun(MAILGUN, at=NOW + timedelta(hours=1)), "mailgun", 406),
        (signing.resend(RESEND, at=NOW - timedelta(minutes=6)), "resend", 403),
        (signing.resend(RESEND, at=NOW + timedelta(minutes=6)), "resend", 403),
    ],
)
def test_what_was_signed_too_long_ago_is_refused(signed: Signed, name: str, status: int, program: FlaskClient) -> None:
    assert send(program, name, signed) == status


def test_a_token_of_mailgun_counts_once_whatever_event_is_put_beside_it(
    program: FlaskClient, services: Services
) -> None:
    assert send(program, "mailgun", signing.mailgun({"event": "opened", "recipient": ADA})) == 200
    assert send(program, "mailgun", signing.mailgun({"event": "complained", "recipient": ADA})) == 200
    assert events(services) == []
    assert send(program, "mailgun", signing.mailgun(MAILGUN, token="token-2")) == 200
    assert len(events(services)) == 1
    with services.sessions.begin() as session:
        assert webhooks.prune(session, NOW + timedelta(hours=47)) == 0
        assert webhooks.prune(session, NOW + timedelta(hours=48)) == 2


def test_a_topic_of_somebody_else_is_refused(program: FlaskClient, services: Services) -> None:
    assert send(program, "ses", signing.sns(SES, TopicArn=f"{signing.TOPIC}-too")) == 403
    assert events(services) == []


def test_a_subscription_is_confirmed_only_at_amazon(program: FlaskClient, amazon: signing.Amazon) -> None:
    assert send(program, "ses", signing.confirmation(SubscribeURL="https://evil.example/")) == 401
    assert send(program, "ses", signing.confirmation()) == 200
    assert amazon.asked == [signing.CERTIFICATE, signing.SUBSCRIBE]


@pytest.mark.parametrize(
    ("name", "signed", "status"),
    [
        ("ses", ({}, b"not JSON"), 400),
        ("postmark", signing.with_password(b"not JSON", "postmark"), 403),
        ("postmark", signing.with_password([1], "postmark"), 403),
        ("sendgrid", signing.sendgrid(b"not JSON"), 400),
        ("mailgun", ({}, b"\xff"), 406),
        ("brevo", signing.with_password(b"not JSON", "brevo"), 400),
        ("resend", signing.resend(b"not JSON"), 410),
    ],
)
def test_what_can_never_be_right_is_answered_so_that_it_does_not_come_again(
    name: str, signed: Signed, status: int, program: FlaskClient
) -> None:
    assert send(program, name, signed) == status


@MOST_AND_BREVO
def test_while_the_database_is_away_the_event_may_come_again(
    name: str, program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise DatabaseDown("SELECT 1", {}, ConnectionError("no route"))

    with monkeypatch.context() as broken:
        broken.setattr(services.sessions, "begin", refuse)
        answer = program.post(f"/hooks/{name}", data=POSTS[name][1], headers=POSTS[name][0])
    assert (answer.status_code, answer.headers["Retry-After"]) == (429 if name == "brevo" else 503, "300")
    assert send(program, name, POSTS[name]) == 200
    assert len(events(services)) == 1


@MOST_AND_BREVO
def test_a_fault_of_ours_reaches_no_provider_as_the_last_word(
    name: str, program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.workflows.record_bounce.record_report", lambda *_: 1 / 0)
    assert send(program, name, POSTS[name]) == (429 if name == "brevo" else 503)
    assert events(services) == []


@MOST_AND_BREVO
def test_a_body_of_more_than_a_megabyte_is_refused(name: str, program: FlaskClient, services: Services) -> None:
    headers, body = POSTS[name]
    assert send(program, name, (headers, body + b" " * 1_000_000)) == 413
    assert events(services) == []


@pytest.mark.parametrize("depth", [33, 9_000])
def test_what_is_nested_too_deep_is_refused(depth: int, program: FlaskClient) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    assert send(program, "postmark", signing.with_password(nested, "postmark")) == 403
    assert send(program, "resend", signing.resend(b"[" * depth + b"]" * depth)) == 410
    assert send(program, "ses", signing.sns((b"[" * depth + b"]" * depth).decode())) == 200, "kept as unknown"


def test_what_has_too_many_parts_is_not_even_parsed(program: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = b"[" + b"[]," * 300_000 + b"1]"
    monkeypatch.setattr(json, "loads", lambda *_args, **_more: pytest.fail("parsed"))
    assert send(program, "mailgun", ({}, parts)) == 406
    assert send(program, "ses", ({}, parts)) == 400


def test_a_batch_is_recorded_event_by_event(program: FlaskClient, services: Services) -> None:
    batch = [{**SENDGRID[0], "email": f"reader{n}@example.org", "sg_event_id": f"e-{n}"} for n in range(45)]
    assert send(program, "sendgrid", signing.sendgrid([*batch, {"event": "open"}, batch[0]])) == 200
    assert len(events(services)) == 45
    assert send(program, "brevo", signing.with_password([BREVO, BREVO | {"ts_epoch": 1795175941000}], "brevo")) == 200
    assert len(events(services)) == 47


def test_a_batch_that_comes_again_is_not_worked_through_again(
    program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [{**SENDGRID[0], "email": f"reader{n}@example.org", "sg_event_id": f"e-{n}"} for n in range(45)]
    assert send(program, "sendgrid", signing.sendgrid(batch[:40])) == 200
    record, recorded = record_bounce.record_report, []
    monkeypatch.setattr(record_bounce, "record_report", lambda *given: recorded.append(1) or record(*given))
    assert send(program, "sendgrid", signing.sendgrid(batch)) == 200
    assert (len(recorded), len(events(services))) == (5, 45)


def test_all_events_that_one_token_proves_are_recorded_and_only_once(
    program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient = Recipient("reader@example.org", Hardness.SOFT, Reason.MAILBOX_FULL)
    many = [Event(f"mailgun:{n}", Report(Kind.BOUNCE, (recipient,)), NOW, b"{}") for n in range(45)]
    monkeypatch.setattr(Mailgun, "read", lambda *_: PostEvents(many, "token-1"))
    for _ in range(2):
        assert send(program, "mailgun", signing.mailgun(MAILGUN)) == 200
    assert {event.source for event in events(services)} == {event.event_id for event in many}


def test_a_batch_that_breaks_off_goes_on_when_it_comes_again(
    program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [{**SENDGRID[0], "email": f"reader{n}@example.org", "sg_event_id": f"e-{n}"} for n in range(30)]
    note = webhooks.note_seen
    with monkeypatch.context() as broken:
        calls = iter([note])

        def fail_at_the_second(*given: Any) -> None:
            next(calls)(*given)

        broken.setattr(webhooks, "note_seen", fail_at_the_second)
        assert send(program, "sendgrid", signing.sendgrid(batch)) == 503
    assert len(events(services)) == 20
    assert send(program, "sendgrid", signing.sendgrid(batch)) == 200
    assert len(events(services)) == 30


def test_words_of_tomorrow_are_kept_counted_and_warned_of(program: FlaskClient, services: Services) -> None:
    with capture_logs() as logs:
        assert send(program, "brevo", signing.with_password({"event": "novelty", "email": ADA}, "brevo")) == 200
        several = [{"event": f"to {ADA}", "email": f"{n}@example.org"} for n in range(45)]
        assert send(program, "brevo", signing.with_password(several, "brevo")) == 200
    assert [(event.kind, event.decision) for event in events(services)] == [(Kind.NOT_A_BOUNCE, "ignored")] * 46
    assert [line["kind"] for line in logs if "unknown kind" in line["event"]] == ["novelty", "-"]
    assert (
        'webhook_events_total{outcome="unknown",provider="brevo"} 46.0'
        in program.get("/metrics", base_url="http://127.0.0.1").text
    )


def test_what_is_refused_is_counted_and_told_once_a_minute(program: FlaskClient, clock: Clock) -> None:
    with capture_logs() as logs:
        for _ in range(20):
            send(program, "postmark", ({}, POSTS["postmark"][1]), "/a-secret-of-somebody")
        clock.turn(minutes=1)
        send(program, "postmark", ({}, POSTS["postmark"][1]))
    assert len(logs) == 2
    assert "somebody" not in repr(logs)
    assert ADA not in repr(logs)
    metrics = program.get("/metrics", base_url="http://127.0.0.1").text
    assert 'newsletter_webhooks_refused_total{provider="postmark",why="unauthenticated"} 21.0' in metrics
    assert "a-secret" not in metrics


def test_when_a_provider_was_last_heard_of_is_kept_to_the_minute(
    program: FlaskClient, services: Services, clock: Clock
) -> None:
    opened = signing.with_password({"RecordType": "Open"}, "postmark")
    seen = []
    for seconds in (0, 30, 31):
        clock.turn(seconds=seconds)
        assert send(program, "postmark", opened) == 200
        with services.sessions.reading() as session:
            seen.append(webhooks.last_seen(session)["postmark"] - NOW)
    assert seen == [timedelta(), timedelta(), timedelta(seconds=61)]
    metrics = program.get("/metrics", base_url="http://127.0.0.1").text
    assert 'newsletter_webhook_last_seen_timestamp_seconds{provider="postmark"} 1.79517' in metrics


def test_webhooks_are_taken_over_https_only(services: Services, clock: Clock) -> None:
    plain = sample_services.build(
        services.sessions, services.settings.data_dir, "http://letters.example.org", bounce_postmark_secret=SECRET
    )
    program = create_app(plain, clock).test_client()
    assert send(program, "postmark", POSTS["postmark"], base_url="http://letters.example.org") == 403
    assert send(program, "postmark", POSTS["postmark"], base_url="http://127.0.0.1:8000") == 200, (
        "nothing left this machine"
    )
    forwarded = {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}
    assert send(program, "postmark", POSTS["postmark"], base_url="http://127.0.0.1", environ_overrides=forwarded) == 403


@pytest.mark.parametrize(
    ("hops", "protocol", "status"), [(1, "http", 403), (1, "https", 200), (1, "", 200), (0, "http", 200)]
)
def test_a_proxy_that_we_trust_tells_what_came_without_tls(
    hops: int, protocol: str, status: int, services: Services, clock: Clock
) -> None:
    behind = sample_services.build(
        services.sessions, services.settings.data_dir, bounce_postmark_secret=SECRET, proxy_hops=hops
    )
    said = {"HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_X_FORWARDED_PROTO": protocol}
    program = create_app(behind, clock).test_client()
    assert send(program, "postmark", POSTS["postmark"], environ_overrides=said) == status


def test_there_are_no_other_webhooks_and_nothing_to_see(program: FlaskClient) -> None:
    assert program.post("/hooks/nobody").status_code == 404
    assert program.get("/hooks/ses").status_code == 405
    assert program.post("/hooks").status_code == 404


@pytest.mark.parametrize("named_by", ["message-id", "return path", "address"])
def test_an_event_is_about_the_copy_that_it_names_and_else_about_its_address(
    named_by: str, stocked: Services, program: FlaskClient, reader: Subscription
) -> None:
    with stocked.sessions.begin() as session:
        publish.send_now(
            session, LetterSettings(stocked.links), issue_store.find(session, sample_services.WAITING), NOW
        )
    with stocked.sessions.begin() as session:
        copy = session.scalars(select(Copy).where(Copy.subscription_id == reader.id)).one()
        copy.state, copy.ended_at = CopyState.SENT, NOW
    seal, mail = stocked.links.seal, {"source": "letters@example.org"}
    if named_by == "message-id":
        name = f"<{seal.seal('message', copy.id)}@letters.example>"
        mail["headers"] = [{"name": "Message-ID", "value": name}]
    elif named_by == "return path":
        mail["source"] = f"bounce+{seal.seal_local_part('bounce', copy.id)}@bounces.example"
    told = {"complainedRecipients": [{"emailAddress": ADA if named_by == "address" else "ada@elsewhere.example"}]}
    message = {"notificationType": "Complaint", "complaint": told, "mail": {"messageId": "1", **mail}}
    assert send(program, "ses", signing.sns(message)) == 200
    [event] = events(stocked)
    assert (event.key, event.copy_id) == (ADA, copy.id)
    with stocked.sessions.reading() as session:
        assert session.get_one(Subscription, reader.id).status is Status.COMPLAINED


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    sorted(
        {*SES, *SES["bounce"], *SES["mail"], *POSTMARK, *SENDGRID[0], *MAILGUN, *BREVO, *RESEND}
        | {
            "headers",
            "Recipient",
            "emailAddress",
            "diagnosticCode",
            "data",
            "to",
            "smtp-id",
            "delivery-status",
            "envelope",
        }
    )
)
WORDS = st.sampled_from(
    [
        *(
            "Bounce",
            "Complaint",
            "Delivery",
            "DeliveryDelay",
            "Reject",
            "Rendering Failure",
            "Subscription",
            "HardBounce",
        ),
        *("SpamComplaint", "SubscriptionChange", "bounce", "dropped", "failed", "permanent", "hard_bounce"),
        *(
            "email.bounced",
            "complained",
            "delivered",
            ADA,
            "\x00",
            "\ud800",
            "9" * 400,
            "1e999",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
        ),
    ]
)
THINGS = st.dictionaries(
    FIELDS, VALUES | WORDS | st.lists(st.dictionaries(FIELDS, VALUES | WORDS, max_size=4), max_size=3), max_size=8
)


GOOD = {
    "ses": SES | {"complaint": {"complainedRecipients": [{"emailAddress": ADA}]}, "delivery": {"recipients": [ADA]}},
    "postmark": POSTMARK,
    "sendgrid": SENDGRID,
    "mailgun": MAILGUN | {"delivery-status": {"code": 550, "message": "no such user"}, "timestamp": 1795175940.5},
    "brevo": BREVO,
    "resend": RESEND,
}


def with_changes(found: Any, changes: dict[str, Any]) -> Any:
    """The same with other values in the fields of these names, wherever they lie."""
    if isinstance(found, list):
        return [with_changes(each, changes) for each in found]
    if not isinstance(found, dict):
        return found
    return {name: changes[name] if name in changes else with_changes(each, changes) for name, each in found.items()}


# PostgreSQL takes no NUL, no half of a pair, and no year 0.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(POSTS)),
    changes=st.dictionaries(FIELDS, VALUES | WORDS, max_size=4),
    other=st.none() | VALUES | THINGS,
    raw=st.none() | st.binary(),
)
def test_no_payload_is_answered_by_a_fault_of_ours(
    name: str,
    changes: dict[str, Any],
    other: Any,
    raw: bytes | None,
    program: FlaskClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    thing = with_changes(GOOD[name], changes) if other is None else other
    made: dict[str, Any] = {
        "ses": signing.sns,
        "postmark": lambda each: signing.with_password(each, "postmark"),
        "sendgrid": signing.sendgrid,
        "mailgun": lambda each: signing.mailgun(each, token=str(hash(repr(each)))),
        "brevo": lambda each: signing.with_password(each, "brevo"),
        "resend": lambda each: signing.resend(each, name=str(hash(repr(each)))),
    }
    for signed in [made[name](thing), *([unsigned(name, raw)] if raw else [])]:
        with capture_logs() as logs:
            status = send(program, name, signed)
        assert status in {200, 400, 401, 403, 406, 410}, json.dumps(thing)
        assert not [line for line in logs if line["log_level"] in {"error", "critical"}]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
