import re

from .conftest import Press

SLUG = "looser-by-degrees"


def test_a_test_mail_waits_in_the_outbox_of_a_database_that_commands_share(loaded: Press) -> None:
    answer = loaded("issues", "test", SLUG, "--to", "anna@example.org", "--to", "ben@example.org")
    assert (answer.code, answer.out) == (0, "2 on the way\n")


def test_a_test_mail_to_no_address_or_for_no_reader_is_refused_with_the_reason(loaded: Press) -> None:
    answer = loaded("issues", "test", SLUG, "--to", "nobody")
    assert answer.code == 1
    assert answer.err.startswith("“nobody”: Please give an address")
    answer = loaded("issues", "test", SLUG, "--to", "anna@example.org", "--reader", "zofia@example.org")
    assert (answer.code, answer.err) == (1, "BackPainHelp has no reader zofia@example.org\n")
    assert loaded("issues", "test", SLUG).code == 2


def test_a_test_mail_is_written_to_the_reader_who_is_named(loaded: Press, tmp_path) -> None:
    readers = tmp_path / "readers.csv"
    readers.write_text("email,name\nzofia@example.org,Zofia\n")
    assert loaded("subscribers", "import", str(readers), "--status", "active", "--consent", "a test").code == 0
    answer = loaded("issues", "test", SLUG, "--to", "anna@example.org", "--reader", "Zofia@Example.org")
    assert (answer.code, answer.out) == (0, "1 on the way\n")


def test_an_approval_takes_a_person_of_the_team_and_a_publication_that_asks_for_it(loaded: Press) -> None:
    answer = loaded("issues", "approve", SLUG, "--as", "owner@example.org")
    assert answer.code == 1
    assert "is not on the team;" in answer.err
    loaded("editors", "add", "owner@example.org", "--role", "owner")
    answer = loaded("issues", "approve", SLUG, "--as", "owner@example.org")
    assert (answer.code, answer.err) == (1, "BackPainHelp does not require approval.\n")


def test_where_approvals_are_asked_for_a_schedule_waits_for_one(press: Press, tmp_path) -> None:
    folder = tmp_path / "issues"
    folder.mkdir()
    (folder / "publication.toml").write_text(
        'slug = "strict"\nname = "Strict"\nsender_name = "Strict"\nsender_address = "s@strict.example"\n'
        'postal_address = "1 Example Street"\nrequires_approval = true\n'
    )
    (folder / "2026-11-24-one.md").write_text(
        "---\ntitle: One\nsubject: The subject of the first\npreheader: A line beside the subject in the inbox.\n"
        "---\nA text. <https://strict.example/>\n"
    )
    assert press("db", "upgrade").code == 0
    assert press("issues", "load", str(folder)).code == 0
    at = ("issues", "schedule", "one", "--at", "2099-11-24T09:00")
    answer = press(*at)
    assert answer.code == 1
    assert "“One” goes out only after a second person has approved exactly what it says now" in answer.err
    press("editors", "add", "viewer@example.org", "--role", "viewer")
    assert press("issues", "approve", "one", "--as", "viewer@example.org").code == 1
    press("editors", "add", "owner@example.org", "--role", "owner")
    answer = press("issues", "approve", "one", "--as", "owner@example.org", "--comment", "Read twice.")
    assert (answer.code, answer.out) == (0, "one is approved as revision 1\n")
    answer = press(*at)
    assert answer.code == 0
    assert re.match(r"On Tuesday 24 November 2099", answer.out)
