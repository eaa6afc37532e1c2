"""Settings: how the publication is kept, who may sign in, and the way to one's own account."""

from newsletter import editors
from newsletter.web.desk import frame
from newsletter.web.house import house


def settings() -> str:
    """What the store says of the publication and of the team; it is changed elsewhere."""
    with house().sessions.reading() as store:
        publication = frame.chosen(store)
        team = store.scalars(editors.team()).all()
        return frame.page(store, "settings.html", "settings", publication, kept=publication, team=team)
