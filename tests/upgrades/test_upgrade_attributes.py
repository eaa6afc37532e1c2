"""Migration of the values of attributes: each is there after it, under the same reader."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.audience import attributes
from newsletter.db import Sessions
from tests.originals import PUBLICATION, start_at

FILLED = (
    PUBLICATION,
    "INSERT INTO subscribers (id, email, key, name, created_at) VALUES (1, 'a@b.example', 'a@b.example', '', :at)",
    "INSERT INTO subscriptions (id, subscriber_id, publication_id, status, created_at) VALUES (7, 1, 1, 'active', :at)",
    """INSERT INTO attributes (id, publication_id, name, key, type)
       VALUES (1, 1, 'Age', 'age', 'number'), (2, 1, 'Born', 'born', 'date')""",
    """INSERT INTO subscription_attributes (subscription_id, attribute_id, text, number, date)
       VALUES (7, 1, '40', 40, NULL), (7, 2, '1986-02-03', NULL, '1986-02-03')""",
)

# Another publication, and so many attributes that their values take two rows.
MORE = (
    PUBLICATION.replace("(1, 'one',", "(2, 'two',"),
    "INSERT INTO subscribers (id, email, key, name, created_at) VALUES (2, 'c@b.example', 'c@b.example', '', :at)",
    """INSERT INTO subscriptions (id, subscriber_id, publication_id, status, created_at)
       VALUES (8, 2, 1, 'active', :at), (9, 2, 2, 'active', :at)""",
    "INSERT INTO attributes (id, publication_id, name, key, type) VALUES (3, 2, 'Town', 'town', 'text')",
    """INSERT INTO attributes (id, publication_id, name, key, type)
       WITH RECURSIVE more(n) AS (SELECT 4 UNION ALL SELECT n + 1 FROM more WHERE n < 41)
       SELECT n, 1, 'a' || n, 'a' || n, 'text' FROM more""",
    "INSERT INTO attributes (id, publication_id, name, key, type) VALUES (42, 1, 'Late', 'late', 'text')",
    """INSERT INTO subscription_attributes (subscription_id, attribute_id, text, number, date)
       VALUES (7, 42, '1', NULL, NULL), (8, 42, '2', NULL, NULL), (9, 3, 'Oslo', NULL, NULL)""",
)


def test_the_values_of_attributes_are_carried_over(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0051")
        for statement in (*FILLED, *MORE):
            connection.execute(text(statement), {"at": datetime(2026, 11, 20, tzinfo=UTC)})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        values = {reader: attributes.values_of(session, reader) for reader in (7, 8, 9)}
        known = attributes.known_attributes(session, 1, ["age", "born", "late"])
    assert values == {
        7: {"Age": "40", "Born": "1986-02-03", "Late": "1"},
        8: {"Late": "2"},
        9: {"Town": "Oslo"},
    }
    assert {key: (one.type.value, one.position) for key, one in known.items()} == {
        "age": ("number", 0),
        "born": ("date", 1),
        "late": ("text", 40),
    }
