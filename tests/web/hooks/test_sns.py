"""Amazon SNS: nothing is believed that Amazon did not sign for a topic of ours."""

import json
from datetime import timedelta

import pytest

from newsletter.delivery.bounces.notifications.json_fields import Fields
from newsletter.web.hooks import sns
from newsletter.web.hooks.ses import AmazonSes
from newsletter.web.hooks.webhook import Rejected, Why
from tests.sample_services import NOW
from tests.web.hooks import signing
from tests.web.hooks.signing import SUBSCRIBE, TOPIC, Amazon, Signed

BOUNCE = signing.ses_bounce("Permanent", "NoEmail", "smtp; 550 5.1.1 no such user", "5.1.1")


def read(signed: Signed, amazon: Amazon | None = None, topic: str = TOPIC) -> list[str]:
    amazon = amazon or Amazon()
    return [
        event.report.recipients[0].address
        for event in AmazonSes([topic], amazon.fetch).read(signing.post(signed)).events
    ]


def refusal(signed: Signed, amazon: Amazon | None = None, topic: str = TOPIC) -> Why:
    with pytest.raises(Rejected) as refused:
        read(signed, amazon, topic)
    return refused.value.why


def changed(signed: Signed, **changes: object) -> Signed:
    """The same with something changed after it was signed."""
    envelope = json.loads(signed[1]) | changes
    return signed[0], json.dumps(envelope).encode()


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon SES Email Event Notification"}, {"Subject": ""}])
def test_both_versions_of_the_signature_are_believed(version: str, subject: dict[str, str]) -> None:
    assert read(signing.sns(BOUNCE, version, **subject)) == ["ada@example.org"]


def test_the_string_to_sign_is_that_of_the_documentation() -> None:
    envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": "t", "Message": "m\n", "Timestamp": "now"}
    assert (
        sns.string_to_sign(Fields(envelope))
        == b"Message\nm\n\nMessageId\n1\nTimestamp\nnow\nTopicArn\nt\nType\nNotification\n"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": "{}"},
        {"Subject": "added"},
        {"Timestamp": "2026-11-20T12:00:01.000Z"},
        {"Signature": "AAAA"},
        {"Signature": "no base64 !"},
        {"Signature": None},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": 2},
    ],
)
def test_what_was_changed_after_it_was_signed_is_refused(changes: dict[str, object]) -> None:
    assert refusal(changed(signing.sns(BOUNCE), **changes)) is Why.UNAUTHENTICATED


@pytest.mark.parametrize("name", ["x-amz-sns-message-type", "x-amz-sns-message-id"])
def test_headers_that_do_not_fit_the_message_are_refused(name: str) -> None:
    headers, body = signing.sns(BOUNCE)
    assert refusal(({**headers, name: "SubscriptionConfirmation"}, body)) is Why.UNAUTHENTICATED
    assert refusal(({key: value for key, value in headers.items() if key != name}, body)) is Why.UNAUTHENTICATED


def test_raw_delivery_which_drops_the_signature_is_refused_with_what_to_do() -> None:
    signed = ({"x-amz-sns-rawdelivery": "true", "x-amz-sns-topic-arn": TOPIC}, json.dumps(BOUNCE).encode())
    with pytest.raises(Rejected, match="Switch raw message delivery off"):
        read(signed)


def test_a_topic_of_somebody_else_is_refused_before_anything_is_fetched() -> None:
    amazon = Amazon()
    assert refusal(signing.sns(BOUNCE), amazon, topic=f"{TOPIC}-too") is Why.FOREIGN_TOPIC
    assert refusal(signing.confirmation(), amazon, topic=f"{TOPIC}-too") is Why.FOREIGN_TOPIC
    assert amazon.asked == []


