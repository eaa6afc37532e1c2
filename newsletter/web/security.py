"""Security headers, cookies and CSRF protection."""

import hashlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Blueprint, Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect
from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from newsletter.config import Settings
from newsletter.web.proxies import ProxyHeaders

FORM_BYTES = 64 * 1024
"""The maximum size of a form; a view that needs more sets `request.max_content_length` itself."""

_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "worker-src": "'none'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_UNUSED = ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")


def policy(changes: Mapping[str, str] | None = None) -> str:
    """The Content-Security-Policy of a page; `changes` names the directives that differ."""
    return "; ".join(f"{name} {value}" for name, value in {**_POLICY, **(changes or {})}.items())


HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A page with a form belongs to one reader; pages that may be cached say so themselves.
    "Cache-Control": "private, no-cache",
}

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
"""For pages of one person, whose URL may be a key: not cached, not sent as a referrer, not indexed."""

FRAMEABLE = {
    "Content-Security-Policy": policy({"frame-ancestors": "*"}),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Robots-Tag": "noindex",
}
"""For a page that other sites may show in a frame: nothing that it offers may change anything within the frame."""

csrf = CSRFProtect()

_View = TypeVar("_View", bound=Callable[..., object])


def init_app(app: Flask, settings: Settings) -> None:
    """Add security headers to every answer, check the origin of every form, and set the flags of cookies."""
    is_https = settings.public_url.startswith("https://")
    app.config.update(_config(settings, is_https))
    app.session_interface = _Sessions()
    csrf.init_app(app)
    app.before_request(_check_csrf)
    app.after_request(_protect)
    app.after_request(_make_redirects_relative)
    if is_https:
        app.after_request(_add_hsts)
    app.wsgi_app = ProxyHeaders(app.wsgi_app, settings.proxy_hops)  # type: ignore[method-assign]


def keep_private(blueprint: Blueprint) -> None:
    """Mark every answer of these routes as one person's own, errors included."""
    blueprint.after_request(_mark_private)


def without_token(view: _View) -> _View:
    """Exempt a view from CSRF protection."""
    csrf.exempt(view)
    return view


def _is_own_form() -> bool:
    """Whether the browser confirms, by Sec-Fetch-Site, that the request comes from one of our pages."""
    # No page can set this header. It allows a form without a token on a page that is cached for everybody, and lets
    # readers whose browser keeps no cookies confirm.
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def _config(settings: Settings, is_https: bool) -> dict[str, object]:
    return {
        "SECRET_KEY": _session_key(settings.secret),
        "SECRET_KEY_FALLBACKS": [_session_key(secret) for secret in settings.older_secrets],
        # The prefix binds the cookie to this host; browsers accept it over https only.
        "SESSION_COOKIE_NAME": "__Host-newsletter" if is_https else "newsletter",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": FORM_BYTES,
        "WTF_CSRF_CHECK_DEFAULT": False,
        # A form may stay open for days. Its token is valid as long as its session.
        "WTF_CSRF_TIME_LIMIT": None,
        # Pages whose URL is a key send no referrer, so a missing one proves nothing.
        "WTF_CSRF_SSL_STRICT": False,
    }


def _session_key(secret: bytes) -> bytes:
    return hashlib.sha256(b"newsletter/session/" + secret).digest()


def _check_csrf() -> None:
    if not _is_own_form():
        csrf.protect(apply_exemptions=True)


def _mark_private(answer: Response) -> Response:
    answer.headers.update(PRIVATE)
    return answer


def _protect(answer: Response) -> Response:
    # Instead of `setdefault` for each, which would go through all headers each time.
    present = {name.lower() for name, _ in answer.headers}
    for name, value in HEADERS.items():
        if name.lower() not in present:
            answer.headers.add(name, value)
    return answer


def _make_redirects_relative(answer: Response) -> Response:
    # Werkzeug builds some redirects from the Host header, which the client can choose.
    if answer.location and answer.location.startswith(request.host_url):
        answer.location = "/" + answer.location.removeprefix(request.host_url).lstrip("/")
        answer.set_data(b"")
    return answer


def _add_hsts(answer: Response) -> Response:
    answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return answer


class _ExactSigner(TimestampSigner):
    """Accepts a signature only in its exact spelling: base64's unused last bits must match as well.

    One made by a clock that is ahead of ours is as good as one that is as old: hosts' clocks differ, and are set back.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        value, made_at = super().unsign(signed_value, return_timestamp=True)
        if max_age is not None and abs(self.get_timestamp() - made_at.timestamp()) > max_age:
            raise SignatureExpired("too far from now", payload=value, date_signed=made_at)
        return (value, made_at) if return_timestamp else value

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        try:
            is_exact = base64_encode(base64_decode(sig)) == (sig.encode() if isinstance(sig, str) else sig)
        except BadData:
            return False
        return is_exact and super().verify_signature(value, sig)


class _Sessions(SecureCookieSessionInterface):
    """The session in a signed cookie; not sent with answers that may be cached, which are the same for everybody.

    Nor with answers to a script whose session has ended, which could overwrite one just started in another tab.
    """

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _ExactSigner
        return serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        # Most visitors bring no cookie, and what would read one takes longer to make than the rest of this.
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not response.cache_control.public and response.status_code != HTTPStatus.UNAUTHORIZED:
            super().save_session(app, session, response)
