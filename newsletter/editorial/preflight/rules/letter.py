"""Rules for the rendered mail: size, footer, headings, colours."""

import re
from collections.abc import Iterator

from newsletter.addresses import freemail
from newsletter.editorial.preflight import colours, weight
from newsletter.editorial.preflight.context import CheckContext, words_of
from newsletter.editorial.preflight.findings import Finding, blocking, note, warning
from newsletter.editorial.preflight.registry import rule
from newsletter.editorial.rendering.render import CLIP_BYTES
from newsletter.editorial.rendering.theme import LEAST_CONTRAST, contrast
from newsletter.i18n import formats

_NEAR = 0.9
_UNSUBSCRIBE = re.compile(r"\{\{\s*unsubscribe_url\s*\}\}")


@rule("Gmail clips a message at 102 kB of HTML")
def gmail_shows_all_of_it(context: CheckContext) -> Iterator[Finding]:
    """Gmail hides everything after 102 kB, including the unsubscribe link."""
    heavy = weight.measure(context)
    block = heavy.clipped_at
    if block is not None:
        over = heavy.total - CLIP_BYTES
        yield blocking(
            f"the email is {formats.number(over)} bytes over the {formats.number(CLIP_BYTES)} that "
            f"Gmail shows, and is cut off in: {_named(block)}",
            f"shorten it; the largest block is {_named(heavy.largest[0])}" if heavy.largest else "shorten it",
            block.line,
        )
    elif heavy.total > _NEAR * CLIP_BYTES:
        yield note(
            f"the email has {formats.number(heavy.total)} of the {formats.number(CLIP_BYTES)} bytes that Gmail shows",
            "add nothing more to it",
        )


@rule("RFC 8058; CAN-SPAM Act; GDPR, article 7(3)")
def the_mail_can_be_left(context: CheckContext) -> Iterator[Finding]:
    """Readers who find no way to unsubscribe click “spam”, and the law requires one."""
    for part, text in (("HTML", context.mail.html), ("text", context.mail.text)):
        if context.has_mail and not _UNSUBSCRIBE.search(text):
            yield blocking(
                f"the {part} part has no link to unsubscribe",
                "have whoever looks after the email template put it back",
            )


@rule("CAN-SPAM Act, 15 U.S.C. 7704(a)(5)")
def the_mail_has_a_postal_address(context: CheckContext) -> Iterator[Finding]:
    """The law requires senders of newsletters to give an address that can be visited or written to."""
    if not context.facts.has_postal_address:
        yield blocking("the publication has no postal address", "add one in the settings")


@rule("RFC 7489, section 6; Gmail, Email sender guidelines")
def the_sender_has_a_domain_of_its_own(context: CheckContext) -> Iterator[Finding]:
    """Free-mail providers tell every other server to refuse what others send in their name."""
    if domain := freemail.provider(context.facts.sender_address):
        yield warning(
            f"it is sent from an address at {domain}, and only {domain} itself may send in that name",
            "in the settings, give the publication a From address at a domain of your own",
        )


@rule("WCAG 2.2, 1.4.3")
def words_stand_out(context: CheckContext) -> Iterator[Finding]:
    """Many people find pale text hard to read, and everybody reads in the sun now and then."""
    for (scheme, pair), words in colours.pairs(context.page).items():
        measured = contrast(pair.words, pair.ground)
        if measured < LEAST_CONTRAST:
            yield warning(
                f"{pair.words} on {pair.ground} has a contrast of {measured:.1f} in the {scheme} scheme "
                f"(“{' '.join(words.split())[:40]}”)",
                f"choose colours with {LEAST_CONTRAST} or more in the publication's branding",
            )


@rule("WCAG 2.2, 1.3.1")
def headings_go_down_by_one(context: CheckContext) -> Iterator[Finding]:
    """A screen reader lists the headings, and a skipped level sounds like a missing part."""
    above = 1
    for token, inline in zip(context.tokens, context.tokens[1:], strict=False):
        if token.type != "heading_open" or not token.map:
            continue
        level, line = int(token.tag[1]), context.issue.body_line + token.map[0]
        if token.markup in {"#", "="}:
            yield note("only the title is a first-level heading, so this one is printed as ##", "write ##", line)
        if not words_of(inline):
            yield warning("a heading is empty", "write it, or delete it", line)
        elif level > above + 1:
            yield warning(
                f"a heading of level {level} stands below one of level {above}", f"write {'#' * (above + 1)}", line
            )
        above = level


@rule()
def there_is_a_text(context: CheckContext) -> Iterator[Finding]:
    """An email without text tells readers nothing."""
    if not context.issue.body.strip():
        yield blocking("the issue has no text", "write some", context.issue.body_line)


@rule("WCAG 2.2, 2.4.6")
def there_is_one_title(context: CheckContext) -> Iterator[Finding]:
    """Screen readers take the one first-level heading for what the email is about."""
    titles = len(context.page.tagged("h1"))
    if context.has_mail and titles != 1:
        yield warning(
            f"the email has {titles} first-level headings", "have all but the title removed from the template"
        )


def _named(block: weight.Block) -> str:
    words = f" “{block.words}”" if block.words else ""
    return f"{block.kind.lower()}{words} ({formats.number(block.bytes)} bytes)"
