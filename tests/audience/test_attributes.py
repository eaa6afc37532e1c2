"""Attributes: values kept as given, each in its place."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from newsletter.audience import attributes
from newsletter.audience.attributes import Attribute, AttributeType, AttributeValues
from newsletter.publications import Publication
from tests.audience.conftest import Press

ADA, BEN = "ada@example.org", "ben@example.org"


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "", "-2.5"], AttributeType.NUMBER),
        (["01099", "80331"], AttributeType.TEXT),
        (["2024-01-02", "2024-02-30"], AttributeType.TEXT),
        (["2024-01-02", "2024-02-29 10:00:00"], AttributeType.DATE),
        (["yes", "No"], AttributeType.BOOLEAN),
        (["", ""], AttributeType.TEXT),
    ],
)
def test_a_type_is_guessed_only_where_all_values_have_it(values: list[str], type_: AttributeType) -> None:
    assert attributes.guess_type(values) is type_


def test_a_value_that_is_there_stays_and_what_is_missing_is_added(press: Press) -> None:
    reader, home = press.reader(ADA), press.publication.id
    with press.sessions.begin() as session:
        attributes.set_value(session, home, reader.id, "City", "Kraków")
        known = attributes.ensure_attributes(session, home, {"CITY": AttributeType.NUMBER, "Age": AttributeType.NUMBER})
        assert known["city"].type is AttributeType.TEXT
        names = known | {"CITY": known["city"], "town": known["city"]}
        attributes.add_values(session, home, [(reader.id, {"CITY": "Berlin", "town": "Rome", "age": "41"})], names)
        assert attributes.values_of(session, reader.id) == {"Age": "41", "City": "Kraków"}
        attributes.set_value(session, home, reader.id, "city", "")
        attributes.set_value(session, home, reader.id, "age", "old enough")
        assert attributes.values_of(session, reader.id) == {"Age": "old enough"}


def test_more_attributes_than_fit_into_a_row_take_several(press: Press) -> None:
    ada, ben, home = press.reader(ADA).id, press.reader(BEN).id, press.publication.id
    names = [f"name {number:03}" for number in range(3 * attributes.IN_A_ROW - 1)]
    with press.sessions.begin() as session:
        known = attributes.ensure_attributes(session, home, dict.fromkeys(names, AttributeType.TEXT))
        given = {ada: {name: f"of {name}" for name in names}, ben: {names[-1]: "only the last"}}
        attributes.add_values(session, home, list(given.items()), known)
        assert {reader: attributes.values_of(session, reader) for reader in given} == given
        rows = select(AttributeValues.subscription_id, AttributeValues.part).order_by(AttributeValues.subscription_id)
        assert sorted(map(tuple, session.execute(rows))) == [(ada, 0), (ada, 1), (ada, 2), (ben, 2)]


def test_two_publications_have_attributes_of_their_own(press: Press) -> None:
    ada, home = press.reader(ADA).id, press.publication
    with press.sessions.begin() as session:
        other = Publication(
            slug="other", name="Other", sender_name="O", sender_address="o@example.org", created_at=press.now
        )
        session.add(other)
        session.flush()
        attributes.set_value(session, home.id, ada, "City", "Kraków")
        elsewhere = attributes.ensure_attributes(
            session, other.id, {"Town": AttributeType.TEXT, "city": AttributeType.TEXT}
        )
        assert [elsewhere[key].position for key in ("town", "city")] == [0, 1]
        assert attributes.values_of(session, ada) == {"City": "Kraków"}


def test_two_who_add_attributes_at_once_give_each_a_place_of_its_own(press: Press) -> None:
    home = press.publication.id
    both = threading.Barrier(2)

    def add(names: Sequence[str]) -> None:
        both.wait()
        with press.sessions.begin() as session:
            attributes.ensure_attributes(session, home, dict.fromkeys(names, AttributeType.TEXT))

    threads = [threading.Thread(target=add, args=[names]) for names in (["city", "age"], ["born", "city"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with press.sessions.reading() as session:
        found = dict(session.execute(select(Attribute.key, Attribute.position)).all())
    assert sorted(found) == ["age", "born", "city"]
    assert sorted(found.values()) == [0, 1, 2]
