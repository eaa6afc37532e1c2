"""Who works at the desk of a copy must not believe that it sends."""

from newsletter.delivery.workers import send_permission
from newsletter.wiring import Services
from tests.web.desk.visits import Visitor


def test_every_page_of_a_restored_database_says_that_nothing_is_sent_until_it_is_armed(
    editor: Visitor, services: Services, now
) -> None:
    assert "newsletter arm" not in editor.read("/desk/issues/")
    with services.sessions.begin() as session:
        send_permission.disarm(session, now)
    for page in ("issues", "calendar", "account"):
        assert "Sending is off, because" in editor.read(f"/desk/{page}/")
    with services.sessions.begin() as session:
        send_permission.arm(session, now)
    assert "Sending is off, because" not in editor.read("/desk/issues/")
