"""Webhooks at the real server's socket: a status of each kind, by each provider's own rules."""

import http.client
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from newsletter.delivery.bounces.events import BounceEvent
from newsletter.wiring import Services
from tests.web.hooks import signing
from tests.web.hooks.signing import Signed
from tests.web.hooks.test_webhooks import BREVO, MAILGUN, POSTMARK, RESEND, SENDGRID, SES
from tests.web.served import served


def send(port: int, path: str, signed: Signed) -> tuple[int, str]:
    """As a provider posts, with text/plain as SNS has it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=110)
    headers, body = signed
    connection.request("POST", path, body, {"Content-Type": "text/plain; charset=UTF-8", **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert "Set-Cookie" not in answer.headers
    assert answer.headers.get_content_type() == "text/plain"
    return answer.status, text


def test_each_provider_gets_the_status_that_its_rules_ask_for(services: Services) -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = signing.certificate(old, datetime(2100, 1, 1, tzinfo=UTC))
    good: dict[str, Signed] = {
        "ses": signing.sns(SES),
        "postmark": signing.with_password(POSTMARK, "postmark"),
        "sendgrid": signing.sendgrid(SENDGRID),
        "mailgun": signing.mailgun(MAILGUN),
        "brevo": signing.with_password(BREVO, "brevo"),
        "resend": signing.resend(RESEND),
    }
    never: dict[str, tuple[Signed, int]] = {
        "ses": (signing.sns(SES, at=old), 403),
        "postmark": (signing.with_password(b"no JSON", "postmark"), 403),
        "sendgrid": (signing.sendgrid(SENDGRID, old), 403),
        "mailgun": (signing.mailgun(MAILGUN, at=old), 406),
        "brevo": (signing.with_password(b"no JSON", "brevo"), 400),
        "resend": (signing.resend(b"no JSON"), 410),
    }
    with pytest.MonkeyPatch.context() as amazon, served(services) as port:
        amazon.setattr("newsletter.outbound.GuardedClient.fetch", signing.Amazon(certificate).fetch)
        for name, (headers, body) in good.items():
            path = f"/hooks/{name}"
            assert [send(port, path, good[name]) for _ in range(2)] == [(200, "ok\n")] * 2
            assert send(port, path, never[name][0])[0] == never[name][1]
            assert send(port, path, ({}, body.replace(b'"signature"', b'"other"')))[0] == 401
            assert send(port, path, (headers, body + b" " * 1_000_000))[0] == 413
        assert send(port, "/hooks/nobody", good["ses"])[0] == 404
    with services.sessions.reading() as session:
        assert set(session.scalars(select(BounceEvent.way))) == set(good)
        assert session.scalar(select(func.count()).select_from(BounceEvent)) == len(good)
