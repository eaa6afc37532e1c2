"""The words beside the buttons that make a reader: what is shown is what the consent record keeps."""

from newsletter.publications import Publication
from newsletter.web.looks import often


def asking(publication: Publication) -> str:
    """The words under the sign-up form."""
    return (
        f"By pressing the button you ask for {publication.name} by email, {often(publication)}. You confirm it from "
        "your mailbox first, and you can leave with one tap in every letter."
    )


def confirming(publication: Publication) -> str:
    """The words above the confirm button."""
    return (
        f"Press the button to get {publication.name} by email, {often(publication)}. "
        "You can leave with one tap in every letter."
    )
