"""One reader's tags and attributes: shown on their page, and changed there by editors."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience import attributes, tag_names, tags
from newsletter.characters import storable
from newsletter.errors import Invalid
from newsletter.web.context import services
from newsletter.web.desk import audit_hook, lookup, words
from newsletter.web.desk.readers import pages


def tag_reader(subscription_id: int) -> ResponseReturnValue:
    """Give a reader a tag."""
    try:
        with services().sessions.begin() as store:
            found, name = lookup.reader(store, subscription_id), tag_names.clean_tag(request.form.get("tag", ""))
            (tag_id,) = tags.ensure_tags(store, found.publication_id, [name]).values()
            tags.add_tags(store, [(found.id, tag_id)])
            audit_hook.add_details(tag=name)
            flash(f"The tag “{name}” is added.")
    except Invalid as error:
        return pages.reader_page(subscription_id, {"tag": words.as_sentence(error)}), 422
    return _back(subscription_id)


def untag_reader(subscription_id: int) -> ResponseReturnValue:
    """Take a tag from a reader; it stays with the others."""
    with services().sessions.begin() as store:
        found, name = lookup.reader(store, subscription_id), storable(request.form.get("tag", ""))
        for tag_id in tags.ensure_tags(store, found.publication_id, [tag_names.clean_tag(name)]).values():
            tags.remove_tag(store, tag_id, [found.id])
        audit_hook.add_details(tag=name[: tag_names.MAX_NAME])
        flash(f"The tag “{name}” is removed.")
    return _back(subscription_id)


def set_reader_attribute(subscription_id: int) -> ResponseReturnValue:
    """Set a reader's attribute, or remove it when the value is empty."""
    try:
        with services().sessions.begin() as store:
            found = lookup.reader(store, subscription_id)
            name = tag_names.clean_tag(request.form.get("attribute", ""), "the attribute's name")
            attributes.set_value(store, found.publication_id, found.id, name, request.form.get("value", ""))
            # Not the value, which may tell who the reader is.
            audit_hook.add_details(attribute=name)
            flash(f"“{name}” is saved.")
    except Invalid as error:
        return pages.reader_page(subscription_id, {"attribute": words.as_sentence(error)}), 422
    return _back(subscription_id)


def _back(subscription_id: int) -> ResponseReturnValue:
    return redirect(url_for("desk.reader", subscription_id=subscription_id, _anchor="tags"), 303)
