import hashlib
import io
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from PIL import Image

from newsletter.editorial.issues import issue_store
from newsletter.editorial.source import issue_file
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness
from newsletter.workflows import publish as workflows_publish
from tests import sample_services

pytestmark = pytest.mark.usefixtures("stocked")

FIRST, SECOND = (f"/archive/{slug}/" for slug in sample_services.OUT)
PROBE = '"/><script>alert(1)</script>'


def publish(
    services: Services, now, slug: str, title: str = "A probe", body: str = "Dear {{ name | friend }},", front: str = ""
) -> None:
    """Let an issue of that title go out now, past the checks."""
    source = f"---\ntitle: {json.dumps(title)}\nsubject: A subject of an issue\npreheader: {json.dumps(title)}\n"
    source += f"category: {json.dumps(title)}\nauthor: {json.dumps(title)}\n{front}---\n{body}\n"
    file = issue_file.parse(source, f"2026-12-29-{slug}.md")
    with services.sessions.begin() as session:
        home = issue_store.find(session, sample_services.WAITING).publication
        issue_store.save(session, home, issue_store.Text(file, f"2026-12-29-{slug}.md", {}), issue_store.BY_FILE, now)
        issue_readiness.mark_ready(session, issue_store.find(session, slug), services.links)
        workflows_publish.send_now(session, services.letters, issue_store.find(session, slug), now)


def test_the_archive_lists_what_is_out_newest_first(program: FlaskClient) -> None:
    page = program.get("/archive/").text
    assert re.findall(r'<h2><a href="(/archive/[^"]+)"', page) == [SECOND, FIRST]


@pytest.mark.parametrize(
    "slug", [sample_services.WAITING, "nothing", "%00", "x" * 500, "'--", "unwind-a-tight-back%00"]
)
def test_an_issue_that_is_not_out_looks_like_one_that_does_not_exist(program: FlaskClient, slug: str) -> None:
    nothing, answer = program.get("/archive/there-is-none/"), program.get(f"/archive/{slug}/")
    assert (answer.status_code, answer.data) == (404, nothing.data)


def test_an_issue_stands_under_its_breadcrumbs_with_its_proof_and_the_form(program: FlaskClient) -> None:
    page = program.get(FIRST).text
    crumbs = re.search(r'aria-label="Breadcrumbs">(.*?)</nav>', page, re.DOTALL)[1]
    assert re.findall(r">([^<>\n]+)<", crumbs) == ["Home", "Health", "Unwind a tight back"]
    assert "Friday 6 November 2026" in page
    assert "<strong>Reviewed by</strong> BackPainHelp desk" in page
    assert page.count("<h1>") == 1
    assert 'action="/subscribe"' in page


def test_an_issue_on_the_web_calls_nobody_by_name(program: FlaskClient) -> None:
    page = program.get(FIRST).text
    assert "Hello friend," in page
    assert "{{" not in page


def test_an_issue_leads_to_its_neighbours(program: FlaskClient) -> None:
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', program.get(FIRST).text) == [("next", SECOND)]
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', program.get(SECOND).text) == [("prev", FIRST)]


def test_an_issue_says_of_itself_what_other_sites_ask(program: FlaskClient) -> None:
    page, address = program.get(FIRST).text, sample_services.BASE_URL + FIRST
    assert f'<link rel="canonical" href="{address}">' in page
    assert f'<meta property="og:url" content="{address}">' in page
    assert f'<meta property="og:image" content="{address}share.png">' in page
    assert '<meta property="og:image:alt" content="Unwind a tight back, from BackPainHelp">' in page
    article, trail, web_page, faq = structured_data_of(page)
    assert article["mainEntityOfPage"] == {"@id": web_page["@id"]}
    assert web_page["reviewedBy"]["name"].startswith("BackPainHelp desk")
    assert "lastReviewed" not in web_page
    assert article["headline"] == "Unwind a tight back"
    assert article["image"][0] == f"{address}share.png"
    assert re.fullmatch(rf"{sample_services.BASE_URL}/pictures/[0-9a-f]{{64}}\.png", article["image"][1])
    assert [crumb["name"] for crumb in trail["itemListElement"]] == ["Home", "Health", "Unwind a tight back"]
    assert [question["name"] for question in faq["mainEntity"]] == ["What about healing and prevention?"]


