"""A house with two letters: what readers see of one holds nothing of the other."""

import re

import pytest
from flask.testing import FlaskClient

from newsletter import publications
from newsletter.editorial.rendering import render
from newsletter.wiring import Services, open_services
from tests import sample_services

OTHERS = "/?publication=other", "/archive/?publication=other", "/feed.xml?publication=other", "/archive/elsewhere/"
OURS = "/", "/archive/", "/feed.xml", "/?publication=backpainhelp"


@pytest.fixture(autouse=True)
def other(stocked: Services, now) -> None:
    """A second letter, with an issue that is out."""
    sample_services.open_another_publication(stocked, now)
    sample_services.send(stocked, "other", "elsewhere", now)


@pytest.mark.parametrize("path", OURS)
def test_the_first_letters_pages_show_nothing_of_the_other(program: FlaskClient, path: str) -> None:
    page = program.get(path).text
    assert f"/archive/{sample_services.OUT[0]}/" in page
    assert "BackPainHelp" in page
    assert "Elsewhere" not in page
    assert "publication=other" not in page


@pytest.mark.parametrize("path", OTHERS)
def test_the_others_pages_show_its_own_name_and_issues(program: FlaskClient, path: str) -> None:
    page = program.get(path).text
    assert "The Other Letter" in page
    assert "Elsewhere" in page
    assert "BackPainHelp" not in page
    assert not [slug for slug in sample_services.OUT if slug in page]


@pytest.mark.parametrize("path", OTHERS[:2] + OTHERS[3:])
def test_the_others_pages_lead_to_its_own(program: FlaskClient, path: str) -> None:
    page = program.get(path).text
    around = {link for link in re.findall(r'href="(/[^"]*)"', page) if re.match(r"/(archive/|feed.xml)?(\?|$)", link)}
    assert around >= {"/?publication=other", "/archive/?publication=other", "/feed.xml?publication=other"}
    assert all("publication=other" in link for link in around)


@pytest.mark.parametrize("path", OTHERS)
def test_a_page_of_the_other_says_its_own_address(program: FlaskClient, path: str) -> None:
    assert f"{sample_services.BASE_URL}{path}" in program.get(path).text


def test_the_form_on_the_others_issue_is_for_the_other(program: FlaskClient) -> None:
    assert 'name="publication" value="other"' in program.get("/archive/elsewhere/").text


def test_the_sitemap_lists_both(program: FlaskClient) -> None:
    listed = program.get("/sitemap.xml").text
    for path in ("/", "/archive/", "/?publication=other", "/archive/?publication=other", "/archive/elsewhere/"):
        assert f"<loc>{sample_services.BASE_URL}{path}</loc>" in listed


@pytest.mark.parametrize("path", ["/", "/archive/", "/feed.xml", "/subscribe"])
@pytest.mark.parametrize("slug", ["nothing", "%00", "other%00", "%27--"])
def test_an_unknown_letter_is_not_there_and_no_other_is_named(program: FlaskClient, path: str, slug: str) -> None:
    answer = program.get(f"{path}?publication={slug}")
    assert answer.status_code == 404
    assert "There is no such newsletter here." in answer.text
    assert "other" not in answer.text.lower().replace("another", "")


@pytest.mark.parametrize(
    ("slug", "chosen", "issue"),
    [
        ("other", "", "elsewhere"),
        ("backpainhelp", "", sample_services.OUT[-1]),
        ("backpainhelp", sample_services.OUT[0], sample_services.OUT[0]),
        ("backpainhelp", sample_services.WAITING, sample_services.OUT[-1]),
        ("backpainhelp", "elsewhere", sample_services.OUT[-1]),
    ],
)
def test_a_welcome_links_the_chosen_issue_of_its_own_letter_or_the_latest(
    services: Services, database_url: str, slug: str, chosen: str, issue: str
) -> None:
    settings = services.settings.model_copy(update={"database_url": database_url})
    wired = open_services(settings)
    with services.sessions.begin() as session:
        publications.find(session, slug).start_here = chosen
    with services.sessions.reading() as session:
        publication = publications.find(session, slug)
    fields = dict.fromkeys(render.FIELDS["welcome"], "")
    text = wired.audience.compose("welcome", publication, fields).text
    wired.close()
    assert re.findall(r"/archive/([a-z-]+)/", text) == [issue]
