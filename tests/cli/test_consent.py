import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.audience import consent_chain
from newsletter.db import Sessions, open_engine

from .conftest import Press


@pytest.fixture
def chained(loaded: Press, tmp_path: Path, environment: dict[str, str]) -> Press:
    """Two imported readers, whose entries are chained, and one whose is not."""
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    for emails in ("ada@reader.example\nben@reader.example\n", "cy@reader.example\n"):
        with Sessions(engine).begin() as session:
            consent_chain.chain_some(session, datetime.now(UTC))
        (tmp_path / "readers.csv").write_text(f"email\n{emails}")
        done = loaded("subscribers", "import", "readers.csv", "--status", "active", "--consent", "the old list")
        assert done.code == 0
    engine.dispose()
    return loaded


def test_a_whole_record_is_told_with_what_waits_and_its_head(chained: Press) -> None:
    told = chained("consent", "verify")
    assert told.code == 0
    assert told.out.startswith("2 entries are as they were; 1 not in the chain yet.\nHead: ")
    found = json.loads(chained("consent", "verify", "--json").out)
    head = found.pop("head")
    assert found == {"ok": True, "chained": 2, "erased": 0, "unchained": 1, "broken": None}
    assert chained("consent", "verify", "--head", head).code == 0
    assert chained("consent", "verify", "--head", head[::-1]).code == 1


def test_a_changed_record_is_told_and_exits_with_1(chained: Press, environment: dict[str, str]) -> None:
    with closing(sqlite3.connect(f"{environment['DATA_DIR']}/newsletter.db")) as database, database:
        database.execute("DROP TRIGGER consent_events_changed")
        database.execute("UPDATE consent_events SET note = 'a fair' WHERE id = 2")
    told = chained("consent", "verify")
    assert (told.code, told.out.splitlines()[0]) == (1, "Broken at entry 2 (link 2): the entry was changed.")
    found = json.loads(chained("consent", "verify", "--json").out)
    assert (found["ok"], found["broken"]) == (False, {"position": 2, "entry": 2, "reason": "the entry was changed"})
