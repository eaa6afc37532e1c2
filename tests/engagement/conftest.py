"""An issue that is out, and comments on it."""

from collections.abc import Callable
from datetime import datetime

import pytest

from newsletter.db import Sessions
from newsletter.editorial.issues import archive
from newsletter.engagement import comments
from newsletter.engagement.comments import CommentState, NewComment
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Fill

Write = Callable[..., int]


@pytest.fixture
def filled() -> Fill:
    return sample_services.stocked


@pytest.fixture
def write(services: Services, now: datetime) -> Write:
    """Store a comment on the first issue that is out; its id."""

    def store(text: str, state: CommentState = CommentState.APPROVED, at: datetime = now, **fields: object) -> int:
        with services.sessions.begin() as session:
            issue = archive.find(session, sample_services.OUT[0])
            values = {"name": "Ada", "email": "ada@example.org", "key": "ada@example.org"} | fields
            new = NewComment(issue.publication_id, issue.id, values.pop("name"), text, state, **values)
            return comments.add(session, new, at) or 0

    return store


@pytest.fixture
def store(services: Services) -> Sessions:
    return services.sessions
