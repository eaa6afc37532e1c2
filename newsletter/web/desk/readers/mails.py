"""Mail from readers at the desk: which was forwarded and which was kept here, its text, and deleting it."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.delivery.bounces.intake import reader_mails
from newsletter.errors import Conflict
from newsletter.web.context import page_request, services
from newsletter.web.desk import frame

_PAGE = 50
_KEPT_BECAUSE = {
    "loop": "It could have gone in a circle: it was forwarded before, or says it is from the publication itself.",
    "automatic": "A program wrote it, or a mailing list sent it.",
    "seems automatic": "It reads as if a program wrote it, but nothing proves that: look whether a person did.",
    "no sender": "It does not say whom to answer.",
    "no other address": "The reply address is read here too, so the mail would have come straight back.",
    "too many of one sender": "This sender wrote more than five mails within a day.",
    "too many": "More than a hundred mails were forwarded within a day.",
}


def list_mails() -> str:
    """What readers wrote, the newest first; `?before=` and `?after=` page."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        page = reader_mails.page_of_mails(store, publication.id, page_request(), _PAGE)
        return frame.page(store, "mails.html", "readers", publication, zone=publication.time_zone, page=page)


def show_mail(mail_id: int) -> str:
    """One mail as plain text, whatever it was written in."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        mail = reader_mails.load_mail(store, publication.id, mail_id)
        content = reader_mails.text_of(store, mail)
        return frame.page(
            store,
            "mail.html",
            "readers",
            publication,
            zone=publication.time_zone,
            mail=mail,
            content=content,
            kept_because=_KEPT_BECAUSE.get(mail.kept_because, mail.kept_because),
        )


def remove_mail(mail_id: int) -> ResponseReturnValue:
    """Delete it with its text."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        mail = reader_mails.load_mail(store, publication.id, mail_id)
        # An id alone does not identify it, because SQLite reuses deleted ones.
        if request.form.get("source") != mail.source:
            raise Conflict("This form is for another mail. Open the mail again; nothing was deleted.")
        reader_mails.delete_mail(store, mail)
    flash("The mail is deleted.")
    return redirect(url_for("desk.list_mails"), 303)
