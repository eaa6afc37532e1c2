"""Rules for merge fields, and for other programs' fields."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.registry import rule

_BARE_NAME = re.compile(r"(?<!\\)\{\{\s*name\s*(?:\|\s*)?\}\}")
# As Mailchimp, SendGrid, Mailgun, Campaign Monitor, Outlook and others write them.
_FOREIGN = re.compile(
    r"\*\|[A-Z_:0-9]+\|\*|%%?\w+%%?(?!\w)|%recipient[.\w]*%|\$\{\w+\}|<<[^<>]+>>"
    r"|(?<!\{)\{\$?(?:first_?name|last_?name|name|email)\}(?!\})"
    r"|\[\[?\s*(?:first ?name|last ?name|name|email|subscriber)[^\[\]]*\]\]?(?![(\[])",
    re.IGNORECASE,
)


@rule()
def a_name_has_a_fallback(context: CheckContext) -> Iterator[Finding]:
    """Not every reader gave a name, and “Hello ,” shows that a machine wrote it."""
    for line in context.lines:
        for found in _BARE_NAME.finditer(line.raw):
            yield warning(
                f"{found[0]} prints nothing for a reader without a name",
                "write what stands there instead: {{ name | friend }}",
                *line.where(found),
            )


@rule()
def no_field_is_another_programs(context: CheckContext) -> Iterator[Finding]:
    """What another program would fill in is printed here as it is."""
    for line in context.lines:
        for found in _FOREIGN.finditer(line.text):
            yield warning(
                f"{found[0]} is not a merge field here, and would be printed",
                "write {{ name | friend }} or {{ email }}",
                *line.where(found),
            )
