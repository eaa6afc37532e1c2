import json

import pytest

from newsletter import publications
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.db import Sessions, open_engine
from tests.sample_services import NOW

from .conftest import Press

SLUG = "looser-by-degrees"


def test_a_segment_is_listed_and_counted_and_an_issue_goes_to_it(loaded: Press, environment: dict[str, str]) -> None:
    assert loaded("segments", "list").out == "no segments yet; they are made at the desk\n"
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    with Sessions(engine).begin() as session:
        home, rule = publications.find(session), Rule(conditions=(Condition.parse("domain", "is", "one.example"),))
        for email in ("ada@one.example", "bo@two.example"):
            person = Subscriber(email=email, key=email, created_at=NOW)
            person.subscriptions.append(Subscription(publication=home, status=Status.ACTIVE, created_at=NOW))
            session.add(person)
        segments.save(session, home, "Ones", rule, NOW)
    engine.dispose()
    (listed,) = json.loads(loaded("segments", "list", "--json").out)
    assert (listed["name"], listed["rule"]["match"]) == ("Ones", "all")
    assert json.loads(loaded("segments", "count", "ones", "--json").out)["audience"] == 1
    members = loaded("segments", "members", "Ones")
    assert (members.err, members.out) == ("", "ada@one.example\tactive\n")
    assert loaded("issues", "segment", SLUG).out == f"{SLUG} goes to 2 readers\n"
    assert loaded("issues", "segment", SLUG, "ONES").out == f"{SLUG} goes to 1 reader of the segment “Ones”\n"
    assert "this goes to 1 reader of the segment “Ones”." in loaded("issues", "schedule", SLUG).out
    refused = loaded("issues", "segment", SLUG, "--everybody")
    assert (refused.code, "unschedule it first" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("segments", "count", "VIP"), 1, "there is no segment called “VIP”"),
        (("segments", "members", "VIP"), 1, "there is no segment called “VIP”"),
        (("issues", "segment", SLUG, "VIP"), 1, "there is no segment called “VIP”"),
        (("issues", "segment", SLUG, "VIP", "--everybody"), 2, "not both"),
        (("issues", "send", SLUG, "--now", "--segment", "VIP"), 2, "go with --missed"),
    ],
)
def test_what_cannot_be_done_is_refused(loaded: Press, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    answer = loaded(*arguments)
    assert (answer.code, sentence in answer.err) == (code, True)


def test_what_a_refusal_quotes_cannot_steer_the_terminal(loaded: Press) -> None:
    refused = loaded("segments", "count", "A\x1b]0;B\x07\u202eC")
    assert (refused.code, refused.err) == (1, "there is no segment called “A ]0;B C”\n")
