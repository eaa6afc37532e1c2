"""An import that is killed at any instant goes on where it was: no row is done twice or lost, and no reader is left."""

import json
import random
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import func, select

from newsletter.audience.models import ConsentEvent, Subscription
from newsletter.audience.tags import SubscriptionTag
from newsletter.db import Sessions
from tests.torture import press as presses
from tests.torture.conftest import Scale, Tell
from tests.torture.press import PATIENCE, Press, wait_for

FIRST, EACH = 30_000, 5_000
"""Rows: so many, and for each kill so many more. A file of more than a megabyte has a reader."""
TERMS = ("--status", "active", "--consent", "the old list", "--json")


def test_killed_imports_do_each_row_once_and_leave_no_reader_behind(
    sessions: Sessions, press: Press, chance: random.Random, scale: Scale, tell: Tell
) -> None:
    presses.stock(sessions, press.folder, 1)
    rows, path = FIRST + EACH * scale.kills, press.folder / "list.csv"
    path.write_text("email,tags\n" + "".join(f"guest{number}@reader.example,Guests\n" for number in range(rows)))
    blows, is_over = 0, False
    while blows < scale.kills and not is_over:
        importing, before = press.begin("subscribers", "import", str(path), *TERMS), imported(sessions)
        wait_for(partial(has_begun, importing.poll, sessions, before))
        time.sleep(chance.uniform(0, 0.4))
        importing.kill()
        # Its reader shares the output, which ends with the last of the two.
        importing.communicate(timeout=PATIENCE)
        blows, is_over = blows + 1, importing.returncode == 0  # it may be quicker than the blow
    report = json.loads(press.run("subscribers", "import", str(path), *TERMS))
    assert report["added"] + report["already"] == rows
    with sessions.reading() as session:
        done = [session.scalar(select(func.count()).select_from(each)) for each in (ConsentEvent, SubscriptionTag)]
        assert session.scalar(select(func.count(Subscription.id))) == rows + 1
    assert done == [rows, rows]
    tell("import killed", blows=blows)


def imported(sessions: Sessions) -> int:
    with sessions.reading() as session:
        return session.scalar(select(func.count(ConsentEvent.id))) or 0


def has_begun(ended: Callable[[], int | None], sessions: Sessions, before: int) -> bool:
    return ended() is not None or imported(sessions) > before
