"""The language of the page that is being written: a reader's own choice, or else its publication's.

Never the browser's: what a guest reads is one page for everybody, which caches may keep
(docs/decisions/0022-the-language-of-a-page.md). The one exception is the page of a fault, which nothing keeps.
"""

from typing import Any

from flask import Flask, current_app, g, request
from flask.signals import before_render_template
from jinja2 import Template
from jinja2.runtime import Context

from newsletter.i18n import messages, template_words
from newsletter.i18n.locales import text_direction
from newsletter.i18n.messages import SOURCE

_PUBLIC = ("site/", "shared/embed_")
"""What readers see, also the forms that editors put on other sites; all other templates are in English."""
_KEY = "newsletter.languages_seen"


def init_app(app: Flask) -> None:
    """Give templates the words of the catalogues, and `language` and `direction` to those that readers see."""
    template_words.install(app.jinja_env, _of_context)
    app.jinja_env.filters["translated"] = lambda sentence: messages.translate(sentence, page_language())
    app.extensions[_KEY] = {}
    before_render_template.connect(_set_language, app)


def page_language() -> str:
    """The language of the page that is being written."""
    return str(g.get("page_language", SOURCE))


def is_of_desk() -> bool:
    """Whether what was asked for is an address of the desk, even one that leads nowhere."""
    return request.path.startswith("/desk/")


def language_without_database() -> str:
    """The language of a page for which nothing can be looked up; English at the desk.

    That of the publication, as this process last showed it; if it has shown none, or does not know which one is meant,
    the one of ours that the browser likes best.
    """
    if is_of_desk():
        return SOURCE
    seen: dict[str, str] = current_app.extensions[_KEY]
    slug = (request.view_args or {}).get("publication") or request.args.get("publication")
    meant = {seen[slug]} if slug in seen else set(seen.values())
    if len(meant) == 1:
        return meant.pop()
    return request.accept_languages.best_match(messages.languages()) or SOURCE


def _of_context(_context: Context) -> str:
    # Not from the context, which macros that a template imports do not see.
    return page_language()


def _set_language(app: Flask, template: Template, context: dict[str, Any], **_more: object) -> None:
    """Settle the language before a template is rendered, from its `language` or its `publication`."""
    if not (template.name or "").startswith(_PUBLIC):
        g.page_language = SOURCE
        return
    publication = context.get("publication")
    if publication:
        app.extensions[_KEY][publication.slug] = publication.language
    language = context.get("language") or (publication.language if publication else SOURCE)
    g.page_language = language
    context.update(language=language, direction=text_direction(language))
