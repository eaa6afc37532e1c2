"""Programs that open every link of a mail, as the gateways of companies do, and press nothing: nothing changes."""

import re

from flask import Flask

from newsletter.audience.models import Status
from newsletter.wiring import Services
from tests import sample_services
from tests.web.conftest import browser_of, subscription

READS = [
    ("GET", {}),
    ("HEAD", {}),
    ("OPTIONS", {}),
    ("GET", {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "X-Moz": "prefetch"}),
    ("GET", {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Safelinks", "Referer": "https://mail.example/"}),
]


def links_of(services: Services) -> set[str]:
    """Every link in every mail so far."""
    return {
        url
        for letter in sample_services.letters(services)
        for value in letter.values()
        for url in re.findall(r"https?://\S+", str(value))
    }


def scan(app: Flask, url: str) -> None:
    visitor = browser_of(app)
    for method, headers in READS:
        answer = visitor.open(sample_services.path_of(url), method=method, headers=headers)
        assert answer.status_code < 500
        for link in re.findall(r'href="(/[^"]*)"', answer.text) if method == "GET" else []:
            visitor.get(link.replace("&amp;", "&")).close()
        answer.close()


def test_a_scanner_confirms_nobody_and_unsubscribes_nobody(app: Flask, services: Services) -> None:
    visitor = browser_of(app)
    visitor.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    for url in links_of(services):
        scan(app, url)
    assert subscription(services).status is Status.PENDING
    confirm = next(url for url in links_of(services) if "/confirm/" in url)
    visitor.post(sample_services.path_of(confirm))
    mine = subscription(services)
    assert mine.status is Status.ACTIVE
    for url in {*links_of(services), services.links.unsubscribe(mine.id, 1), services.links.preferences(mine.id)}:
        scan(app, url)
    assert subscription(services).status is Status.ACTIVE
