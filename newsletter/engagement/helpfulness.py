"""“Did this help?”: how many said yes and no of each issue; nothing is stored about who did."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ForeignKey, literal_column, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, insert


class Answer(StrEnum):
    """Whether an issue helped."""

    YES = "yes"
    NO = "no"


class AnswerCount(Base):
    """How many gave one answer about an issue."""

    __tablename__ = "helpfulness"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    answer: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]


class Helpfulness(NamedTuple):
    """The answers about one issue."""

    yes: int
    no: int


def count_answer(session: Session, issue_id: int, answer: Answer) -> None:
    """Count one more such answer."""
    first = insert(session, AnswerCount).values(issue_id=issue_id, answer=answer, number=1)
    more = {"number": AnswerCount.number + literal_column("1")}
    session.execute(first.on_conflict_do_update(index_elements=["issue_id", "answer"], set_=more))


def of_issues(session: Session, issue_ids: Collection[int]) -> dict[int, Helpfulness]:
    """The answers about each of these issues; issues without any are missing."""
    found = session.scalars(select(AnswerCount).where(AnswerCount.issue_id.in_(issue_ids))).all()
    numbers = {(each.issue_id, each.answer): each.number for each in found}
    return {
        issue: Helpfulness(numbers.get((issue, Answer.YES), 0), numbers.get((issue, Answer.NO), 0))
        for issue in {each.issue_id for each in found}
    }
