"""Rules for links: their targets and their text."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.facts import Facts
from newsletter.editorial.preflight.findings import Finding, blocking, note, warning
from newsletter.editorial.preflight.registry import rule
from newsletter.editorial.source.markdown import Reference
from newsletter.outbound import Answer
from newsletter.publications import contact

_SAYS_NOTHING = {
    *("click", "click here", "here", "this", "link", "this link", "more", "read more", "read more here", "learn more"),
    *("see more", "see here", "details", "more details", "more info", "info", "this page", "page", "website", "url"),
    *(
        "this article",
        "article",
        "source",
        "go",
        "download",
        "tap here",
        "find out more",
        "continue",
        "continue reading",
    ),
}
_BARE = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
# Reserved for examples and tests, or local, by RFC 2606 and RFC 6761.
_EXAMPLES = re.compile(r"(?:.+\.)?(?:example\.(?:com|org|net)|example|test|invalid|localhost|local)")
_MEANT_LATER = re.compile(r"(?:.*\.)?(?:yoursite|yourdomain|your-?website|mysite|domain|website)\.(?:com|org|net)")
_SHORTENERS = {
    *("bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "buff.ly", "is.gd", "rebrand.ly", "cutt.ly", "lnkd.in"),
}
_BEHIND_A_DOOR = re.compile(
    r"(?:docs|drive|mail|sheets)\.google\.com/.*|[^/]*/wp-admin.*|.*/(?:edit|admin|login|sign-?in|preview)/?$"
    r"|[^/]*notion\.so/.*|app\.[^/]+/.*|[^/]*sharepoint\.com/.*"
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_TURNED_AWAY = {401, 403, 405, 406, 407, 429, 451, 503, 999}
_GONE = {404, 410}


@lru_cache(maxsize=1_024)
def parts(url: str) -> SplitResult:
    """A URL split into its parts; empty parts for an invalid one."""
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError:
        return urlsplit("")
    return split


def host(url: str) -> str:
    """The host of a URL in lower case; empty if there is none."""
    return (parts(url).hostname or "").rstrip(".")


@rule()
def links_lead_somewhere(context: CheckContext) -> Iterator[Finding]:
    """A reader who taps and gets nowhere stops tapping."""
    for link in context.links:
        if link.target in contact.PATHS:
            if link.target not in context.facts.pages:
                fix = "turn it on in Settings › Questions and bookings, or give a full address"
                yield blocking(f"link [{link.words}] leads to our page {link.target}, which is off", fix, link.line)
        elif fault := _nowhere(link):
            yield blocking(f"link [{link.words}] {fault}", "give it a full address: https://…", link.line)


@rule("WCAG 2.2, 2.4.4")
def links_can_be_seen(context: CheckContext) -> Iterator[Finding]:
    """A link without words cannot be tapped, and a screen reader spells out its address."""
    for link in context.links:
        if not link.words:
            yield blocking(f"a link to {link.target or 'nowhere'} has no words", "say where it leads", link.line)


@rule("WCAG 2.2, 2.4.4")
def links_say_where_they_lead(context: CheckContext) -> Iterator[Finding]:
    """Many readers skim the links alone, and a screen reader lists them without their sentences."""
    for link in context.links:
        if link.words.casefold().strip(" .…!»›→:") in _SAYS_NOTHING:
            yield warning(f"link [{link.words}] does not say where it leads", "name the page it leads to", link.line)
        elif _BARE.fullmatch(link.words):
            yield note(f"{link.words} is shown as a bare address", "link words that say what it is", link.line)


@rule("WCAG 2.2, 2.4.9")
def the_same_words_lead_to_the_same_place(context: CheckContext) -> Iterator[Finding]:
    """In a list of links, two that sound alike are taken for one."""
    places = defaultdict(list)
    for link in context.links:
        places[link.words.casefold()].append(link)
    for words, links in places.items():
        other = next((link for link in links if link.target != links[0].target), None)
        if words and other is not None and words not in _SAYS_NOTHING:
            yield note(f"two links [{other.words}] lead to different places", "tell them apart in words", other.line)


@rule()
def links_are_safe_to_open(context: CheckContext) -> Iterator[Finding]:
    """Browsers warn of http:, and whoever sits in between can read and change what comes."""
    for link in context.links:
        if parts(link.target).scheme == "http" and not _is_placeholder(context, link.target):
            yield warning(
                f"link [{link.words}] leads to http:, not https:", "add the s, and check that it opens", link.line
            )
    for source in context.issue.sources:
        if parts(source.url).scheme == "http":
            yield warning(f"source “{source.title}” has an http: address", "add the s", context.line_of(source.url))


@rule("RFC 2606")
def no_link_is_a_placeholder(context: CheckContext) -> Iterator[Finding]:
    """Placeholder addresses open nothing, or somebody else's page."""
    for url, words, line in _all(context):
        if _is_placeholder(context, url):
            yield warning(f"{words}: {host(url)} is a placeholder", "put the real address in", line)


