"""Translation in Jinja templates: `{% trans %}`, `_()` and `ngettext()`, in the language of what is being written."""

from collections.abc import Callable, Mapping

from jinja2 import Environment, pass_context
from jinja2.ext import InternationalizationExtension
from jinja2.runtime import Context
from markupsafe import Markup

from newsletter.i18n import messages


def install(
    templates: Environment, language_of: Callable[[Context], str], printed: Callable[[object], object] = lambda it: it
) -> None:
    """Give templates the messages of the catalogues; `printed` prepares each value that is put into a message.

    Messages may hold markup and merge fields, because they are ours; values are escaped as everywhere in a template.
    """
    templates.add_extension(InternationalizationExtension)
    # The calls that `{% trans %}` makes then carry the values.
    templates.newstyle_gettext = True  # type: ignore[attr-defined]
    templates.policies["ext.i18n.trimmed"] = True

    def put(context: Context, language: str, message: str, values: Mapping[str, object]) -> Markup:
        ready = {name: printed(value) for name, value in messages.written(language, values).items()}
        escapes = context.eval_ctx.autoescape
        return Markup(message) % ready if escapes else Markup(message % ready)  # noqa: S704  (a message is ours)

    @pass_context
    def gettext(context: Context, source: str, **values: object) -> Markup:
        language = language_of(context)
        return put(context, language, messages.catalogue(language).gettext(source), values)

    @pass_context
    def ngettext(context: Context, one: str, other: str, num: int, **values: object) -> Markup:
        language = language_of(context)
        found = messages.catalogue(language).ngettext(one, other, num)
        return put(context, language, found, {"num": num, **values})

    templates.globals.update(gettext=gettext, ngettext=ngettext)
