"""Preflight at the desk: findings for an issue or a text being typed, and requesting link and spam checks."""

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.editorial.issues import drafts
from newsletter.editorial.source import issue_form
from newsletter.editorial.source.front_matter import split
from newsletter.errors import Conflict
from newsletter.web.context import now, services
from newsletter.web.desk import lookup, outlook
from newsletter.web.desk.writing import editor_form, live_preview
from newsletter.workflows import build_letter, run_preflight


def preflight(slug: str) -> ResponseReturnValue:
    """The part of the issue's page that changes as results come in; opened by itself, the issue's page."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        if "HX-Request" not in request.headers or not build_letter.is_open(found):
            return redirect(url_for("desk.issue", slug=slug, _anchor="preflight"), 303)
        return render_template("desk/parts/findings.html", issue=found, inspection=outlook.inspect(store, found))


def ask_outside(slug: str) -> ResponseReturnValue:
    """Request link checks and a spam check from the worker."""
    with services().sessions.begin() as store:
        found = lookup.issue(store, slug)
        if not build_letter.is_open(found):
            raise Conflict(f"“{found.title}” is past preflight, so nothing is checked any more.")
        run_preflight.request_checks(store, found, services().links, now(), may_ask=services().settings.link_checks)
        flash("Checking. The results appear below, within a minute.")
    return redirect(url_for("desk.issue", slug=slug, _anchor="preflight"), 303)


def judge_text(slug: str) -> Response:
    """The findings for a text being typed, which is not stored: the part of the page, and the number of each level."""
    with services().sessions.reading() as store:
        found = editor_form.issue(store, slug)
        source = editor_form.text(store, found).source
        read = drafts.examine(store, found, source)
        may_ask = services().settings.link_checks
        inspection = run_preflight.inspect_text(
            store, found, read, live_preview.render_mail(store, found, read), services().links, may_ask=may_ask
        )
        front = split(source)
        places = {
            finding.line: issue_form.form_place(front, finding.line) for finding in inspection.findings if finding.line
        }
        part = render_template("desk/parts/findings.html", issue=found, inspection=inspection, places=places)
    return jsonify(html=part)
