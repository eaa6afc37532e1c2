"""Security of the inbox: content policies for untrusted mail, and which requests are accepted."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

TRUSTED_HOSTS = ("127.0.0.1", "localhost")

# The inbox's own pages: only their own styles and scripts.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; frame-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# A mail's HTML: no scripts, forms or origin; pictures from this machine only, so that no remote server learns that
# a mail was opened. Links may open in an unsandboxed tab.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src 'self' data: http://127.0.0.1:* http://localhost:*; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)

# A part or source opened by itself is only shown, whatever type it claims.
BYTES_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"

# Not SVG, which can contain scripts.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with it a browser sends "Origin: null" for the inbox's own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": PAGE_POLICY,
}


def from_own_page(fetch_site: str | None, origin: str | None, host: str) -> bool:
    """Whether a POST comes from the inbox's own page, or from a program that is not a browser."""
    if fetch_site is not None:
        return fetch_site == "same-origin"
    return origin is None or urlsplit(origin).netloc == host


def frame_html(html: str, picture: Callable[[str], str | None]) -> str:
    """A mail's HTML for the frame: links open a new tab, and `cid:` pictures get the URL that `picture` returns."""
    return _links_open_a_tab(_with_picture_urls(html, picture))


def _links_open_a_tab(html: str) -> str:
    # After the doctype, because anything before it would put the mail in quirks mode.
    places = (r"<head(\s[^>]*)?>", r"<html(\s[^>]*)?>", r"<!doctype[^>]*>")
    found = (re.search(place, html, re.IGNORECASE) for place in places)
    end = next((match.end() for match in found if match), 0)
    return f'{html[:end]}<base target="_blank">{html[end:]}'


def _with_picture_urls(html: str, picture: Callable[[str], str | None]) -> str:
    def address(match: re.Match[str]) -> str:
        return picture(unquote(match[1])) or match[0]

    return re.sub(r"\bcid:([^\"'\s<>)]+)", address, html, flags=re.IGNORECASE)
