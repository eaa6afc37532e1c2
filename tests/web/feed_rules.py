"""The rules by which the W3C's feed validator judges feeds, as far as they concern ours: what each of them breaks.

From RSS 2.0 (rssboard.org/rss-specification and its profile), Atom (RFC 4287) and JSON Feed 1.1 (jsonfeed.org).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_RFC_822 = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (GMT|[+-]\d{4})")
_MARKUP = re.compile(r"<[a-zA-Z/!]|&[a-z]+;")
_REFUSED = {"script", "style", "iframe", "object", "embed", "form", "input", "meta", "link", "base"}


def rss_faults(document: bytes, url: str) -> list[str]:
    """What is wrong with an RSS feed that is served at this URL."""
    root = ET.fromstring(document)  # noqa: S314  (our own)
    channel = root.find("channel")
    if root.tag != "rss" or root.get("version") != "2.0" or channel is None:
        return ["this is no RSS 2.0"]
    return [
        *_channel_faults(channel, url),
        *(fault for item in channel.findall("item") for fault in _item_faults(item)),
    ]


def atom_faults(document: bytes, url: str) -> list[str]:
    """What is wrong with an Atom feed that is served at this URL."""
    root = ET.fromstring(document)  # noqa: S314  (our own)
    if root.tag != f"{ATOM}feed":
        return ["this is no Atom"]
    entries = root.findall(f"{ATOM}entry")
    faults = [*_self_faults(root, url), *_language_faults(root.get("{http://www.w3.org/XML/1998/namespace}lang"))]
    for part in (root, *entries):
        faults += _atom_faults(part, has_author=root.find(f"{ATOM}author/{ATOM}name") is not None)
    faults += _twins("atom:id", (entry.findtext(f"{ATOM}id", "") for entry in entries))
    return faults


def json_faults(document: bytes, url: str) -> list[str]:
    """What is wrong with a JSON Feed that is served at this URL."""
    feed = json.loads(document)
    faults = [] if feed.get("version") == "https://jsonfeed.org/version/1.1" else ["the version is unknown"]
    faults += [] if feed.get("title") else ["title is missing"]
    faults += [] if feed.get("feed_url") == url else ["feed_url is not where the feed is"]
    faults += [*_url_faults("home_page_url", feed.get("home_page_url")), *_language_faults(feed.get("language"))]
    faults += _twins("id", (item.get("id", "") for item in feed["items"]))
    return [*faults, *(fault for item in feed["items"] for fault in _json_item_faults(item))]


def _channel_faults(channel: ET.Element, url: str) -> Iterator[str]:
    for name in ("title", "link", "description"):
        if not channel.findtext(name):
            yield f"channel has no {name}"
    for name, count in Counter(part.tag for part in channel).items():
        if count > 1 and name not in {"item", "category", f"{ATOM}link"}:
            yield f"channel has several {name}"
    yield from _plain_faults("title", channel.findtext("title"))
    yield from _url_faults("link", channel.findtext("link"))
    yield from _language_faults(channel.findtext("language"))
    yield from _rfc_822_faults("lastBuildDate", channel.findtext("lastBuildDate"))
    yield from _self_faults(channel, url)
    yield from _twins("guid", (item.findtext("guid", "") for item in channel.findall("item")))


def _item_faults(item: ET.Element) -> Iterator[str]:
    if not item.findtext("title") and not item.findtext("description"):
        yield "an item has neither title nor description"
    guid = item.find("guid")
    if guid is None or (guid.get("isPermaLink", "true") == "true" and list(_url_faults("guid", guid.text))):
        yield "a guid that is a permanent link is no URL"
    yield from _url_faults("link", item.findtext("link"))
    yield from _rfc_822_faults("pubDate", item.findtext("pubDate"))
    yield from _html_faults(item.findtext(CONTENT) or "")


def _atom_faults(part: ET.Element, *, has_author: bool) -> Iterator[str]:
    for name in ("id", "title", "updated"):
        found = part.findall(f"{ATOM}{name}")
        if len(found) != 1 or not found[0].text:
            yield f"{part.tag} needs one {name}"
    if not has_author and part.find(f"{ATOM}author/{ATOM}name") is None:
        yield f"{part.tag} has no author"
    yield from _url_faults("id", part.findtext(f"{ATOM}id"))
    for name in ("updated", "published"):
        yield from _rfc_3339_faults(name, part.findtext(f"{ATOM}{name}"))
    alternates = [link.get("type") for link in part.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
    yield from _twins("alternate link", alternates)
    for link in part.findall(f"{ATOM}link"):
        yield from _url_faults("link", link.get("href"))
    for category in part.findall(f"{ATOM}category"):
        if not category.get("term"):
            yield "a category has no term"
    content = part.find(f"{ATOM}content")
    if content is not None and content.get("type") == "html":
        yield from _html_faults(content.text or "")


def _json_item_faults(item: dict[str, object]) -> Iterator[str]:
    if not isinstance(item.get("id"), str) or not (item.get("content_html") or item.get("content_text")):
        yield "an item needs an id that is text, and a content"
    yield from _url_faults("url", item.get("url"))
    if "image" in item:
        yield from _url_faults("image", item["image"])
    for name in ("date_published", "date_modified"):
        yield from _rfc_3339_faults(name, item.get(name))
    yield from _html_faults(str(item.get("content_html", "")))


def _self_faults(part: ET.Element, url: str) -> Iterator[str]:
    if [link.get("href") for link in part.findall(f"{ATOM}link") if link.get("rel") == "self"] != [url]:
        yield "the link to the feed itself is missing, or leads elsewhere"


def _url_faults(name: str, url: object) -> Iterator[str]:
    parts = urlsplit(str(url or ""))
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.netloc == parts.netloc.lower()
    if not is_whole or " " in str(url):
        yield f"{name} is no absolute URL: {url}"


def _language_faults(language: object) -> Iterator[str]:
    if not _LANGUAGE.fullmatch(str(language or "")):
        yield f"{language} is no language"


def _rfc_822_faults(name: str, date: str | None) -> Iterator[str]:
    if date is not None and not (
        _RFC_822.fullmatch(date) and parsedate_to_datetime(date).strftime("%a, %d %b %Y") == date[:16]
    ):
        yield f"{name} is no date of RFC 822: {date}"


def _rfc_3339_faults(name: str, date: object) -> Iterator[str]:
    if date is not None and not (
        re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", str(date))
        and datetime.fromisoformat(str(date))
    ):
        yield f"{name} is no date of RFC 3339: {date}"


def _plain_faults(name: str, words: str | None) -> Iterator[str]:
    if _MARKUP.search(words or ""):
        yield f"{name} holds HTML: {words}"


def _twins(name: str, values: Iterable[str | None]) -> Iterator[str]:
    yield from (f"{name} comes twice: {value}" for value, count in Counter(values).items() if count > 1)


def _html_faults(html: str) -> list[str]:
    content = _Content()
    content.feed(html)
    return content.faults


class _Content(HTMLParser):
    """Finds what feed readers refuse, and URLs that are relative to a page that they do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _REFUSED:
            self.faults.append(f"<{tag}> in a content")
        for name, value in attributes:
            is_url = name in {"href", "src"} and not str(value).startswith("mailto:")
            if name.startswith("on") or (is_url and list(_url_faults(name, value))):
                self.faults.append(f'{name}="{value}" in a content')

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
