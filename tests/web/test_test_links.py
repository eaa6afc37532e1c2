import pytest
from flask.testing import FlaskClient

from newsletter.wiring import Services
from tests import sample_services


@pytest.mark.parametrize("link", ["unsubscribe", "preferences"])
def test_a_link_of_a_test_mail_says_that_it_was_a_test_and_changes_nothing(
    program: FlaskClient, services: Services, link: str
) -> None:
    before = sample_services.dump(services)
    for answer in (program.get(f"/test-mail/{link}"), program.post(f"/test-mail/{link}")):
        assert answer.status_code == 200
        assert "This was a test email" in answer.text
        assert "noindex" in answer.headers["X-Robots-Tag"]
    assert sample_services.dump(services) == before


def test_the_one_tap_of_a_mail_program_is_answered_without_cookie_and_token(
    program: FlaskClient, services: Services
) -> None:
    before = sample_services.dump(services)
    answer = program.post("/test-mail/unsubscribe", data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.text) == (200, "This was a test email; nothing has changed.\n")
    assert sample_services.dump(services) == before


def test_a_test_mail_has_no_other_links(program: FlaskClient) -> None:
    assert program.get("/test-mail/nothing").status_code == 404
