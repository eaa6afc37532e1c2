"""The language of the page that is being written: a reader's own choice, or else its publication's.

Never the browser's: what a guest reads is one page for everybody, which caches may keep
(docs/decisions/0022-the-language-of-a-page.md).
"""

from typing import Any

from flask import Flask, g
from flask.signals import before_render_template
from jinja2 import Template
from jinja2.runtime import Context

from newsletter.i18n import messages, template_words
from newsletter.i18n.locales import text_direction
from newsletter.i18n.messages import SOURCE

_PUBLIC = ("site/", "shared/embed_")
"""What readers see, also the forms that editors put on other sites; all other templates are in English."""


def init_app(app: Flask) -> None:
    """Give templates the words of the catalogues, and `language` and `direction` to those that readers see."""
    template_words.install(app.jinja_env, _of_context)
    app.jinja_env.filters["translated"] = lambda sentence: messages.translate(sentence, page_language())
    before_render_template.connect(_set_language, app)


def page_language() -> str:
    """The language of the page that is being written."""
    return str(g.get("page_language", SOURCE))


def _of_context(_context: Context) -> str:
    # Not from the context, which macros that a template imports do not see.
    return page_language()


def _set_language(_app: Flask, template: Template, context: dict[str, Any], **_more: object) -> None:
    """Settle the language before a template is rendered, from its `language` or its `publication`."""
    if not (template.name or "").startswith(_PUBLIC):
        g.page_language = SOURCE
        return
    publication = context.get("publication")
    language = context.get("language") or (publication.language if publication else SOURCE)
    g.page_language = language
    context.update(language=language, direction=text_direction(language))