def test_the_picture_of_an_issue_for_other_sites_is_sent_once(program: FlaskClient) -> None:
    first = program.get(f"{FIRST}share.png")
    assert first.mimetype == "image/png"
    assert Image.open(io.BytesIO(first.data)).size == (1200, 630)
    again = program.get(f"{FIRST}share.png", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert program.get(f"{SECOND}share.png").headers["ETag"] != first.headers["ETag"]
    assert program.get(f"/archive/{sample_services.WAITING}/share.png").status_code == 404


def structured_data_of(page: str) -> list[dict[str, Any]]:
    return json.loads(re.search(r'ld\+json">(.*?)</script>', page)[1])["@graph"]


def test_the_questions_that_an_issue_answers_are_told_to_search_engines(
    program: FlaskClient, services: Services, now
) -> None:
    answered = "## Does *heat* help & why?\n\nFor some.\n\n> [!NOTE]\n> See a doctor.\n\nSubscribe."
    body = f"{answered}\n\n## What I do\n\nWalk.\n\n## Any questions?\n\n## The end\n\nBye."
    publish(services, now, "a-probe", body=body)
    *_, faq = structured_data_of(program.get("/archive/a-probe/").text)
    answer = {"@type": "Answer", "text": "For some. See a doctor."}
    question = {"@type": "Question", "name": "Does heat help & why?", "acceptedAnswer": answer}
    assert faq == {"@type": "FAQPage", "mainEntity": [question]}


def test_the_archive_of_a_category_holds_that_category(program: FlaskClient) -> None:
    assert program.get("/archive/?category=Health").text.count("<h2>") == 2
    assert program.get("/archive/?category=Gardening").status_code == 404


@pytest.mark.parametrize(
    ("asked", "heading"),
    [("tag=MASSAGE", "Tagged “massage”"), ("author=the+backpainhelp+D%C3%89SK", "By The BackPainHelp desk")],
)
def test_the_archive_lists_the_issues_of_a_tag_and_of_an_author(program: FlaskClient, asked: str, heading: str) -> None:
    page = program.get(f"/archive/?{asked}").text
    assert f"<h1>{heading}</h1>" in page
    assert f'<meta name="description" content="{heading} · A weekly letter' in page
    assert re.findall(r'<h2><a href="(/archive/[^"]+)"', page)[-1] == FIRST
    assert f'rel="canonical" href="{sample_services.BASE_URL}/archive/?{asked.partition("=")[0]}=' in page


@pytest.mark.parametrize("asked", ["tag=nothing", "author=%00", "tag=" + "x" * 3000, "author=%F0%9F%98%80"])
def test_an_unknown_tag_or_author_is_told_to_look_at_the_archive(program: FlaskClient, asked: str) -> None:
    answer = program.get(f"/archive/?{asked}")
    assert answer.status_code == 404
    assert "Choose another in the archive." in answer.text


def test_an_issue_leads_to_its_tags_and_its_author(program: FlaskClient) -> None:
    page = program.get(FIRST).text
    for kind in ("tag", "author"):
        address = re.search(rf'rel="{kind}" href="([^"]+)"', page)[1].replace("&amp;", "&")
        assert program.get(address).status_code == 200


def test_an_issue_says_when_and_by_whom_it_was_last_reviewed(program: FlaskClient, services: Services, now) -> None:
    publish(services, now, "a-probe", front="reviewed_by: A. Clinician\nlast_reviewed: 2026-11-20\n")
    page = program.get("/archive/a-probe/").text
    assert "<strong>Reviewed by</strong> A. Clinician</p>" in page
    assert '<strong>Last reviewed</strong> on <time datetime="2026-11-20">20 November 2026</time>' in page
    *_, web_page = structured_data_of(page)
    assert (web_page["reviewedBy"]["name"], web_page["lastReviewed"]) == ("A. Clinician", "2026-11-20")
    assert "<strong>Last reviewed</strong>" in program.get("/feed.xml").text.replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.parametrize("path", ["/archive/?page=-1", "/archive/?page=9", "/search?q=back&page=-1", "/search?page=2"])
def test_a_page_that_cannot_be_says_where_to_begin(program: FlaskClient, path: str) -> None:
    answer = program.get(path)
    assert answer.status_code == 404
    assert "Start again from its first page." in answer.text


def test_a_search_marks_the_words_that_it_found(program: FlaskClient) -> None:
    page = program.get("/search?q=TIGHT+b%C3%A0ck").text
    assert "<mark>tight</mark> <mark>back</mark>" in page
    assert '<meta name="robots" content="noindex, follow">' in page
    assert re.search(r'<h2><a href="([^"]+)"', page)[1] == FIRST


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Capitals and accents do not matter."),
        ("%", "Other characters cannot be searched for."),
        ('"', "Other characters cannot be searched for."),
        ("\U0001f600", "Other characters cannot be searched for."),
        ("\0'; --", "Other characters cannot be searched for."),
        ("zzyzx", "No issue contains this word."),
        ("<script>", "No issue contains this word."),
        ('near("back" OR) NOT qqq *', "No issue contains all these words."),
        ("x" * 10_000, "we searched only for the beginning of it"),
        (" ".join(map(str, range(2_000))), "we searched only for the beginning of it"),
    ],
)
def test_a_search_for_anything_is_answered_in_words(program: FlaskClient, typed: str, said: str) -> None:
    answer = program.get("/search", query_string={"q": typed})
    assert answer.status_code == 200
    assert said in answer.text
    assert "<script>" not in answer.text
    assert len(answer.text) < 20_000


