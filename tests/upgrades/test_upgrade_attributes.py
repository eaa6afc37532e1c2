"""Migration of the values of attributes: each is there after it, under the same reader."""

from datetime import UTC, date, datetime

from sqlalchemy import Engine, select, text

from newsletter import migrations_runner
from newsletter.audience.tags import SubscriptionAttribute
from newsletter.db import Sessions
from tests.originals import start_at

FILLED = (
    """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                              postal_address, follow, created_at)
       VALUES (1, 'brief', 'Brief', '', '', 'en', 'UTC', 'Brief', 'desk@example.org', '', '[]', :at)""",
    "INSERT INTO subscribers (id, email, key, name, created_at) VALUES (1, 'a@b.example', 'a@b.example', '', :at)",
    "INSERT INTO subscriptions (id, subscriber_id, publication_id, status, created_at) VALUES (7, 1, 1, 'active', :at)",
    """INSERT INTO attributes (id, publication_id, name, key, type)
       VALUES (1, 1, 'Age', 'age', 'number'), (2, 1, 'Born', 'born', 'date')""",
    """INSERT INTO subscription_attributes (subscription_id, attribute_id, text, number, date)
       VALUES (7, 1, '40', 40, NULL), (7, 2, '1986-02-03', NULL, '1986-02-03')""",
)


def test_the_values_of_attributes_are_carried_over(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0051")
        for statement in FILLED:
            connection.execute(text(statement), {"at": datetime(2026, 11, 20, tzinfo=UTC)})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        values = session.scalars(select(SubscriptionAttribute).order_by(SubscriptionAttribute.attribute_id)).all()
        assert [(one.subscription_id, one.attribute_id, one.text, one.number, one.date) for one in values] == [
            (7, 1, "40", 40, None),
            (7, 2, "1986-02-03", None, date(1986, 2, 3)),
        ]
        keys = engine.dialect.get_pk_constraint(session.connection(), SubscriptionAttribute.__tablename__)
    assert keys["constrained_columns"] == ["attribute_id", "subscription_id"]
