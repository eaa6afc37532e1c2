"""A press that every provider's webhook is set up for, behind https; Amazon is played."""

import pytest

from newsletter.db import Sessions
from newsletter.wiring import Services
from tests import sample_services
from tests.web.hooks import signing
from tests.web.hooks.signing import SECRET, Amazon

SETTINGS = {
    "bounce_ses_topics": signing.TOPIC,
    "bounce_postmark_secret": SECRET,
    "bounce_sendgrid_key": signing.verification_key(),
    "bounce_mailgun_key": f"{SECRET},{SECRET}-of-last-year",
    "bounce_brevo_secret": SECRET,
    "bounce_resend_secret": signing.SIGNING_SECRET,
}


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
def services(sessions: Sessions, tmp_path, monkeypatch: pytest.MonkeyPatch, amazon: Amazon) -> Services:
    monkeypatch.setattr("newsletter.outbound.GuardedClient.fetch", lambda _client, *asked: amazon.fetch(*asked))
    return sample_services.build(sessions, tmp_path, **SETTINGS)
