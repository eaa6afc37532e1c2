"""The pages and the JSON: what they show, and what they never do."""

import pytest
from flask.testing import FlaskClient

from newsletter.inbox.store import Store

from .mails import GARBAGE, Put, mail

PNG = b"\x89PNG\r\n\x1a\n"
HOSTILE = "<p>hi</p><script>alert(1)</script><img src=x onerror=alert(1)></iframe><form action=/delete method=post>"


def test_the_empty_inbox_says_what_to_do(browser: FlaskClient) -> None:
    page = browser.get("/").text
    assert "No mail yet." in page
    assert "127.0.0.1:1025" in page


def test_the_list_and_the_mail_show_who_and_what(browser: FlaskClient, put: Put) -> None:
    kept = put(mail("Zażółć & <b>"), to="zoë@example.org")
    for page in (browser.get("/").text, browser.get(f"/messages/{kept.id}").text):
        assert "Zażółć &amp; &lt;b&gt;" in page
        assert "zoë@example.org" in page
    assert "No mail yet" in browser.get("/?q=").text  # there for the script, but hidden
    assert 'id="empty" class="empty" hidden' in browser.get("/").text


def test_a_search_shows_only_what_it_finds(browser: FlaskClient, put: Put) -> None:
    put(mail("Confirm"), to="ana@example.org")
    put(mail("Welcome"), to="ben@example.org")
    page = browser.get("/?q=ben").text
    assert "Welcome" in page
    assert "Confirm" not in page
    assert "No email with “&lt;x&gt;”" in browser.get("/?q=<x>").text


def test_a_long_list_leads_on_to_older_mails(browser: FlaskClient, put: Put) -> None:
    kept = [put(mail(f"Issue {n}")) for n in range(101)]
    page = browser.get("/?q=issue").text
    assert f"before={kept[1].id}" in page
    older = browser.get(f"/?q=issue&before={kept[1].id}").text
    assert "Issue 0" in older
    assert "data-live=" not in older


@pytest.mark.parametrize("show", ["", "html", "text", "headers", "source", "nonsense"])
@pytest.mark.parametrize("source", [*GARBAGE, bytes(mail(html=HOSTILE)), bytes(mail(text=None, html=HOSTILE))])
def test_no_mail_breaks_its_page(browser: FlaskClient, put: Put, source: bytes, show: str) -> None:
    kept = put(source)
    assert browser.get(f"/messages/{kept.id}?show={show}").status_code == 200
    assert browser.get(f"/api/messages/{kept.id}").status_code == 200
    assert browser.get(f"/messages/{kept.id}/html").status_code in {200, 404}
    assert browser.get(f"/messages/{kept.id}/source").data == source
    for number in range(1, 4):
        assert browser.get(f"/messages/{kept.id}/parts/{number}").status_code in {200, 404}


@pytest.mark.parametrize("show", ["html", "text", "headers", "source"])
def test_hostile_html_is_never_part_of_the_inbox_page(browser: FlaskClient, put: Put, show: str) -> None:
    kept = put(mail("<script>s</script>", text=HOSTILE, html=HOSTILE), to='"<script>r</script>"@example.org')
    page = browser.get(f"/messages/{kept.id}?show={show}&q=<script>").text
    assert page.count("<script") == 1  # the inbox's own
    assert "<script defer src=" in page
    assert "<img" not in page


def test_the_frame_is_powerless(browser: FlaskClient, put: Put) -> None:
    kept = put(mail(html=HOSTILE))
    page = browser.get(f"/messages/{kept.id}").text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    framed = browser.get(f"/messages/{kept.id}/html")
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "img-src 'self' data: http://127.0.0.1:* http://localhost:*;" in policy
    assert framed.headers["Referrer-Policy"] == "no-referrer"
    assert "<script>alert(1)</script>" in framed.text


@pytest.mark.parametrize("path", ["/", "/messages/{}", "/api/messages", "/assets/inbox.js", "/nowhere"])
def test_every_page_has_the_strict_policy(browser: FlaskClient, put: Put, path: str) -> None:
    with browser.get(path.format(put(mail()).id)) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_links_of_a_mail_open_a_tab_without_quirks_mode(browser: FlaskClient, put: Put) -> None:
    kept = put(mail(html='<!doctype html><html lang="en"><head class="x"><title>t</title></head></html>'))
    page = browser.get(f"/messages/{kept.id}/html").text
    assert page.startswith('<!doctype html><html lang="en"><head class="x"><base target="_blank"><title>')