@pytest.mark.parametrize("minutes", [-61, 6])
def test_what_was_signed_more_than_an_hour_ago_or_in_the_future_is_refused(minutes: int) -> None:
    amazon = Amazon()
    assert refusal(signing.sns(BOUNCE, at=NOW + timedelta(minutes=minutes)), amazon) is Why.STALE
    assert amazon.asked == []
    assert read(signing.sns(BOUNCE, at=NOW + timedelta(minutes=minutes // 10 + 2))) == ["ada@example.org"]


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0a.pem",
        "https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0a.pem",
        "https://bucket.s3.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-xyz.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem?x=1",
        "https://xsns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com\\.evil.example/SimpleNotificationService-0a.pem",
        "https://[::1/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com:99999/SimpleNotificationService-0a.pem",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com./SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem\n",
        "https://sns.eu-west-1.amazonaws.com/Simple\tNotificationService-0a.pem",
        " https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem#1",
        "",
    ],
)
def test_a_certificate_elsewhere_is_never_asked_for(url: str) -> None:
    amazon = Amazon()
    assert refusal(signing.sns(BOUNCE, SigningCertURL=url), amazon) is Why.UNAUTHENTICATED
    assert amazon.asked == []


@pytest.mark.parametrize("host", ["cn-north-1.amazonaws.com.cn", "eusc-de-east-1.amazonaws.eu"])
def test_a_certificate_of_another_domain_of_amazon_is_amazons_too(host: str) -> None:
    url = f"https://sns.{host}/SimpleNotificationService-0a.pem"
    assert read(signing.sns(BOUNCE, SigningCertURL=url)) == ["ada@example.org"]


@pytest.mark.parametrize(("begins", "ends"), [(-20, -10), (10, 20)])
def test_a_certificate_that_is_not_valid_today_proves_nothing(begins: int, ends: int) -> None:
    amazon = Amazon(signing.certificate(NOW + timedelta(days=begins), NOW + timedelta(days=ends)))
    assert refusal(signing.sns(BOUNCE), amazon) is Why.UNAUTHENTICATED


def test_a_certificate_is_fetched_once_and_expires_all_the_same() -> None:
    amazon = Amazon(signing.certificate(NOW - timedelta(days=1), NOW + timedelta(days=1)))
    hook = AmazonSes([TOPIC], amazon.fetch)
    for _ in range(3):
        hook.read(signing.post(signing.sns(BOUNCE)))
    assert len(amazon.asked) == 1
    later = NOW + timedelta(days=2)
    with pytest.raises(Rejected):
        hook.read(signing.post(signing.sns(BOUNCE, at=later), later))


@pytest.mark.parametrize(("status", "content"), [(None, b""), (404, b""), (200, b"no certificate")])
def test_while_no_certificate_is_to_be_had_the_message_may_come_again(status: int | None, content: bytes) -> None:
    amazon = Amazon(content, status)
    hook = AmazonSes([TOPIC], amazon.fetch)
    for seconds in (0, 1, 59):
        with pytest.raises(Rejected) as refused:
            hook.read(signing.post(signing.sns(BOUNCE), NOW + timedelta(seconds=seconds)))
        assert refused.value.why is Why.NOT_NOW
    assert len(amazon.asked) == 1, "strangers cannot make us ask for it as often as they like"
    amazon.content, amazon.status = signing.certificate(), 200
    assert hook.read(signing.post(signing.sns(BOUNCE), NOW + timedelta(seconds=61))).events


def test_a_certificate_that_a_stranger_names_does_not_keep_amazons_own_from_being_fetched() -> None:
    amazon = Amazon(status=404)
    hook = AmazonSes([TOPIC], amazon.fetch)
    for at in range(20):
        named = signing.CERTIFICATE.replace("0123", f"{at:04x}")
        with pytest.raises(Rejected):
            hook.read(signing.post(signing.sns(BOUNCE, SigningCertURL=named)))
    amazon.status = 200
    assert hook.read(signing.post(signing.sns(BOUNCE))).events


def test_a_subscription_to_our_topic_is_confirmed_at_amazon() -> None:
    amazon = Amazon()
    assert read(signing.confirmation(), amazon) == []
    assert amazon.asked == [signing.CERTIFICATE, SUBSCRIBE]


def test_a_subscription_that_amazon_does_not_confirm_may_come_again() -> None:
    amazon = Amazon()
    hook = AmazonSes([TOPIC], amazon.fetch)
    hook.read(signing.post(signing.sns(BOUNCE)))
    amazon.status = 500
    with pytest.raises(Rejected) as refused:
        hook.read(signing.post(signing.confirmation()))
    assert refused.value.why is Why.NOT_NOW


@pytest.mark.parametrize(
    "url",
    [
        SUBSCRIBE.replace("https:", "http:"),
        f"\n{SUBSCRIBE}",
        SUBSCRIBE.replace(".com/", ".com/another/path"),
        SUBSCRIBE.replace("sns.eu-west-1.amazonaws.com", "169.254.169.254"),
        SUBSCRIBE.replace("sns.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com.evil.example"),
        SUBSCRIBE.replace("sns.eu-west-1", "ec2.eu-west-1"),
        SUBSCRIBE.replace("ConfirmSubscription", "Unsubscribe"),
        SUBSCRIBE.replace("bounces", "bounces-too"),
        f"{SUBSCRIBE}&TopicArn={TOPIC}",
        "",
    ],
)
def test_a_subscription_to_be_confirmed_elsewhere_is_refused_though_it_is_signed(url: str) -> None:
    amazon = Amazon()
    assert refusal(signing.confirmation(SubscribeURL=url), amazon) is Why.UNAUTHENTICATED
    assert amazon.asked == [signing.CERTIFICATE]


def test_the_end_of_a_subscription_is_only_noted() -> None:
    amazon = Amazon()
    assert read(signing.confirmation(Type="UnsubscribeConfirmation"), amazon) == []
    assert amazon.asked == [signing.CERTIFICATE]
    wrongly_spelled = signing.confirmation(Type="UnsubscriptionConfirmation")
    assert refusal(wrongly_spelled) is Why.UNAUTHENTICATED
