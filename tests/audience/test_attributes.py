"""Attributes: values kept as given, each in its place."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.exc import OperationalError

from newsletter.audience import attribute_changes, attribute_counts, attributes
from newsletter.audience.attribute_types import NO, YES, AttributeType, guess_type, is_of_type, number_of
from newsletter.audience.attributes import Attribute, AttributeValues
from newsletter.db import is_postgresql
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
    assert guess_type(values) is type_


TEXTS = (
    *("0", "-0", "7", "-7", "70", "0.5", "-0.50", "12.123456789", "999999999999999", "-999999999999999.9"),
    *("007", "00", "-07", "00.5", "1e5", "1E5", "+7", "7.", ".7", "-.7", "1.2.3", "--7", "7-", "-", ".", "0x10"),
    *("1234567890123456", "1000000000000000.5", "0.1234567890", "7 000", "7,5", "٤١", "inf", "nan", "seven", "7\u00a0"),
    *("yes", "No", "TRUE", "yeſ", "2026-02-03", "2026-02-03T10:00:00Z", "2026-2-3", "03.02.2026"),
)


def test_a_database_calls_a_number_a_date_or_yes_what_the_guess_does(press: Press) -> None:
    types = [AttributeType.NUMBER, AttributeType.DATE, AttributeType.BOOLEAN]
    with press.sessions.begin() as session:
        home, reader, on_postgresql = press.publication.id, press.reader(ADA).id, is_postgresql(session)
        names = {f"name {number}": text for number, text in enumerate(TEXTS)}
        known = attributes.ensure_attributes(session, home, dict.fromkeys(names, AttributeType.TEXT))
        attributes.add_values(session, home, [(reader, names)], known)

        def is_of(name: str, type_: AttributeType) -> bool:
            fits = is_of_type(known[name].column, type_, on_postgresql=on_postgresql)
            return bool(session.scalar(select(fits).where(attributes.rows_with(home, known[name]))))

        found = {text: [one for one in types if is_of(name, one)] for name, text in names.items()}
    assert found == {text: [one for one in types if one in _types_of(text)] for text in TEXTS}


def test_a_database_calls_a_number_what_python_does_whatever_is_written(press: Press) -> None:
    home, reader = press.publication.id, press.reader(ADA).id
    with press.sessions.begin() as session:
        (known,) = attributes.ensure_attributes(session, home, {"Age": AttributeType.NUMBER}).values()
        attributes.add_values(session, home, [(reader, {"age": "1"})], {"age": known})
        written = update(AttributeValues).values({known.column_name: bindparam("text")})
        is_number = is_of_type(known.column, AttributeType.NUMBER, on_postgresql=is_postgresql(session))

        @given(st.text("0179-+.eEx ", max_size=6) | st.from_regex(r"-?0?[0-9]{0,17}\.?[0-9]{0,10}", fullmatch=True))
        def is_told(text: str) -> None:
            session.execute(written, {"text": text})
            assert session.scalar(select(is_number)) is (number_of(text) is not None)

        is_told()


def _types_of(text: str) -> set[AttributeType]:
    # Of 0 and 1, the guess says that they are numbers; that they may be no and yes, too, it cannot know.
    return {guess_type([text])} | ({AttributeType.BOOLEAN} if text in (*YES, *NO) else set())


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


def test_values_are_counted_and_those_named_that_a_type_cannot_compare(press: Press) -> None:
    home, newest = press.publication.id, [press.reader(f"{name}@example.org").id for name in ("ada", "ben", "cleo")]
    names = [f"name {number:02}" for number in range(attributes.IN_A_ROW)]
    with press.sessions.begin() as session:
        known = attributes.ensure_attributes(session, home, dict.fromkeys(["age", *names], AttributeType.NUMBER))
        texts = ("41", "007", "38"), ("x", "", "")
        given = [(one, {"age": age, names[-1]: other}) for one, age, other in zip(newest, *texts, strict=True)]
        attributes.add_values(session, home, [(one, {k: v for k, v in of.items() if v}) for one, of in given], known)
        age, last = known["age"], known[names[-1]]
        assert (age.part, last.part) == (0, 1)
        assert attribute_counts.count_values(session, home, [age, last]) == {age.position: 3, last.position: 1}
        assert attribute_counts.example_values(session, home, [age, last], 2) == {
            age.position: ["38", "007"],
            last.position: ["x"],
        }
        fits = {one: attribute_counts.count_fitting(session, home, age, one) for one in AttributeType}
    assert fits == {
        AttributeType.TEXT: (3, 0, ()),
        AttributeType.NUMBER: (3, 1, ["007"]),
        AttributeType.DATE: (3, 3, ["41", "007", "38"]),
        AttributeType.BOOLEAN: (3, 3, ["41", "007", "38"]),
    }


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_deletes_an_attribute_waits_for_those_who_give_it_to_a_reader(press: Press) -> None:
    home, reader = press.publication.id, press.reader(ADA).id
    with press.sessions.begin() as session:
        attributes.set_value(session, home, reader, "City", "Kraków")
    with press.sessions.begin() as giving, press.sessions.begin() as deleting:
        attributes.set_value(giving, home, reader, "City", "Rome")
        with pytest.raises(OperationalError, match="could not obtain lock"):
            deleting.scalars(select(Attribute).with_for_update(nowait=True)).one()
        deleting.rollback()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_deletes_an_attribute_waits_for_nobody_who_adds_another(press: Press) -> None:
    home = press.publication.id
    with press.sessions.begin() as session:
        attributes.ensure_attributes(session, home, {"City": AttributeType.TEXT})
        city = session.scalars(select(Attribute.id)).one()
    with press.sessions.begin() as adding, press.sessions.begin() as deleting:
        attributes.ensure_attributes(adding, home, {"Age": AttributeType.NUMBER})
        # Were it to wait, the two would be in a deadlock, because the other one asks for the city next.
        deleting.execute(text("SET LOCAL lock_timeout = '5s'"))
        attribute_changes.delete(deleting, attribute_changes.find(deleting, home, city, for_update=True))
        deleting.commit()
        again = attributes.ensure_attributes(adding, home, {"City": AttributeType.TEXT, "Age": AttributeType.NUMBER})
    assert (again["age"].position, again["city"].position) == (1, 2)