def test_a_search_finds_nothing_of_what_is_not_out(program: FlaskClient, services: Services, now) -> None:
    with services.sessions.begin() as session:
        waiting = issue_store.find(session, sample_services.WAITING)
        title = waiting.title.split()[-1]
        issue_readiness.mark_ready(session, waiting, services.links)
        workflows_publish.schedule(session, services.letters, waiting, now + timedelta(hours=1), now)
    assert waiting.slug not in program.get("/search", query_string={"q": title}).text
    assert waiting.slug not in program.get("/archive/").text


def test_the_archive_lists_its_categories_with_their_numbers_of_issues(
    program: FlaskClient, services: Services, now
) -> None:
    publish(services, now, "roots", "A & B")
    listed = re.search(
        r'<nav class="links" aria-label="Categories">.*?</nav>', program.get("/archive/").text, re.DOTALL
    )[0]
    found = re.findall(r'href="([^"]+)">([^<]+)</a> <span class="hint">([^<]+)<', listed)
    assert found == [
        ("/archive/?category=A+%26+B", "A &amp; B", "1 issue"),
        ("/archive/?category=Health", "Health", "2 issues"),
    ]
    assert program.get(found[0][0]).status_code == 200
    assert 'aria-label="Categories"' not in program.get("/archive/?category=Health").text


def test_an_issue_leads_to_three_others_of_its_category_that_are_out(
    program: FlaskClient, services: Services, now
) -> None:
    assert "Related issues" not in program.get(FIRST).text
    for number in range(5):
        publish(services, now + timedelta(minutes=number), f"alike-{number}", "Health")
    publish(services, now + timedelta(minutes=9), "unlike", "Gardening")
    listed = re.search(r'aria-label="Related issues">.*?</nav>', program.get(FIRST).text, re.DOTALL)[0]
    assert re.findall(r'href="/archive/([^/]+)/"', listed) == ["alike-4", "alike-3", "alike-2"]
    # The neighbours are linked anyway.
    listed = re.search(r'aria-label="Related issues">.*?</nav>', program.get("/archive/alike-3/").text, re.DOTALL)[0]
    assert re.findall(r'href="/archive/([^/]+)/"', listed) == ["alike-1", "alike-0", "under-the-hands"]


def test_a_long_issue_has_contents_that_lead_to_its_headings(program: FlaskClient, services: Services, now) -> None:
    headings = "\n\n".join(f"## Part *{number}* & more\n\n{'word ' * 300}" for number in range(3))
    publish(services, now, "a-long-one", body=f"{headings}\n\n## {{{{ name | friend }}}}")
    publish(services, now, "a-short-one", body="## One\n\n## Two\n\n## Three")
    page = program.get("/archive/a-long-one/").text
    listed = re.search(r'aria-label="In this issue">.*?</nav>', page, re.DOTALL)[0]
    links = re.findall(r'href="#([^"]+)">([^<]+)<', listed)
    assert [words for _, words in links] == [f"Part {number} &amp; more" for number in range(3)]
    assert all(f'<h2 id="{name}">' in page for name, _ in links)
    assert "In this issue" not in program.get("/archive/a-short-one/").text


