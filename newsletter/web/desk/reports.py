"""Reports: what became of every issue that went out."""

from flask import request

from newsletter import publishing
from newsletter.editorial import shelf
from newsletter.web.desk import frame
from newsletter.web.house import house

_PAGE = 10


def reports() -> str:
    """The issues that went out, newest first, with their counts; `?page=` for older ones."""
    page = max(request.args.get("page", 1, type=int), 1)
    with house().sessions.reading() as store:
        publication = frame.chosen(store)
        out = [issue for issue in store.scalars(shelf.published()) if issue.publication_id == publication.id]
        shown = out[(page - 1) * _PAGE : page * _PAGE]
        return frame.page(
            store,
            "reports.html",
            "reports",
            publication,
            rows=[(issue, publishing.counts(store, issue)) for issue in shown],
            page=page,
            has_older=len(out) > page * _PAGE,
        )
