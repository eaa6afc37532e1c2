"""The rules by which the W3C's feed validator judges feeds, as far as they concern ours: what each of them breaks.

From RSS 2.0 (rssboard.org/rss-specification and its profile), Atom (RFC 4287), JSON Feed 1.1 (jsonfeed.org), and the
list of the validator's own messages. Not asked is what it only guesses: whether a plain title that quotes markup was
meant as markup, and whether two entries that changed at one instant are twins.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from tests.web.feed_content_rules import character_faults, html_faults, url_faults

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_MOST_BYTES = 5_000_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_RFC_822 = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (GMT|[+-]\d{4})")
_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_MARKUP = re.compile(r"<[a-zA-Z/!]|&[a-z]+;")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(;\s*[\w-]+=[\w.-]+)?")
_PREFIXES = {ATOM: ("", "atom"), CONTENT: ("content",), CREATOR: ("dc",)}
"""The prefixes by which programs that do not know namespaces find what is in them."""
_LINK = frozenset({"href", "rel", "type", "hreflang", "title", "length"})
_RELATIONS = frozenset({"alternate", "enclosure", "hub", "license", "related", "replies", "self", "via"})

# What may stand in an element, and the attributes that it may have; several of a kind where the name has a star.
_RSS = {
    "rss": "channel",
    "channel": f"title link description language lastBuildDate pubDate ttl copyright image category* item* {ATOM}link*",
    "item": f"title link guid pubDate description comments enclosure category* {CREATOR}* {CONTENT}",
}
_RSS_ATTRIBUTES = {"rss": {"version"}, "guid": {"isPermaLink"}, "category": {"domain"}, f"{ATOM}link": _LINK}
_ATOM = {
    f"{ATOM}feed": "id title subtitle updated generator icon logo rights author* category* contributor* link* entry*",
    f"{ATOM}entry": "id title published updated summary content rights source author* category* contributor* link*",
    f"{ATOM}author": "name uri email",
}
_ATOM = {parent: " ".join(f"{ATOM}{name}" for name in names.split()) for parent, names in _ATOM.items()}
_ATOM_ATTRIBUTES = {
    f"{ATOM}feed": {_XML_LANGUAGE},
    f"{ATOM}link": _LINK,
    f"{ATOM}category": {"term", "scheme", "label"},
    **{f"{ATOM}{name}": {"type", _XML_LANGUAGE} for name in ("title", "subtitle", "summary", "content", "rights")},
}


def rss_faults(document: bytes, url: str, now: datetime) -> list[str]:
    """What is wrong with an RSS feed that is served at this URL at that time."""
    root = ET.fromstring(document)  # noqa: S314  (our own)
    channel = root.find("channel")
    if root.tag != "rss" or root.get("version") != "2.0" or channel is None:
        return ["this is no RSS 2.0"]
    items = channel.findall("item")
    return [
        *_document_faults(document),
        *_vocabulary_faults(root, _RSS, _RSS_ATTRIBUTES),
        *_order_faults(channel, "item"),
        *_channel_faults(channel, url, now),
        *(fault for item in items for fault in _item_faults(item, now)),
    ]


def atom_faults(document: bytes, url: str, now: datetime) -> list[str]:
    """What is wrong with an Atom feed that is served at this URL at that time."""
    root = ET.fromstring(document)  # noqa: S314  (our own)
    if root.tag != f"{ATOM}feed":
        return ["this is no Atom"]
    entries = root.findall(f"{ATOM}entry")
    faults = [*_document_faults(document), *_vocabulary_faults(root, _ATOM, _ATOM_ATTRIBUTES)]
    faults += [*_order_faults(root, f"{ATOM}entry"), *_self_faults(root, url)]
    faults += _language_faults(root.get(_XML_LANGUAGE))
    for part in (root, *entries):
        faults += _atom_faults(part, now, has_author=root.find(f"{ATOM}author/{ATOM}name") is not None)
    faults += _twins("atom:id", (entry.findtext(f"{ATOM}id", "") for entry in entries))
    return faults


def json_faults(document: bytes, url: str, now: datetime) -> list[str]:
    """What is wrong with a JSON Feed that is served at this URL at that time."""
    feed = json.loads(document)
    faults = [] if feed.get("version") == "https://jsonfeed.org/version/1.1" else ["the version is unknown"]
    faults += [] if feed.get("title") else ["title is missing"]
    faults += [] if feed.get("feed_url") == url else ["feed_url is not where the feed is"]
    faults += [*url_faults("home_page_url", feed.get("home_page_url")), *_language_faults(feed.get("language"))]
    faults += _twins("id", (item.get("id", "") for item in feed["items"]))
    return [*faults, *(fault for item in feed["items"] for fault in _json_item_faults(item, now))]


def _document_faults(document: bytes) -> Iterator[str]:
    text = document.decode()
    if not text.startswith('<?xml version="1.0" encoding="utf-8"?>'):
        yield "the document does not say that it is XML 1.0 in UTF-8"
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        yield "the document has a type or entities of its own"
    if len(document) > _MOST_BYTES:
        yield "the document is longer than the validator reads"
    for prefix, namespace in re.findall(r'\sxmlns:?(\w*)="([^"]*)"', text):
        if prefix not in next((known for tag, known in _PREFIXES.items() if tag.startswith(f"{{{namespace}}}")), ()):
            yield f"{prefix} is not what programs call {namespace}"
    if re.search("<feed[^>]+xmlns:atom", text):
        yield "a prefix for what needs none"
    yield from character_faults(text)


def _vocabulary_faults(
    root: ET.Element, children: Mapping[str, str], attributes: Mapping[str, Iterable[str]]
) -> Iterator[str]:
    """Elements and attributes that have no place there, those that come too often, and those that say nothing."""
    for part in root.iter():
        known = children.get(part.tag, "").split()
        for tag, count in Counter(child.tag for child in part).items():
            if f"{tag}*" not in known and (tag not in known or count > 1):
                yield f"{part.tag} holds {count} {tag}"
        yield from (f"{part.tag} has {name}" for name in part.attrib if name not in attributes.get(part.tag, ()))
        words = (part.text or "").strip()
        is_said_by_attributes = part.tag.endswith("}link") or part.tag == f"{ATOM}category"
        if bool(words) == bool(known or is_said_by_attributes):
            yield f"{part.tag} says {words or 'nothing'}"


def _order_faults(parent: ET.Element, last: str) -> Iterator[str]:
    tags = [part.tag for part in parent]
    if tags != sorted(tags, key=lambda tag: tag == last):
        yield f"something comes after the first {last}"


def _channel_faults(channel: ET.Element, url: str, now: datetime) -> Iterator[str]:
    for name in ("title", "link", "description"):
        if not channel.findtext(name):
            yield f"channel has no {name}"
    yield from _plain_faults("title", channel.findtext("title"))
    yield from url_faults("link", channel.findtext("link"))
    yield from _language_faults(channel.findtext("language"))
    yield from _rfc_822_faults("lastBuildDate", channel.findtext("lastBuildDate"), now)
    yield from _self_faults(channel, url)
    yield from (fault for link in channel.findall(f"{ATOM}link") for fault in _link_faults(link))
    yield from _twins("guid", (item.findtext("guid", "") for item in channel.findall("item")))


def _item_faults(item: ET.Element, now: datetime) -> Iterator[str]:
    if not item.findtext("title") and not item.findtext("description"):
        yield "an item has neither title nor description"
    guid = item.find("guid")
    if guid is None or (guid.get("isPermaLink", "true") == "true" and list(url_faults("guid", guid.text))):
        yield "a guid that is a permanent link is no URL"
    if guid is not None and guid.get("isPermaLink", "true") not in {"true", "false"}:
        yield "isPermaLink is neither true nor false"
    tags = [part.tag for part in item]
    if CONTENT in tags and "description" not in tags[: tags.index(CONTENT)]:
        yield "a content without a description before it"
    yield from url_faults("link", item.findtext("link"))
    yield from _rfc_822_faults("pubDate", item.findtext("pubDate"), now)
    yield from html_faults(item.findtext("description") or "")
    yield from html_faults(item.findtext(CONTENT) or "")


def _atom_faults(part: ET.Element, now: datetime, *, has_author: bool) -> Iterator[str]:
    for name in ("id", "title", "updated"):
        text = part.findtext(f"{ATOM}{name}")
        if not text or (name != "title" and text != text.strip()):
            yield f"{part.tag} needs one {name}, and no spaces around it"
    if not has_author and part.find(f"{ATOM}author/{ATOM}name") is None:
        yield f"{part.tag} has no author"
    if any(re.search(r"<\S+@\S+>", name.text or "") for name in part.findall(f"{ATOM}author/{ATOM}name")):
        yield "the name of an author holds an address"
    yield from _canonical_faults("id", part.findtext(f"{ATOM}id"))
    for name in ("updated", "published"):
        yield from _rfc_3339_faults(name, part.findtext(f"{ATOM}{name}"), now)
    links = part.findall(f"{ATOM}link")
    yield from _twins("link", ((link.get("rel"), link.get("type"), link.get("hreflang")) for link in links))
    yield from (fault for link in links for fault in _link_faults(link))
    for category in part.findall(f"{ATOM}category"):
        if not category.get("term"):
            yield "a category has no term"
    content = part.find(f"{ATOM}content")
    if content is None and part.tag == f"{ATOM}entry" and part.find(f"{ATOM}summary") is None:
        yield "an entry says nothing"
    if content is not None and content.get("type") == "html":
        yield from html_faults(content.text or "")


def _json_item_faults(item: dict[str, object], now: datetime) -> Iterator[str]:
    if not isinstance(item.get("id"), str) or not (item.get("content_html") or item.get("content_text")):
        yield "an item needs an id that is text, and a content"
    yield from url_faults("url", item.get("url"))
    if "image" in item:
        yield from url_faults("image", item["image"])
    for name in ("date_published", "date_modified"):
        yield from _rfc_3339_faults(name, item.get(name), now)
    yield from html_faults(str(item.get("content_html", "")))


def _self_faults(part: ET.Element, url: str) -> Iterator[str]:
    if [link.get("href") for link in part.findall(f"{ATOM}link") if link.get("rel") == "self"] != [url]:
        yield "the link to the feed itself is missing, or leads elsewhere"


def _link_faults(link: ET.Element) -> Iterator[str]:
    relation, media_type = link.get("rel", "alternate"), link.get("type", "text/html")
    if relation not in _RELATIONS:
        yield f"no link is called {relation}"
    if not _MEDIA_TYPE.fullmatch(media_type) or (relation == "self") != (media_type in _FEED_TYPES):
        yield f"a link to {relation} is no {media_type}"
    yield from url_faults("link", link.get("href"))


_FEED_TYPES = frozenset({"application/atom+xml", "application/rss+xml"})


def _canonical_faults(name: str, url: str | None) -> Iterator[str]:
    """What keeps two programs from seeing that two ids are the same."""
    yield from url_faults(name, url)
    parts = urlsplit(url or "")
    if (
        not parts.path.startswith("/")
        or "/." in parts.path
        or parts.port in {80, 443}
        or re.search("%[a-f]", url or "")
    ):
        yield f"{name} can be written otherwise: {url}"


def _language_faults(language: object) -> Iterator[str]:
    if not _LANGUAGE.fullmatch(str(language or "")):
        yield f"{language} is no language"


def _rfc_822_faults(name: str, date: str | None, now: datetime) -> Iterator[str]:
    if date is None:
        return
    when = parsedate_to_datetime(date) if _RFC_822.fullmatch(date) else None
    if when is None or when.strftime("%a, %d %b %Y") != date[:16]:
        yield f"{name} is no date of RFC 822: {date}"
    else:
        yield from _time_faults(name, when, now)


def _rfc_3339_faults(name: str, date: object, now: datetime) -> Iterator[str]:
    if date is None:
        return
    if not _RFC_3339.fullmatch(str(date)):
        yield f"{name} is no date of RFC 3339: {date}"
    else:
        yield from _time_faults(name, datetime.fromisoformat(str(date)), now)


def _time_faults(name: str, when: datetime, now: datetime) -> Iterator[str]:
    if not datetime(1990, 1, 1, tzinfo=UTC) <= when <= now + timedelta(minutes=10):
        yield f"{name} is hardly true: {when}"


def _plain_faults(name: str, words: str | None) -> Iterator[str]:
    if _MARKUP.search(words or ""):
        yield f"{name} holds HTML: {words}"


def _twins(name: str, values: Iterable[object]) -> Iterator[str]:
    yield from (f"{name} comes twice: {value}" for value, count in Counter(values).items() if count > 1)