def test_an_issue_is_shared_by_plain_links(program: FlaskClient) -> None:
    page, address = program.get(FIRST).text, sample_services.BASE_URL + FIRST
    subject, body = re.search(r'href="mailto:\?subject=([^"&]+)&amp;body=([^"&]+)"', page).groups()
    assert (unquote(subject), unquote(body)) == ("Unwind a tight back", address)
    assert f'<span class="address">{address}</span>' in page


@pytest.mark.parametrize("page", ["0", "-1", "2", "99999999999999999999", "10000"])
def test_a_page_of_the_archive_that_does_not_exist_is_not_there(program: FlaskClient, page: str) -> None:
    assert program.get(f"/archive/?page={page}").status_code == 404


def test_markup_in_an_issues_fields_is_printed_everywhere_and_obeyed_nowhere(
    program: FlaskClient, services: Services, now
) -> None:
    publish(services, now, "a-probe", PROBE, body=f"Text. {PROBE}")
    for path in ("/", "/archive/", "/archive/a-probe/", "/feed.xml"):
        assert "<script>alert" not in program.get(path).text


@pytest.mark.parametrize("path", ["/archive/", FIRST, "/feed.xml", "/feed.rss", "/feed.json", "/sitemap.xml"])
def test_what_anyone_may_keep_is_sent_once(program: FlaskClient, path: str) -> None:
    answer = program.get(path)
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    again = program.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_an_older_page_is_new_again_when_the_next_issue_comes_out(
    program: FlaskClient, services: Services, now
) -> None:
    answer = program.get(SECOND)
    publish(services, now, "the-next")
    dated = {"If-Modified-Since": answer.headers["Last-Modified"], "If-None-Match": answer.headers["ETag"]}
    assert program.get(SECOND, headers=dated).status_code == 200
    assert program.get(SECOND, headers={"If-Modified-Since": dated["If-Modified-Since"]}).status_code == 200


def test_the_fonts_that_a_page_loads_first_are_those_of_its_stylesheet(program: FlaskClient) -> None:
    fonts = re.findall(r'<link rel="preload" href="/assets/([^"]+)" as="font"', program.get(FIRST).text)
    style = program.get("/assets/site.css", buffered=True).text
    assert len(fonts) == 2
    assert all(f"url({font})" in style for font in fonts)
    assert [program.get(f"/assets/{font}", buffered=True).status_code for font in fonts] == [200, 200]


def test_a_picture_may_be_kept_for_ever_and_shown_by_mail_programs(program: FlaskClient) -> None:
    path = re.search(r'<img src="(/pictures/[^"]+)"', program.get(FIRST).text)[1]
    answer = program.get(path, buffered=True)
    assert answer.mimetype == "image/png"
    assert path == f"/pictures/{hashlib.sha256(answer.data).hexdigest()}.png"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    known = {"If-None-Match": answer.headers["ETag"]}
    assert program.get(path, headers=known, buffered=True).status_code == 304


@pytest.mark.parametrize(
    "name", ["..%2fnewsletter.db", "x.png", "é" * 64 + ".png", "%00" * 64 + ".png", "a" * 64 + ".svg"]
)
def test_no_other_file_is_a_picture(program: FlaskClient, name: str) -> None:
    assert program.get(f"/pictures/{name}").status_code == 404


def test_a_phone_is_offered_a_small_picture_that_it_may_keep_for_ever(program: FlaskClient) -> None:
    page = program.get(FIRST).text
    whole = re.search(r'<figure><a href="(/pictures/[0-9a-f]{64}\.png)">', page)[1]
    assert f'<img src="{whole}"' in page
    assert ' width="1200" height="675"/>' in page
    choices = re.findall(r"(\S+\.webp) (\d+)w", re.search(r'srcset="([^"]*)"', page)[1])
    assert [width for _, width in choices] == ["480", "720", "1080", "1200"]
    for address, width in choices[:2]:
        answer = program.get(address)
        assert (answer.mimetype, Image.open(io.BytesIO(answer.data)).width) == ("image/webp", int(width))
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = program.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    assert len(program.get(choices[0][0]).data) < len(program.get(whole).data) / 2


def test_a_width_that_no_page_offers_is_not_made(program: FlaskClient) -> None:
    address = re.search(r"/pictures/[0-9a-f]{64}-480\.webp", program.get("/archive/").text)[0]
    assert program.get(address.replace("-480", "-481")).status_code == 404
    assert program.get(address.replace("/pictures/", "/pictures/0")[:-1]).status_code == 404