def test_pictures_within_a_mail_are_shown(browser: FlaskClient, put: Put) -> None:
    message = mail(text=None, html='<img src="cid:logo%40press"><img src="cid:missing">')
    message.add_related(PNG, "image", "png", cid="<logo@press>")
    kept = put(message)
    page = browser.get(f"/messages/{kept.id}/html").text
    assert f'<img src="/messages/{kept.id}/parts/2"><img src="cid:missing">' in page
    picture = browser.get(f"/messages/{kept.id}/parts/2")
    assert (picture.mimetype, picture.data) == ("image/png", PNG)
    assert "attachment" not in picture.headers.get("Content-Disposition", "")


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/pdf"])
def test_anything_but_a_plain_picture_is_a_file_to_save(browser: FlaskClient, put: Put, kind: str) -> None:
    message = mail()
    message.add_attachment(b"<svg onload=alert(1)>", *kind.split("/"), filename="zażółć\"';.x")
    sent = browser.get(f"/messages/{put(message).id}/parts/2")
    assert sent.mimetype == "application/octet-stream"
    assert sent.headers["Content-Disposition"].startswith("attachment;")
    assert sent.headers["Content-Security-Policy"].startswith("sandbox;")


def test_links_in_a_text_can_be_followed(browser: FlaskClient, put: Put) -> None:
    kept = put(mail(text="Confirm: http://127.0.0.1:8000/confirm/abc"))
    page = browser.get(f"/messages/{kept.id}").text
    assert '<a href="http://127.0.0.1:8000/confirm/abc" rel="noopener noreferrer" target="_blank">' in page


def test_the_source_is_the_bytes_that_came(browser: FlaskClient, put: Put) -> None:
    raw = b"Subject: x\r\n\r\n\xff<script>\r\n"
    answer = browser.get(f"/messages/{put(raw).id}/source")
    assert (answer.data, answer.mimetype) == (raw, "text/plain")


def test_the_json_lists_newest_first_and_by_recipient(browser: FlaskClient, put: Put) -> None:
    put(mail("First"), to="ana@example.org")
    put(mail("Other"), to="joana@example.org")
    newest = put(mail("Second"), to="ana@example.org")
    listed = browser.get("/api/messages?to=Ana@example.org").json
    assert [message["subject"] for message in listed] == ["Second", "First"]
    assert listed[0] == {
        "id": newest.id,
        "to": "ana@example.org",
        "from": "Press <press@example.org>",
        "subject": "Second",
        "received_at": "2026-11-20T12:00:00.000002+00:00",
        "size": len(bytes(mail("Second"))),
    }
    assert len(browser.get("/api/messages?limit=1&q=example").json) == 1


def test_the_json_of_one_mail_has_all_of_it(browser: FlaskClient, store: Store, put: Put) -> None:
    kept = put(mail(html="<p>Hi</p>"))
    message = browser.get(f"/api/messages/{kept.id}").json
    assert message["id"] == kept.id
    assert message["headers"][2] == ["Subject", "Confirm"]
    assert (message["text"], message["html"]) == ("Hello\n", "<p>Hi</p>\n")
    assert message["envelope"] == {"sender": "press@example.org", "recipients": ["ana@example.org"]}
    assert browser.get(message["source"]).data == store.source(kept.id)


def test_an_unchanged_list_is_not_sent_again(browser: FlaskClient, put: Put) -> None:
    put(mail())
    tag = browser.get("/api/messages").headers["ETag"]
    assert browser.get("/api/messages", headers={"If-None-Match": tag}).status_code == 304
    put(mail())
    assert browser.get("/api/messages", headers={"If-None-Match": tag}).status_code == 200


def test_an_unknown_mail_is_a_plain_404(browser: FlaskClient) -> None:
    for path in ("/messages/no", "/messages/no/html", "/messages/no/source", "/messages/no/parts/1"):
        assert browser.get(path).status_code == 404
    assert browser.get("/api/messages/no").json == {"error": "This email is no longer here."}


def test_delete_needs_a_post(browser: FlaskClient, store: Store, put: Put) -> None:
    put(mail())
    assert browser.get("/delete").status_code == 405
    assert len(store) == 1
    assert browser.post("/delete").status_code == 303
    assert len(store) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_only_the_inbox_itself_may_delete(browser: FlaskClient, put: Put, headers: dict[str, str], status: int) -> None:
    put(mail())
    assert browser.post("/delete", headers=headers).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8025", "192.0.2.1:8025", "localhost."])
def test_a_name_that_is_not_this_machine_is_refused(browser: FlaskClient, put: Put, host: str) -> None:
    put(mail("Secret"))
    for path in ("/", "/api/messages", "/nowhere"):
        answer = browser.get(path, headers={"Host": host})
        assert answer.status_code == 400
        assert "Secret" not in answer.text
    assert browser.post("/delete", headers={"Host": host}).status_code == 400
    assert browser.get("/", headers={"Host": "localhost:8025"}).status_code == 200