@rule()
def links_are_open_to_readers(context: CheckContext) -> Iterator[Finding]:
    """A page that opens for a signed-in editor may ask a reader for a password."""
    for url, words, line in _all(context):
        if _BEHIND_A_DOOR.fullmatch(host(url) + parts(url).path):
            yield note(f"{words} may be open to editors only", "open it in a private window to check", line)


@rule()
def links_are_not_shortened(context: CheckContext) -> Iterator[Finding]:
    """Spam hides behind shortened addresses, so filters distrust them and readers cannot see where they lead."""
    for url, words, line in _all(context):
        if host(url) in _SHORTENERS:
            yield warning(f"{words}: {host(url)} shortens addresses", "use the address that it leads to", line)


@rule()
def links_into_the_archive_open(context: CheckContext) -> Iterator[Finding]:
    """A link to an issue that is misspelled, renamed or not out yet opens an error page."""
    issues = context.facts.issues
    if issues is None:
        return
    for url, words, line in _all(context):
        slug = _archived_slug(context.facts, url)
        if not slug or slug == context.issue.slug:
            continue
        if slug not in issues:
            yield warning(
                f"{words} leads to no issue: there is none called {slug}", "copy the address from that issue", line
            )
        elif not issues[slug]:
            yield warning(
                f"{words} leads to an issue that is not out yet", "send that one first, or link another", line
            )


@rule()
def links_answer(context: CheckContext) -> Iterator[Finding]:
    """A page that is gone costs readers' trust, and an email cannot be recalled."""
    if context.facts.links_asked is False and any(True for _ in web_links(context)):
        yield note(
            "the links have not been checked",
            "open them yourself, or ask whoever runs the server to turn on link checks",
        )
    for url, words, line in _all(context):
        answer = context.facts.answers.get(url)
        if answer is not None:
            yield from _judged(answer, words, line)


def archived_slugs(context: CheckContext) -> set[str]:
    """The slugs of our own issues that the text links to, whether or not they exist."""
    return {slug for url, _, _ in _all(context) if (slug := _archived_slug(context.facts, url))}


def _archived_slug(facts: Facts, url: str) -> str:
    """The slug in a URL of our archive; empty for any other URL."""
    ours, theirs = parts(facts.archive), parts(url)
    if not facts.archive or (host(url), _port(theirs)) != (host(facts.archive), _port(ours)):
        return ""
    begins, _, slug = theirs.path.strip("/").rpartition("/")
    return unquote(slug) if begins == ours.path.strip("/") else ""


def _port(address: SplitResult) -> int | None:
    """The port, if it is not one that an address need not name."""
    return None if address.port in {80, 443} else address.port


def web_links(context: CheckContext) -> Iterator[str]:
    """The web URLs that an issue links to, except the publication's own."""
    for url, _, _ in _all(context):
        if parts(url).scheme in {"http", "https"} and not context.facts.is_own(host(url)):
            yield url


def _all(context: CheckContext) -> Iterator[tuple[str, str, int | None]]:
    """Every URL with its description and line: the links of the text, then the sources."""
    for link in context.links:
        yield link.target, f"link [{link.words}]", link.line
    linked = {link.target for link in context.links}
    for source in context.issue.sources:
        if source.url not in linked:
            yield source.url, f"source “{source.title}”", context.line_of(source.url)


def _nowhere(link: Reference) -> str:
    target, scheme = link.target.strip(), parts(link.target).scheme
    if target in {"", "#"}:
        return "leads nowhere"
    if target.startswith("#"):
        return "leads to a place within the email, which most mail programs do not find"
    if scheme == "mailto":
        return "" if _ADDRESS.fullmatch(parts(target).path) else "has no email address"
    if scheme in {"http", "https"}:
        return "" if host(target) else "has an address that cannot be read"
    return "has an address without https://"


def _is_placeholder(context: CheckContext, url: str) -> bool:
    name = host(url)
    # The publication's own host comes from its settings, not from the issue.
    return bool(_EXAMPLES.fullmatch(name) or _MEANT_LATER.fullmatch(name)) and not context.facts.is_own(name)


def _judged(answer: Answer, words: str, line: int | None) -> Iterator[Finding]:
    if answer.fault:
        yield warning(f"{words} {answer.fault}", "open it yourself, then fix or replace it", line)
    elif answer.status in _GONE:
        yield warning(f"{words} leads to a page that is gone ({answer.status})", "find its new address", line)
    elif answer.status in _TURNED_AWAY:
        yield note(f"{words} refused our check ({answer.status})", "open it yourself", line)
    elif answer.status is not None and answer.status >= 400:
        yield warning(f"{words} answers with an error ({answer.status})", "open it yourself, now and again later", line)
