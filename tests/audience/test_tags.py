"""Tags: one name however it is spelled, gone with their reader as attributes are."""

import pytest
from sqlalchemy import func, select

from newsletter.audience import attributes, privacy, subscribers, tag_names, tags
from newsletter.audience.attributes import Attribute, AttributeValues
from newsletter.audience.tags import SubscriptionTag, Tag
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


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="the tag"):
        tag_names.clean_tag(name)


def test_they_are_in_a_readers_data_and_gone_when_they_are_erased(press) -> None:
    reader, home = press.reader(ADA), press.publication.id
    with press.sessions.begin() as session:
        tags.add_tags(session, [(reader.id, tags.ensure_tags(session, home, ["VIP"])["vip"])])
        attributes.set_value(session, home, reader.id, "City", "Kraków")
    with press.sessions.reading() as session:
        data = privacy.export_data(session, subscribers.get(session, reader.id).subscriber)
    assert (data["tags"], data["attributes"]) == (
        {press.publication.slug: ["VIP"]},
        {press.publication.slug: {"City": "Kraków"}},
    )
    press.run(privacy.erase, ADA, press.now)
    with press.sessions.reading() as session:
        for table in (SubscriptionTag, AttributeValues):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalar(select(func.count()).select_from(Attribute)) == 1
