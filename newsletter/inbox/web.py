"""The inbox's web pages and JSON. No GET changes anything, and a mail's HTML is only shown in a sandboxed frame."""

from io import BytesIO
from pathlib import Path

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, send_file, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from newsletter.errors import NotFound
from newsletter.i18n import formats
from newsletter.inbox import security
from newsletter.inbox.parse import ParsedMail, decoded, parse_mail
from newsletter.inbox.store import KEEP, Mail, Store
from newsletter.inbox.view import InboxView, detail_json, summary_json
from newsletter.system.bundled import folder

_PAGE_LENGTH = 100
MAX_SOURCE = 200_000  # bytes of a source on its page; the link beside it has all of them


def create_inbox(store: Store, smtp_address: str) -> Flask:
    """The inbox's WSGI application; `smtp_address` is shown while it is empty."""
    app = Flask(
        __name__,
        static_folder=str(Path(__file__).parent / "assets"),
        static_url_path="/assets",
        template_folder=str(folder("templates")),
    )
    # DNS rebinding: another site can resolve its name to 127.0.0.1; only the Host header gives it away.
    app.config["TRUSTED_HOSTS"] = security.TRUSTED_HOSTS
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.globals.update(smtp_address=smtp_address, moment=formats.short_moment, plural=formats.plural)
    _guard(app)
    _add_pages(app, Pages(store))
    json = _Json(store)
    app.add_url_rule("/api/messages", "api_mails", json.mails)
    app.add_url_rule("/api/messages/<mail_id>", "api_mail", json.mail)
    return app


class Pages:
    """The HTML pages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def index(self) -> str:
        return self._page("inbox/index.html", InboxView.parse(request.args))

    def mail(self, mail_id: str) -> str:
        """One mail beside the list."""
        view, mail, source = InboxView.parse(request.args), self._store.get(mail_id), self._store.source(mail_id)
        reading = parse_mail(source)
        return self._page(
            "inbox/mail.html",
            view,
            mail=mail,
            reading=reading,
            show=view.shows(reading),
            source_text=decoded(source[:MAX_SOURCE], "utf-8"),
            source_is_cut=len(source) > MAX_SOURCE,
        )

    def html(self, mail_id: str) -> Response:
        """The mail's HTML, sandboxed, for the frame or a tab of its own."""
        reading = parse_mail(self._store.source(mail_id))
        if reading.html is None:
            raise NotFound("This email has no HTML.")
        page = security.frame_html(reading.html, lambda content_id: _picture(mail_id, reading, content_id))
        return _foreign(Response(page, mimetype="text/html"), security.MAIL_POLICY)

    def source(self, mail_id: str) -> Response:
        """The received bytes."""
        return _foreign(Response(self._store.source(mail_id), mimetype="text/plain"), security.BYTES_POLICY)

    def part(self, mail_id: str, number: int) -> Response:
        """One part: a picture inline, anything else as a download."""
        reading = parse_mail(self._store.source(mail_id))
        part = next((part for part in reading.parts if part.number == number), None)
        if part is None:
            raise NotFound("This email has no such part.")
        is_picture = part.content_type in security.PICTURES
        sent = send_file(
            BytesIO(part.body),
            mimetype=part.content_type if is_picture else "application/octet-stream",
            as_attachment=not is_picture,
            download_name=part.name or f"part-{number}",
        )
        return _foreign(sent, security.BYTES_POLICY)

    def delete(self) -> AnyResponse:
        """Delete every mail."""
        self._store.clear()
        return redirect(url_for("index"), 303)

    def _page(self, template: str, view: InboxView, mail: Mail | None = None, **more: object) -> str:
        mails = self._store.newest(words=view.q, before=view.before, limit=_PAGE_LENGTH + 1)
        return render_template(
            template,
            view=view,
            mail=mail,
            mails=mails[:_PAGE_LENGTH],
            has_older=len(mails) > _PAGE_LENGTH,
            total=len(self._store),
            page_length=_PAGE_LENGTH,
            **more,
        )


class _Json:
    """The JSON for tests, the demo and the page's own script."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def mails(self) -> Response:
        """Mails, newest first; `to` is a whole recipient, `q` the search words, `limit` the maximum number."""
        limit = request.args.get("limit", KEEP, type=int)
        asked = {"to": request.args.get("to", "").strip(), "words": request.args.get("q", "")}
        answer = jsonify([summary_json(mail) for mail in self._store.newest(**asked, limit=max(limit, 0))])
        # The page polls every two seconds; while nothing is new, the answer is one line.
        answer.headers["Cache-Control"] = "no-cache"
        answer.add_etag()
        answer.make_conditional(request)
        return answer

    def mail(self, mail_id: str) -> Response:
        mail, reading = self._store.get(mail_id), parse_mail(self._store.source(mail_id))
        return jsonify(detail_json(mail, reading, url_for("source", mail_id=mail_id)))


def _add_pages(app: Flask, pages: Pages) -> None:
    app.add_url_rule("/", "index", pages.index)
    app.add_url_rule("/messages/<mail_id>", "mail", pages.mail)
    app.add_url_rule("/messages/<mail_id>/html", "html", pages.html)
    app.add_url_rule("/messages/<mail_id>/source", "source", pages.source)
    app.add_url_rule("/messages/<mail_id>/parts/<int:number>", "part", pages.part)
    app.add_url_rule("/delete", "delete", pages.delete, methods=["POST"])


def _guard(app: Flask) -> None:
    app.before_request(_refuse_other_sites)
    app.after_request(_protect)
    app.register_error_handler(NotFound, lambda error: _error_page(str(error), 404))
    app.register_error_handler(HTTPException, _http_error)


def _refuse_other_sites() -> None:
    headers = request.headers
    own = security.from_own_page(headers.get("Sec-Fetch-Site"), headers.get("Origin"), request.host)
    if request.method not in {"GET", "HEAD", "OPTIONS"} and not own:
        abort(403, "Only the inbox's own page may do this.")


def _protect(answer: Response) -> Response:
    for name, value in security.HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _foreign(answer: Response, policy: str) -> Response:
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _picture(mail_id: str, reading: ParsedMail, content_id: str) -> str | None:
    part = reading.part_by_content_id(content_id)
    return None if part is None else url_for("part", mail_id=mail_id, number=part.number)


def _http_error(error: HTTPException) -> tuple[Response, int]:
    return _error_page(error.description or error.name, error.code or 500)


def _error_page(sentence: str, code: int) -> tuple[Response, int]:
    if request.path.startswith("/api/"):
        return jsonify(error=sentence), code
    return Response(render_template("inbox/sorry.html", sentence=sentence, code=code)), code
