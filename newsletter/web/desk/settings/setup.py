"""The setup guide's own page: every step with its state, the next one, and whether the start page leads here."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.web.context import services
from newsletter.web.desk import audit_hook, fill_offer, frame, setup_guide
from newsletter.workflows import test_mail


def setup() -> str:
    """All steps of the publication, each with whom to ask if this person may not do it."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return frame.page(
            store,
            "setup.html",
            "settings",
            publication,
            guide=setup_guide.read_guide(store, publication),
            offer=fill_offer.of_publication(store, publication),
            has_issue=test_mail.issue_to_try(store, publication) is not None,
            people=setup_guide.people_by_role(store),
        )


def offer_setup() -> ResponseReturnValue:
    """Hide the guide from the start page, or let the start page lead to it again."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        publication.offers_setup = request.form.get("offer") == "yes"
        audit_hook.set_publication(publication)
        audit_hook.add_details(offered=publication.offers_setup)
        flash(
            "The start page leads to the setup guide while a step is missing."
            if publication.offers_setup
            else "The setup guide is hidden from the start page. You can still open it from Settings."
        )
    return redirect(url_for("desk.setup" if publication.offers_setup else "desk.home"), 303)
