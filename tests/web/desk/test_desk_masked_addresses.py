"""Authors and viewers work without readers' addresses: no page, no search and no file shows them one."""

import html
import re
from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter.addresses import masking
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.delivery import breaker
from newsletter.delivery.breaker import Trip
from newsletter.delivery.models import Copy, CopyState, LetterState, OutboxMessage, OutboxState, Receipt
from newsletter.delivery.smtp.outage import UnreachableServer
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.publications import first
from newsletter.web.desk.roles import ANYONE
from newsletter.web.desk.routes import ROUTES
from newsletter.wiring import Services
from tests.sample_services import OUT, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

ADA = "ada.lovelace@reader.example"
TESTER = "grace.hopper@tester.example"


@pytest.fixture
def ada(services: Services, now: datetime) -> int:
    """A reader whose address stands wherever one can stand; her subscription."""
    with services.sessions.begin() as session:
        letter_id = issue_store.find(session, OUT[0]).letter_id
        tie = Subscription(publication=first(session), status=Status.ACTIVE, created_at=now)
        # She left by the link in an issue, and came back.
        tie.events.append(ConsentEvent(act=Act.LEFT, channel=Channel.LINK, at=now, letter_id=letter_id))
        tie.events.append(ConsentEvent(act=Act.RENAMED, channel=Channel.LINK, at=now, note=f"was {ADA}"))
        person = Subscriber(email=ADA, key=ADA, name=ADA, created_at=now, subscriptions=[tie])
        session.add(person)
        session.flush()
        answered = {
            "state": OutboxState.FAILED,
            "reply": f"550 <{ADA}>: User unknown",
            "at": now,
            "message_id": "1@x.example",
        }
        session.add(Receipt(post_id=1, subscription_id=tie.id, kind="confirm", **answered))
        for state, slug in ((CopyState.REFUSED, OUT[0]), (CopyState.IN_DOUBT, OUT[1])):
            letter = issue_store.find(session, slug).letter_id
            said = {"state": state, "code": 550, "reply": f"<{ADA}>: User unknown", "ended_at": now, "begun_at": now}
            session.add(Copy(letter_id=letter, subscription_id=tie.id, address=ADA, name="", not_before=now, **said))
        return tie.id


def paths(subscription_id: int) -> set[str]:
    """Every page of the desk, those about this reader, about two issues that are out, and about one that waits."""
    looks = [one for one in ROUTES if one.method == "GET" and one.least is not ANYONE and "_anything" not in one.path]
    filled = {one.path.replace("<slug>", slug) for one in looks for slug in (*OUT, WAITING)}
    filled = {path.replace("<id:subscription_id>", str(subscription_id)) for path in filled}
    return {"/desk" + re.sub(r"<[^>]+>", "1", path) for path in filled if "events" not in path}


ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@pytest.fixture
def tried(services: Services, editor: Visitor, now: datetime) -> None:
    """Test mails to somebody outside the team: one that waits, and one that was refused, with the server's words."""
    page = f"/desk/issues/{WAITING}/test"
    for others in (TESTER, f"second.{TESTER}"):
        form = hidden(editor.open(page).text, page) | {"others": others}
        assert editor.client.post(page, data=form).status_code == 303
    with services.sessions.begin() as session:
        post = session.scalars(select(OutboxMessage).where(OutboxMessage.address == TESTER)).one()
        post.state, post.reply, post.ended_at = OutboxState.FAILED, f"550 5.1.1 <{TESTER}>: User unknown", now
        for group in ("gmail", breaker.WHOLE):
            letter = issue_store.find(session, OUT[-1]).letter
            said = {"code": 554, "reply": f"5.7.1 <{ADA}> has blocked you", "copies": 5}
            session.add(Trip(letter_id=letter.id, provider_group=group, opened_at=now, **said))
        letter.state, letter.finished_at = LetterState.RUNNING, None
        told = {
            MailKind.ISSUES: UnreachableServer("m.example:25", now, f"554 <{ADA}>"),
            MailKind.LETTERS: UnreachableServer("m:1", now, TESTER),
        }
        heartbeat.beat(session, "w", now, told)


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("role", [pytest.param(Role.VIEWER, marks=pytest.mark.slow), Role.AUTHOR])
def test_whoever_only_writes_or_looks_sees_nobodys_address_but_those_of_the_team_and_the_publication(
    enter: Enter, ada: int, role: Role
) -> None:
    person = enter(role)
    fates = f"/desk/issues/{WAITING}/test/fates?seen=x"
    pages = {path: person.open(path).text for path in paths(ada) | {fates}}
    assert [path for path, page in pages.items() if "lovelace" in page] == []
    assert "a…@reader.example" in pages["/desk/readers/"]
    assert "a…@reader.example" in pages[f"/desk/readers/{ada}/"]
    assert "550 &lt;a…@reader.example&gt;: User unknown" in pages[f"/desk/readers/{ada}/"]
    shown = {path: set(ADDRESS.findall(html.unescape(page))) for path, page in pages.items()}
    team = {f"{each.value}@desk.example" for each in Role}
    # A Message-ID has an @, too.
    harmless = re.compile(r".+@backpainhelp\.example|alex@example\.org|1@x\.example")
    strange = {path: {one for one in found - team if not harmless.fullmatch(one)} for path, found in shown.items()}
    assert {path: found for path, found in strange.items() if found} == {}
    if role is Role.AUTHOR:
        assert "g…@tester.example" in pages[fates]
        assert "550 5.1.1 &lt;g…@tester.example&gt;: User unknown" in pages[fates]


@pytest.mark.usefixtures("tried")
def test_an_editor_sees_where_a_test_mail_went(editor: Visitor) -> None:
    assert TESTER in editor.open(f"/desk/issues/{WAITING}/test").text


def test_editors_see_it_on_each_of_these(editor: Visitor, ada: int) -> None:
    report = f"/desk/reports/{OUT[0]}"
    for path in (
        "/desk/readers/",
        f"/desk/readers/{ada}/",
        f"{report}/copies",
        f"{report}/copies.csv",
        f"{report}/leavers",
        f"/desk/issues/{OUT[1]}/doubts",
        f"/desk/issues/{WAITING}/test?q=ada",
    ):
        assert ADA in editor.open(path).text, path


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_nobody_finds_out_by_searching_whose_address_it_is(enter: Enter, role: Role) -> None:
    person = enter(role)
    assert 'name="q"' not in person.open("/desk/readers/").text
    found = [words(person.open(f"/desk/readers/?q={q}")) for q in ("ada.lovelace", "nobody.at.all")]
    assert found[0] == found[1]
    assert person.open(f"/desk/issues/{WAITING}/test?q=ada").text.count("reader.example") == 0


def test_an_author_s_test_mail_is_written_to_the_made_up_reader(enter: Enter, services: Services, ada: int) -> None:
    author, page = enter(Role.AUTHOR), f"/desk/issues/{WAITING}/test"
    form = hidden(author.open(page).text, page) | {"to": "author@desk.example", "sample": str(ada)}
    assert author.client.post(page, data=form).status_code == 303
    with services.sessions.reading() as session:
        assert ADA not in session.scalars(select(OutboxMessage)).one().html


def test_every_address_in_a_servers_words_is_masked() -> None:
    said = "550 5.1.1 <Ada@Reader.example>: not here, try bo@x.example; see https://x.example/?a=b"
    assert masking.mask_all_in_text(said) == (
        "550 5.1.1 <A…@Reader.example>: not here, try b…@x.example; see https://x.example/?a=b"
    )
