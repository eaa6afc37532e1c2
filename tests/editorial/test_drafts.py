from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import func, select

from newsletter.db import Base, Session, Sessions
from newsletter.delivery.models import Letter
from newsletter.editorial.images import pictures
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import create, drafts, issue_store, presence, slugs
from newsletter.editorial.issues.drafts import EditorText, Faulty, OtherTabConflict, RevisionConflict, UnknownDraft
from newsletter.editorial.issues.issue_store import Saved
from newsletter.editorial.models import Draft, Issue, Readiness, Revision
from newsletter.editorial.source import issue_form
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict, NotFound
from newsletter.publications import toml_file

SHIPPED = Path(__file__).parents[2] / "issues"
ADA, BO = "ada@desk.example", "bo@desk.example"
TYPED = IssueForm(title="A tight back", subject="A tight back, in ten minutes")
DAY = date(2026, 11, 24)


@pytest.fixture
def session(sessions: Sessions, now: datetime) -> Iterator[Session]:
    """One transaction with an issue in it, which Ada began."""
    with sessions.begin() as opened:
        publication = toml_file.load(opened, SHIPPED / "publication.toml", now)[0]
        create.create_issue(opened, publication, TYPED, DAY, ADA, now)
        yield opened


@pytest.fixture
def issue(session: Session) -> Issue:
    return issue_store.find(session, "a-tight-back")


