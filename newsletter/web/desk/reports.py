"""Reports: what became of every issue that went out."""

from flask import request

from newsletter import publishing
from newsletter.editorial import archive
from newsletter.web.desk import frame
from newsletter.web.house import house

_PAGE = 10
_MOST_PAGES = 10_000


def reports() -> str:
    """The issues that went out, newest first, with their counts; `?page=` for older ones."""
    page = min(max(request.args.get("page", 1, type=int), 1), _MOST_PAGES)
    with house().sessions.reading() as store:
        publication = frame.chosen(store)
        # One more than is shown tells whether there is a page behind it.
        out = store.scalars(archive.shown(publication.id).offset((page - 1) * _PAGE).limit(_PAGE + 1)).all()
        return frame.page(
            store,
            "reports.html",
            "reports",
            publication,
            rows=[(issue, publishing.counts(store, issue)) for issue in out[:_PAGE]],
            page=page,
            has_older=len(out) > _PAGE,
        )
