"""Tags and attributes: one name however it is spelled, values kept as given, gone with their reader."""

import datetime as dt

import pytest
from sqlalchemy import func, select

from newsletter.audience import privacy, subscribers, tag_names, tags
from newsletter.audience.tags import Attribute, AttributeType, SubscriptionAttribute, SubscriptionTag, Tag
from newsletter.errors import Invalid

ADA = "ada@example.org"


def test_spellings_of_a_tag_are_one_and_giving_it_twice_is_as_once(press) -> None:
    reader, home = press.reader(ADA), press.publication.id
    for spelling in ("Early Bird", "early  bird", "ＥＡＲＬＹ BIRD"):
        with press.sessions.begin() as session:
            (tag_id,) = tags.ensure_tags(session, home, [spelling]).values()
            tags.add_tags(session, [(reader.id, tag_id)])
    with press.sessions.reading() as session:
        assert tags.tags_of(session, reader.id) == ["Early Bird"]
        assert session.scalar(select(func.count()).select_from(Tag)) == 1


def test_a_value_is_kept_as_given_and_read_as_its_type_asks(press) -> None:
    reader, home = press.reader(ADA), press.publication.id
    types = {
        "age": AttributeType.NUMBER,
        "Since": AttributeType.DATE,
        "vip": AttributeType.BOOLEAN,
        "zip": AttributeType.TEXT,
    }
    given = {"age": "41.5", "since": "2024-02-03 04:05", "vip": "Yes", "zip": "01099"}
    with press.sessions.begin() as session:
        known = tags.ensure_attributes(session, home, types)
        tags.set_attributes(session, {known[key]: [(reader.id, text)] for key, text in given.items()})
    with press.sessions.begin() as session:
        known = tags.ensure_attributes(session, home, {"AGE": AttributeType.TEXT})
        tags.set_attributes(session, {known["age"]: [(reader.id, "old enough")]})
    with press.sessions.reading() as session:
        found = {one.text: (one.number, one.date) for one in session.scalars(select(SubscriptionAttribute))}
        assert tags.attributes_of(session, reader.id) == {
            "age": "old enough",
            "Since": "2024-02-03 04:05",
            "vip": "Yes",
            "zip": "01099",
        }
    assert found == {
        "old enough": (None, None),
        "2024-02-03 04:05": (None, dt.date(2024, 2, 3)),
        "Yes": (1.0, None),
        "01099": (None, None),
    }


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
    assert tags.guess_type(values) is type_


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="the tag"):
        tag_names.clean_tag(name)


def test_they_are_in_a_readers_data_and_gone_when_they_are_erased(press) -> None:
    reader, home = press.reader(ADA), press.publication.id
    with press.sessions.begin() as session:
        tags.add_tags(session, [(reader.id, tags.ensure_tags(session, home, ["VIP"])["vip"])])
        city = tags.ensure_attributes(session, home, {"City": AttributeType.TEXT})["city"]
        tags.set_attributes(session, {city: [(reader.id, "Kraków")]})
    with press.sessions.reading() as session:
        data = privacy.export_data(session, subscribers.get(session, reader.id).subscriber)
    assert (data["tags"], data["attributes"]) == (
        {press.publication.slug: ["VIP"]},
        {press.publication.slug: {"City": "Kraków"}},
    )
    press.run(privacy.erase, ADA, press.now)
    with press.sessions.reading() as session:
        for table in (SubscriptionTag, SubscriptionAttribute):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalar(select(func.count()).select_from(Attribute)) == 1