def test_an_issue_begins_as_a_file_under_the_day_it_is_for_and_goes_nowhere_while_text_is_to_come(issue: Issue) -> None:
    assert issue.file_name == "2026-11-24-a-tight-back.md"
    assert (issue.revision.author, issue.readiness) == (ADA, Readiness.DRAFT)
    assert issue.revision.source.endswith("\n---\n")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Ärger im Rücken: was hilft?", "arger-im-rucken-was-hilft"),
        ("Don't sit", "dont-sit"),
        ("背中", "issue"),
        ("one two three " * 10, "one-two-three-one-two-three-one-two-three-one-two-three-one"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_slug_is_made_from_the_title(title: str, slug: str) -> None:
    assert slugs.slug_of(title) == slug


def test_a_second_issue_of_one_title_gets_a_slug_of_its_own(session: Session, issue: Issue, now: datetime) -> None:
    again = [create.create_issue(session, issue.publication, TYPED, DAY, BO, now).slug for _ in range(2)]
    assert again == ["a-tight-back-2", "a-tight-back-3"]


def test_a_title_of_500_characters_is_refused_with_its_length(session: Session, issue: Issue, now: datetime) -> None:
    with pytest.raises(Faulty, match="title has 500 characters; the limit is 200"):
        create.create_issue(session, issue.publication, replace(TYPED, title="x" * 500), DAY, ADA, now)


def test_any_text_is_kept_however_unfinished(session: Session, issue: Issue, now: datetime) -> None:
    half = "---\ntitle: \n---\n{{ na"
    draft = keep(session, issue, half, now)
    assert drafts.unsaved_draft(session, issue, ADA) is draft
    assert (draft.source, draft.base_number, draft.number) == (half, 1, 1)
    assert issue.revision_number == 1


def test_keeping_on_counts_up_and_remembers_when_it_began(session: Session, issue: Issue, now: datetime) -> None:
    first = keep(session, issue, changed(issue, "One."), now)
    second = keep(session, issue, changed(issue, "Two."), now + timedelta(minutes=1), number=first.number)
    assert (second.number, second.began_at, second.kept_at) == (2, now, now + timedelta(minutes=1))
    assert session.scalar(select(func.count()).select_from(Draft)) == 1


def test_a_second_window_of_one_editor_does_not_write_over_the_first(
    session: Session, issue: Issue, now: datetime
) -> None:
    keep(session, issue, changed(issue, "Mine, here."), now)
    with pytest.raises(OtherTabConflict) as refusal:
        keep(session, issue, changed(issue, "Mine, there."), now)
    assert [(clash.mine, clash.theirs) for clash in refusal.value.merged.clashes] == [
        ("Mine, there.\n", "Mine, here.\n")
    ]
    kept = drafts.unsaved_draft(session, issue, ADA)
    assert kept
    assert "Mine, here." in kept.source


def test_a_window_goes_on_from_what_it_wrote_itself_though_it_never_heard_that_it_was_kept_or_saved(
    session: Session, issue: Issue, now: datetime
) -> None:
    window = Window(session, issue, "one", now)
    drafts.save_if_valid(session, issue, window.keep("Typed."), now)
    again = window.keep("Typed on.")
    assert (again.base_number, again.source.endswith("Typed on.")) == (2, True)
    assert drafts.save(session, issue, again, now) is Saved.CHANGED
    assert issue.revision_number == 3


def test_what_a_window_gave_earlier_and_comes_later_is_of_no_use(session: Session, issue: Issue, now: datetime) -> None:
    window = Window(session, issue, "one", now)
    window.keep("First.", turn=1)
    window.keep("Third.", turn=3)
    late = window.keep("Second.", turn=2)
    assert (late.turn, late.source.endswith("Third.")) == (3, True)


def test_two_windows_of_one_editor_are_merged_by_what_each_knows(session: Session, issue: Issue, now: datetime) -> None:
    one, other = Window(session, issue, "one", now), Window(session, issue, "two", now)
    long = "First.\n\nSecond.\n\nThird.\n"
    other.number = one.keep(long).number
    one.keep(long.replace("First.", "First, here."))
    with pytest.raises(UnknownDraft):
        other.keep(long.replace("Third.", "Third, there."))
    kept = other.keep(long.replace("Third.", "Third, there."), before=long)
    assert kept.source.endswith("First, here.\n\nSecond.\n\nThird, there.\n")
    assert kept.tab == ""
    # The first has not seen the merged text, so what it types is merged again, not put in its place.
    on = one.keep(long.replace("First.", "First, here, too."), before=long.replace("First.", "First, here."))
    assert on.source.endswith("First, here, too.\n\nSecond.\n\nThird, there.\n")


def test_what_is_discarded_in_one_window_does_not_come_back_from_another(
    session: Session, issue: Issue, now: datetime
) -> None:
    one, other = Window(session, issue, "one", now), Window(session, issue, "two", now)
    text = "Hello.\n\nNever mind.\n\nThe end.\n"
    drafts.discard(session, issue, one.keep(text))
    assert drafts.unsaved_draft(session, issue, ADA) is None
    with pytest.raises(OtherTabConflict):
        other.keep(text.replace("mind", "you mind"), before=text)


def test_a_colleagues_revision_comes_into_a_draft_that_changed_other_passages(
    session: Session, issue: Issue, now: datetime
) -> None:
    start = keep(session, issue, changed(issue, "One.\n\nTwo.\n\nThree.\n"), now)
    drafts.save(session, issue, start, now)
    mine = EditorText(changed(issue, "One, by Ada.\n\nTwo.\n\nThree.\n"), base=2, number=start.number)
    theirs = EditorText(changed(issue, "One.\n\nTwo.\n\nThree, by Bo.\n"), base=2)
    drafts.save(session, issue, drafts.keep(session, issue, theirs, BO, now), now)
    draft = drafts.keep(session, issue, mine, ADA, now)
    assert (draft.base_number, drafts.save(session, issue, draft, now)) == (3, Saved.CHANGED)
    assert issue.revision.source.endswith("One, by Ada.\n\nTwo.\n\nThree, by Bo.\n")


def test_a_window_that_shows_a_newer_revision_than_the_draft_takes_nothing_of_it_away(
    session: Session, issue: Issue, now: datetime
) -> None:
    body = "One.\n\nTwo.\n\nThree.\n"
    start = keep(session, issue, changed(issue, body), now)
    drafts.save(session, issue, start, now)
    here = Window(session, issue, "one", now, base=2, number=start.number)
    theirs = EditorText(changed(issue, body.replace("Three.", "Three, by Bo.")), base=2)
    drafts.save(session, issue, drafts.keep(session, issue, theirs, BO, now), now)
    newest = body.replace("Three.", "Three, by Bo.")
    there = Window(session, issue, "two", now, base=3, number=start.number)
    with_bo = here.keep(body.replace("One.", "One, here."))
    assert with_bo.source.endswith("One, here.\n\nTwo.\n\nThree, by Bo.\n")
    assert there.keep(newest.replace("Two.", "Two, there."), before=newest).source.endswith(
        "One, here.\n\nTwo, there.\n\nThree, by Bo.\n"
    )


def test_two_editors_each_have_their_draft(session: Session, issue: Issue, now: datetime) -> None:
    keep(session, issue, changed(issue, "Ada's."), now)
    keep(session, issue, changed(issue, "Bo's."), now + timedelta(minutes=1), editor=BO)
    assert [draft.editor for draft in session.scalars(drafts.unsaved_drafts(issue))] == [BO, ADA]


def test_a_saved_draft_is_the_next_revision_and_a_draft_no_more(session: Session, issue: Issue, now: datetime) -> None:
    issue_store.set_readiness(issue, Readiness.READY)
    draft = keep(session, issue, changed(issue, "All of it."), now)
    assert drafts.save(session, issue, draft, now) is Saved.CHANGED
    assert (issue.revision.number, issue.revision.author) == (2, ADA)
    assert issue.revision.source.endswith("All of it.")
    assert issue.readiness is Readiness.DRAFT
    assert drafts.unsaved_draft(session, issue, ADA) is None


def test_a_draft_that_says_what_is_saved_already_just_goes(session: Session, issue: Issue, now: datetime) -> None:
    draft = keep(session, issue, issue.revision.source, now)
    assert drafts.save(session, issue, draft, now) is Saved.SAME
    assert (issue.revision_number, drafts.unsaved_draft(session, issue, ADA)) == (1, None)


def test_who_saves_second_is_refused_and_keeps_the_draft(session: Session, issue: Issue, now: datetime) -> None:
    mine = keep(session, issue, changed(issue, "Ada's."), now)
    theirs = keep(session, issue, changed(issue, "Bo's."), now, editor=BO)
    drafts.save(session, issue, theirs, now)
    with pytest.raises(RevisionConflict, match=rf"{BO} changed the same passage, and saved it as revision 2"):
        drafts.save(session, issue, mine, now)
    assert drafts.save_if_valid(session, issue, mine, now) is None
    assert "Ada's." in mine.source
    assert "Bo's." in issue.revision.source


def test_two_savers_at_once_make_one_revision(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        publication = toml_file.load(session, SHIPPED / "publication.toml", now)[0]
        create.create_issue(session, publication, TYPED, DAY, ADA, now)
    with sessions.reading() as looked_before:
        stale = issue_store.find(looked_before, "a-tight-back")
    with sessions.begin() as session:
        issue = issue_store.find(session, "a-tight-back")
        drafts.save(session, issue, keep(session, issue, changed(issue, "First."), now), now)
    with sessions.begin() as session:
        stale = session.merge(stale, load=False)
        with pytest.raises(RevisionConflict):
            drafts.save(session, stale, keep(session, stale, changed_from(TYPED, "Second."), now, editor=BO), now)
    with sessions.reading() as session:
        assert session.scalars(select(Revision.number).order_by(Revision.number)).all() == [1, 2]


def test_a_text_with_faults_stays_a_draft_and_each_fault_has_its_line(
    session: Session, issue: Issue, now: datetime
) -> None:
    draft = keep(session, issue, changed(issue, "Hello {{ surname }}\n\n![A back](back.png)\n"), now)
    with pytest.raises(Faulty) as refusal:
        drafts.save(session, issue, draft, now)
    lines = draft.source.split("\n")
    told = [(lines[(fault.line or 0) - 1], fault.text) for fault in refusal.value.faults]
    assert [line for line, _ in told] == ["Hello {{ surname }}", "![A back](back.png)"]
    assert 'no picture "back.png"' in told[1][1]
    assert drafts.unsaved_draft(session, issue, ADA) is draft


def test_a_picture_that_was_uploaded_goes_into_the_revision(
    session: Session, issue: Issue, tmp_path: Path, now: datetime
) -> None:
    Image.new("RGB", (4, 3)).save(tmp_path / "back.png")
    kept = FolderPictureStore(tmp_path / "pictures").keep(
        session, "back.png", (tmp_path / "back.png").read_bytes(), now
    )
    name = pictures.attach(session, issue, "back.png", kept)
    draft = keep(session, issue, changed(issue, f"![A back]({name})\n"), now)
    drafts.save(session, issue, draft, now)
    assert issue_store.picture_names(issue.revision) == {"back.png": kept.file_name}


def test_a_new_slug_renames_the_issue_and_its_file_and_keeps_its_date(
    session: Session, issue: Issue, now: datetime
) -> None:
    renamed = issue_form.apply_form(
        issue.revision.source, issue.slug, replace(shown(issue), slug="a-calm-back", body="Calm.\n")
    )
    drafts.save(session, issue, keep(session, issue, renamed, now), now)
    assert issue_store.find(session, "a-calm-back") is issue
    assert issue.file_name == "2026-11-24-a-calm-back.md"


def test_a_slug_that_another_issue_has_is_refused_by_its_line(session: Session, issue: Issue, now: datetime) -> None:
    other = create.create_issue(session, issue.publication, replace(TYPED, title="A calm neck"), DAY, BO, now)
    taken = issue_form.apply_form(other.revision.source, other.slug, replace(shown(other), slug="a-tight-back"))
    with pytest.raises(Faulty, match=r'“A tight back” already has the slug "a-tight-back"') as refusal:
        drafts.save(session, other, keep(session, other, taken, now), now)
    assert refusal.value.faults[0].line == 4


def test_a_draft_is_due_as_a_revision_five_minutes_after_its_first_change(
    session: Session, issue: Issue, now: datetime
) -> None:
    draft = keep(session, issue, changed(issue, "One."), now)
    assert not drafts.is_due(draft, now + timedelta(minutes=4))
    assert drafts.is_due(draft, now + timedelta(minutes=5))


def test_an_older_text_is_restored_as_a_new_revision(session: Session, issue: Issue, now: datetime) -> None:
    first = issue.revision.source
    drafts.save(session, issue, keep(session, issue, changed(issue, "Worse."), now), now)
    assert drafts.restore(session, issue, issue_store.revision(session, issue, 1), BO, now) is Saved.CHANGED
    assert (issue.revision.number, issue.revision.author, issue.revision.source) == (3, BO, first)
    with pytest.raises(NotFound, match="has no revision 9; its newest is 3"):
        issue_store.revision(session, issue, 9)


def test_a_deleted_draft_leaves_nothing_behind(session: Session, issue: Issue, tmp_path: Path, now: datetime) -> None:
    before = {table.name for table in filled(session)}
    create.create_issue(session, issue.publication, replace(TYPED, title="Another"), DAY, BO, now)
    Image.new("RGB", (4, 3)).save(tmp_path / "back.png")
    kept = FolderPictureStore(tmp_path / "pictures").keep(
        session, "back.png", (tmp_path / "back.png").read_bytes(), now
    )
    name = pictures.attach(session, issue, "back.png", kept)
    drafts.save(session, issue, keep(session, issue, changed(issue, f"![A back]({name})\n"), now), now)
    keep(session, issue, changed(issue, "More."), now, number=1)
    presence.announce(session, issue, "tab", ADA, now)
    issue_store.remove(session, issue)
    with pytest.raises(NotFound):
        issue_store.find(session, "a-tight-back")
    assert {table.name for table in filled(session)} == before | {"pictures"}
    assert issue_store.find(session, "another").revision.number == 1


def test_windows_that_are_open_at_once_know_of_each_other(session: Session, issue: Issue, now: datetime) -> None:
    assert presence.announce(session, issue, "one", ADA, now) == []
    later = now + timedelta(seconds=5)
    assert [(writer.editor, writer.tab) for writer in presence.announce(session, issue, "two", BO, later)] == [
        (ADA, "one")
    ]
    assert [writer.editor for writer in presence.announce(session, issue, "one", ADA, later)] == [BO]


def test_a_window_that_was_closed_or_fell_silent_is_company_no_more(
    session: Session, issue: Issue, now: datetime
) -> None:
    for tab in ("one", "two"):
        presence.announce(session, issue, tab, ADA, now)
    presence.leave(session, issue, "two", now)
    assert [writer.tab for writer in presence.others(session, issue, "three", now)] == ["one"]
    assert presence.others(session, issue, "three", now + timedelta(seconds=31)) == []


def test_what_was_scheduled_once_is_not_deleted(session: Session, issue: Issue, now: datetime) -> None:
    said = dict.fromkeys(("sender_name", "sender_address", "list_id", "feedback_id", "archive_url"), "x")
    mail = dict.fromkeys(("content_hash", "subject", "html", "text"), "x")
    issue.letter = Letter(publication_id=issue.publication_id, due_at=now, created_at=now, **said, **mail)
    session.flush()
    with pytest.raises(Conflict, match="is kept as a record"):
        issue_store.remove(session, issue)
    session.expire(issue)


@dataclass
class Window:
    """A window of Ada's with its script."""

    session: Session
    issue: Issue
    tab: str
    now: datetime
    base: int = 1
    number: int = 0
    turn: int = 0

    def keep(self, body: str, *, turn: int = 0, before: str | None = None) -> Draft:
        self.turn = turn or self.turn + 1
        known = None if before is None else changed(self.issue, before)
        typed = EditorText(changed(self.issue, body), self.base, self.number, self.tab, self.turn, known)
        return drafts.keep(self.session, self.issue, typed, ADA, self.now)


def shown(issue: Issue) -> IssueForm:
    return issue_form.parse_form(issue.revision.source, issue.slug)


def changed(issue: Issue, body: str) -> str:
    return issue_form.apply_form(issue.revision.source, issue.slug, replace(shown(issue), body=body))


def changed_from(typed: IssueForm, body: str) -> str:
    return issue_form.new_file(replace(typed, slug="a-tight-back", body=body))


def keep(session: Session, issue: Issue, source: str, now: datetime, *, editor: str = ADA, number: int = 0) -> Draft:
    return drafts.keep(session, issue, EditorText(source, base=1, number=number), editor, now)


def filled(session: Session) -> list[type[Base]]:
    tables = Base.metadata.sorted_tables
    return [table for table in tables if session.scalar(select(func.count()).select_from(table))]  # type: ignore[misc]
