"""Where readers ask and book: on our own pages, on those that the team names, or nowhere."""

import pytest

from newsletter.publications import Publication, contact

SITE = "https://letters.example.org"
OWN = "https://clinic.example/ask"


def publication(**values: object) -> Publication:
    found = Publication(slug="backs", takes_requests=True, request_topics=[], **values)
    found.is_first = True
    return found


@pytest.mark.parametrize(
    ("own", "takes_requests", "url"),
    [(None, True, f"{SITE}/ask"), (OWN, True, OWN), (OWN, False, OWN), (None, False, "")],
)
def test_a_page_of_the_teams_own_comes_before_ours(own: str | None, takes_requests: bool, url: str) -> None:
    asked = publication(ask_url=own)
    asked.takes_requests = takes_requests
    assert contact.ask_url(asked, SITE) == url
    assert ("/ask" in dict(contact.pages(asked, SITE))) == bool(url)


def test_our_page_names_a_publication_that_is_not_the_first() -> None:
    second = publication()
    second.is_first = False
    assert contact.booking_url(second, "") == "/book?publication=backs"
    assert dict(contact.pages(second, SITE))["/subscribe"] == f"{SITE}/subscribe?publication=backs"
