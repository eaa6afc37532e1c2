"""A made file of each peer, and what becomes of each of its rows."""

import csv
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.audience import attributes, tags
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import Attribute
from newsletter.audience.importing import sources
from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.headers import FieldKind, normalized
from newsletter.audience.importing.plan import ImportTerms, Tally
from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.models import Status
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, Suppression
from newsletter.errors import Invalid
from tests.audience.opening import import_list, import_steps, open_csv

FILES = Path(__file__).parent / "sources"
VOUCHED = ImportTerms(Status.ACTIVE, "the old list", vouched=True)
TERMS = ImportTerms(Status.ACTIVE, "the old list")

ACTIVE, PENDING, LEFT = Status.ACTIVE, Status.PENDING, Status.UNSUBSCRIBED
BOUNCED, COMPLAINED = Status.BOUNCED, Status.COMPLAINED
SKIPPED, REFUSED = "skipped", "refused"

# Each row's reader, by the name before the @, and what they become; None is as the terms say.
FATES = {
    "mailchimp-subscribed.csv": ("mailchimp", {"fern": None, "moss": None}),
    "mailchimp-unsubscribed.csv": ("mailchimp", {"ivy": LEFT, "thorn": COMPLAINED}),
    "mailchimp-cleaned.csv": ("mailchimp", {"dust": BOUNCED}),
    "substack.csv": ("substack", {"fern": None, "moss": None, "ivy": LEFT, "9f3c": SKIPPED}),
    "substack-subscribers.csv": ("substack", {"fern": None, "ivy": LEFT}),
    "ghost.csv": ("ghost", {"fern": None, "ivy": LEFT, "moss": LEFT}),
    "listmonk.csv": ("listmonk", {"fern": None, "ivy": LEFT, "thorn": COMPLAINED}),
    "kit.csv": (
        "kit",
        {
            "fern": ACTIVE,
            "frost": ACTIVE,
            "bud": PENDING,
            "ivy": LEFT,
            "dust": BOUNCED,
            "thorn": COMPLAINED,
            "weed": REFUSED,
        },
    ),
    "beehiiv.csv": (
        "beehiiv",
        {
            "fern": ACTIVE,
            "ivy": LEFT,
            "gone": LEFT,
            "bud": PENDING,
            "leaf": PENDING,
            "stem": PENDING,
            "dust": BOUNCED,
        },
    ),
    "buttondown.csv": (
        "buttondown",
        {
            **dict.fromkeys(("fern", "gold", "gift", "late", "hold"), ACTIVE),
            **dict.fromkeys(("bud", "leaf"), PENDING),
            **dict.fromkeys(("ivy", "away", "gone"), LEFT),
            "dust": BOUNCED,
            "thorn": COMPLAINED,
            "weed": SKIPPED,
        },
    ),
    "buttondown-dashboard.csv": ("buttondown", {"fern": ACTIVE, "gold": ACTIVE, "ivy": LEFT}),
    "mailerlite.csv": (
        "mailerlite",
        {"fern": ACTIVE, "ivy": LEFT, "bud": PENDING, "dust": BOUNCED, "thorn": COMPLAINED},
    ),
    "mautic.csv": ("mautic", {"fern": None, "ivy": LEFT, "dust": BOUNCED, "away": LEFT, "moss": None}),
    "brevo.csv": ("brevo", {"fern": ACTIVE, "ivy": LEFT, "weed": LEFT}),
    "list-active.csv": ("sendy", {"fern": ACTIVE, "moss": ACTIVE}),
    "list-unsubscribed.csv": ("sendy", {"ivy": LEFT}),
    "list-marked-as-spam.csv": ("sendy", {"thorn": COMPLAINED}),
    "keila.csv": ("keila", {"fern": ACTIVE, "ivy": LEFT, "dust": BOUNCED, "weed": LEFT}),
    "emailoctopus.csv": ("emailoctopus", {"fern": ACTIVE, "ivy": LEFT, "bud": PENDING}),
    "plain.csv": ("plain", {"fern": ACTIVE, "ivy": LEFT}),
}


def read(path: Path, choices: ColumnChoices = DEFAULT_CHOICES, source: str = "") -> dict[str, ImportRow]:
    """The rows that are not refused, by the name before the @."""
    with open_csv(path) as opened:
        rows = [row for row in list_rows.read_rows(opened, choices, source) if isinstance(row, ImportRow)]
    return {row.email.partition("@")[0]: row for row in rows}


def source_of(path: Path) -> str:
    with files.open_file(path) as opened:
        (found,) = list_rows.survey(opened)
    return found.source.name


@pytest.mark.parametrize("name", FATES)
def test_the_source_is_recognised_and_each_row_becomes_what_it_is_there(name: str) -> None:
    source, fates = FATES[name]
    rows = read(FILES / name)
    assert source_of(FILES / name) == source
    assert {key: SKIPPED if row.skipped else row.status for key, row in rows.items()} == {
        key: fate for key, fate in fates.items() if fate != REFUSED
    }


@pytest.mark.parametrize("name", [name for name in FATES if name != "listmonk.csv"])
def test_a_file_that_tells_who_has_left_needs_nobodys_word_for_it(name: str) -> None:
    with files.open_file(FILES / name) as opened:
        (found,) = list_rows.survey(opened)
    assert not found.layout.doubt


def test_tags_and_attributes_are_kept_and_a_guard_against_formulas_is_not() -> None:
    fern = read(FILES / "ghost.csv")["fern"]
    assert (fern.name, fern.tags, fern.attributes) == (
        "=Fern Hill",
        ("Early", "Patron"),
        {"note": "+1 for tulips", "tiers": "Gold, Silver"},
    )
    assert read(FILES / "mailchimp-subscribed.csv")["fern"].tags == ("Editors", "Old, friends")
    assert read(FILES / "mailchimp-subscribed.csv")["fern"].attributes == {
        "Favourite tree": "Oak",
        "TIMEZONE": "Europe/Berlin",
        "CC": "de",
        "REGION": "be",
    }
    assert read(FILES / "mautic.csv")["fern"].tags == ("early", "patron")
    assert read(FILES / "kit.csv")["frost"].tags == ("cold",)
    assert read(FILES / "listmonk.csv")["fern"].attributes == {
        "city": "Łódź",
        "age": "41",
        "vip": "true",
        "pets": '["cat"]',
    }
    assert read(FILES / "list-active.csv")["fern"].name == 'Fern "the" Hill'
    assert read(FILES / "list-active.csv")["fern"].attributes == {"Field 3": "Oak", "Field 4": "Jan 02 2024"}


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ('["early", "old, friends"]', ("early", "old, friends")),
        ("[early]", ("[early]",)),
        ("[]", ()),
        ("[1, 2]", ("[1", "2]")),
        ("early; old", ("early", "old")),
    ],
)
def test_tags_may_stand_in_a_json_array(tmp_path: Path, cell: str, tags: tuple[str, ...]) -> None:
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["email", "tags"], ["fern@garden.example", cell]])
    assert read(tmp_path / "list.csv")["fern"].tags == tags


def test_the_peers_proof_is_kept_word_for_word() -> None:
    rows = read(FILES / "mailchimp-subscribed.csv")
    assert rows["fern"].proof == (
        "OPTIN_TIME 2024-01-02 10:00:00; OPTIN_IP 192.0.2.7; CONFIRM_TIME 2024-01-02 10:05:00; CONFIRM_IP 192.0.2.8"
    )
    assert (rows["fern"].remark, rows["moss"].remark[:29]) == ("", "single opt-in or an import at")
    assert "opted_in_at 2024-01-02 10:05:00; optin_ip 192.0.2.7" in read(FILES / "mailerlite.csv")["fern"].proof
    assert read(FILES / "brevo.csv")["fern"].proof == "DOUBLE_OPT-IN 1; OPT_IN Yes"
    assert "ip_address 192.0.2.7" in read(FILES / "buttondown.csv")["fern"].proof


STATELESS = {
    "buttondown": "email_address,notes,metadata,tags,creation_date",
    "listmonk": "uuid,email,name,attributes,status,created_at,updated_at",
    "mautic": "id,firstname,lastname,email,points,stage,owner",
    "brevo": "CONTACT ID,EMAIL,FIRSTNAME,LASTNAME,SMS,DOUBLE_OPT-IN,OPT_IN,ADDED_TIME,MODIFIED_TIME",
    "mailerlite": "Subscriber,Sent,Opens,Clicks,Subscribed,Location",
    "ghost": "id,email,name,note,labels,tiers",
    "kit": "First Name,Email,Created At,Tags",
    "beehiiv": "email,tier,created_at,stripe_customer_id",
    "substack": "email,active_subscription,expiry,plan,created_at",
    "keila": "Email,First name,Last name,Data(JSON),External ID",
    "mailchimp": "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,LEID,EUID",
}


@pytest.mark.parametrize("source", STATELESS)
def test_a_file_that_does_not_tell_who_has_left_is_not_imported_without_an_answer(
    source: str, write: Callable[..., Path]
) -> None:
    header = STATELESS[source]
    cells = ["fern@garden.example" if "mail" in t.lower() or t == "Subscriber" else "" for t in header.split(",")]
    path = write(f"{header}\n{','.join(cells)}\n".replace("mail_marketing", ""))
    assert source_of(path) == source
    with files.open_file(path) as opened:
        (found,) = list_rows.survey(opened)
    assert found.layout.doubt
    assert found.source.export


def test_what_was_said_of_the_column_is_an_answer(write: Callable[..., Path]) -> None:
    path = write("uuid,email,attributes,status\n1,fern@garden.example,{},enabled\n")
    with files.open_file(path) as opened:
        (found,) = list_rows.survey(opened, ColumnChoices({"status": FieldKind.ACCOUNT}))
        assert not found.layout.doubt
        (ignored,) = list_rows.survey(opened, ColumnChoices(ignored=frozenset({"status"})))
        assert ignored.layout.doubt


@pytest.mark.parametrize(
    "row",
    [
        "first_name,email,status,created_at\nFern,fern@garden.example,,2024-01-02\n",
        "uuid,email,attributes,status,subscription_status\n1,fern@garden.example,{},enabled,NULL\n",
        "email_address,type,metadata\nfern@garden.example,-,{}\n",
    ],
)
def test_a_row_without_the_status_that_its_source_always_tells_makes_no_reader(
    write: Callable[..., Path], row: str
) -> None:
    with open_csv(write(row)) as opened:
        (refused,) = list_rows.read_rows(opened)
    assert isinstance(refused, RefusedRow)
    assert "nothing says where this reader stands" in refused.reason


def test_an_empty_status_hides_no_date_of_leaving_and_needs_no_mark(write: Callable[..., Path]) -> None:
    left = write("email,status,tier,unsubscribed_at\nivy@garden.example,,free,2024-01-02\n")
    assert read(left)["ivy"].status is LEFT
    unmarked = write("email,firstname,points,doNotContact\nfern@garden.example,Fern,1,\n")
    assert read(unmarked)["fern"].status is None


def test_a_word_means_what_it_means_at_its_source(write: Callable[..., Path]) -> None:
    path = write("first_name,email,status,created_at\nIvy,ivy@garden.example,inactive,2024-01-02\n")
    assert read(path)["ivy"].status is PENDING
    for source in ("beehiiv", "plain"):
        assert read(path, source=source)["ivy"].status is LEFT


def test_no_source_claims_the_headers_of_another() -> None:
    for name, (source, _) in FATES.items():
        first = (FILES / name).read_text(encoding="utf-8").splitlines()[0]
        headers = [normalized(title) for title in first.replace(";", ",").split(",")]
        scores = {one.name: one.score(headers) for one in sources.PEERS}
        assert source in {"plain", "sendy"} or max(scores, key=scores.__getitem__) == source


def test_an_unknown_source_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Invalid, match=r"no source is called 'kat'; known are: mailchimp, substack, .*, plain"):
        sources.source_named("kat")


def test_a_column_of_addresses_is_found_whatever_its_title(write: Callable[..., Path]) -> None:
    path = write("Sähköposti,Nimi\nfern@garden.example,Fern\nivy@garden.example,Ivy\n")
    assert list(read(path)) == ["fern", "ivy"]


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def load(press, path: Path, terms: ImportTerms = TERMS, **how: object) -> Tally:
    return import_list(press, path, terms, **how)


@pytest.fixture
def mailchimp(tmp_path: Path) -> Path:
    """The zip that Mailchimp gives, whose lists are in the files beside this one."""
    members = {
        f"{kind}_members_export_1.csv": (FILES / f"mailchimp-{kind}.csv").read_text(encoding="utf-8")
        for kind in ("subscribed", "unsubscribed", "cleaned")
    }
    members["nonsubscribed_members_export_1.csv"] = (
        (FILES / "mailchimp-subscribed.csv")
        .read_text(encoding="utf-8")
        .replace("fern@", "shop@")
        .replace("moss@", "till@")
    )
    return zipped(tmp_path / "audience_export.zip", members | {"__MACOSX/._subscribed_x.csv": b"\0\1"})


def test_those_who_left_buttondown_are_in_a_file_that_says_so_by_its_name_alone(tmp_path: Path) -> None:
    path = tmp_path / "unsubscribers.csv"
    path.write_text("email_address,notes,metadata,creation_date\nivy@garden.example,,{},2024-01-02\n")
    assert read(path)["ivy"].status is LEFT


@pytest.mark.parametrize(
    ("name", "is_doubtful"),
    [
        ("unsubscribed.csv", True),
        ("Opt-Outs 2024.csv", True),
        ("suppression_bounces.csv", True),
        ("Abgemeldete.csv", True),
        ("no_email.csv", True),
        ("archived_members_export.csv", True),
        ("Inaktive.csv", True),
        ("subscribers.csv", False),
        ("London, others.csv", False),
    ],
)
def test_a_list_that_is_called_after_those_who_left_needs_an_answer(
    write: Callable[..., Path], name: str, is_doubtful: bool
) -> None:
    path = write("email,name\nivy@garden.example,Ivy\n")
    with files.open_file(path, name=name) as opened:
        (found,) = list_rows.survey(opened)
        (told,) = list_rows.survey(opened, ColumnChoices({"name": FieldKind.LEFT}))
    assert ("may say that its readers have left" in found.layout.doubt, told.layout.doubt) == (is_doubtful, "")


def test_new_attributes_get_their_places_in_the_order_of_their_columns(press, write: Callable[..., Path]) -> None:
    rows = "fern@garden.example,,2,,4,5\nivy@garden.example,1,2,3,,5\nmoss@garden.example,,,3,4,\n"
    load(press, write(f"email,town,age,born,street,zip\n{rows}"))
    with press.sessions.reading() as session:
        in_order = session.scalars(select(Attribute.name).order_by(Attribute.position)).all()
    assert in_order == ["town", "age", "born", "street", "zip"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_mailchimps_zip_is_imported_as_a_whole(press, mailchimp: Path) -> None:
    press.reader("fern@garden.example")
    press.set_status("fern@garden.example", Status.UNSUBSCRIBED)
    dry = load(press, mailchimp, dry_run=True)
    tally = load(press, mailchimp)
    assert tally == dry == Tally(added=1, ended=3, left_alone=1, skipped=2)
    assert tally.statuses == {"active": 1, "unsubscribed": 1, "complained": 1, "bounced": 1}
    assert list(tally.remarks.values()) == [1]
    assert press.status("fern@garden.example") is Status.UNSUBSCRIBED
    with press.sessions.reading() as session:
        found = {one.key: (one.cause, one.detail) for one in session.scalars(select(Suppression))}
        assert suppression.suppressed_keys(session, ["ivy@garden.example"]) == set()
    assert found == {
        "dust@garden.example": (Cause.IMPORT, "bounced at Mailchimp"),
        "thorn@garden.example": (Cause.COMPLAINT, "complained at Mailchimp"),
    }
    assert load(press, mailchimp) == Tally(already=4, left_alone=1, skipped=2)


def test_tags_and_attributes_come_in_and_what_a_reader_has_already_stays(press, write: Callable[..., Path]) -> None:
    assert load(press, write("email,city,tags\nfern@garden.example,Köln,\n")).added == 1
    second = write("email,City,age,tags\nfern@garden.example,Berlin,41,early;patron\nivy@garden.example,,38,early\n")
    assert load(press, second) == Tally(added=1, already=1)
    assert load(press, second) == Tally(already=2)
    fern = press.subscription("fern@garden.example").id
    with press.sessions.reading() as session:
        assert tags.tags_of(session, fern) == ["early", "patron"]
        assert attributes.values_of(session, fern) == {"age": "41", "city": "Köln"}
        types = dict(session.execute(select(Attribute.name, Attribute.type)).all())
    assert types == {"city": AttributeType.TEXT, "age": AttributeType.NUMBER}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_note_of_the_consent_has_the_peers_proof(press) -> None:
    load(press, FILES / "mailchimp-subscribed.csv")
    note = press.events("fern@garden.example")[0].note
    assert note.startswith("the old list; OPTIN_TIME 2024-01-02 10:00:00; OPTIN_IP 192.0.2.7; CONFIRM_TIME")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("terms", [TERMS, ImportTerms()])
def test_a_list_that_mixes_everybody_is_refused_with_what_to_do(press, terms: ImportTerms) -> None:
    with pytest.raises(Invalid) as refusal:
        load(press, FILES / "list-all.csv", terms)
    for words in ("nothing was imported", "list from Sendy", "…-active.csv", "--all-subscribed", "--source plain"):
        assert words in str(refusal.value)
    with pytest.raises(Invalid, match="does not tell who has left"):
        load(press, FILES / "list-all.csv", terms, dry_run=True)
    assert load(press, FILES / "list-all.csv", VOUCHED) == Tally(added=1)


def test_each_row_has_its_fate_with_line_and_reason(press, write: Callable[..., Path]) -> None:
    press.reader("here@garden.example")
    press.reader("left@garden.example")
    press.set_status("left@garden.example", Status.UNSUBSCRIBED)
    press.reader("erased@garden.example")
    from newsletter.audience import privacy

    press.run(privacy.erase, "erased@garden.example", press.now)
    rows = ["email,status", *(f"{name}@garden.example,active" for name in ("new", "here", "left", "erased", "new"))]
    rows += ["ivy@garden.example,unsubscribed", "here@garden.example,bounced"]
    steps = import_steps(press, write("\n".join(rows) + "\n"), TERMS, dry_run=True, with_fates=True)
    fates = [fate for step in steps for fate in step.fates]
    assert [(one.line, one.email.partition("@")[0], one.fate, one.status, one.reason) for one in sorted(fates)] == [
        (2, "new", "added", "active", ""),
        (3, "here", "already there", "", "the address is in line 8, too, which counts"),
        (4, "left", "left alone", "", "unsubscribed here"),
        (5, "erased", "left alone", "", "erased here"),
        (6, "new", "already there", "", "the address is in line 2, too, which counts"),
        (7, "ivy", "ended", "unsubscribed", ""),
        (8, "here", "left alone", "", "has confirmed here"),
    ]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"../subscribed_1.csv": "email\n"}, "names a file outside"),
        ({"/etc/subscribed_1.csv": "email\n"}, "names a file outside"),
        ({"..\\subscribed_1.csv": "email\n"}, "names a file outside"),
        ({"subscribed_1.csv": "email\n" + "a" * (3 << 20)}, "more than 200 times its size"),
        ({"a.csv": "email\n", "b.csv": "email\n"}, "several lists, of no program that is known: 'a.csv', 'b.csv'"),
        ({"inner.zip": b"PK\x03\x04"}, "no list in it, but 'inner.zip'; unpack it"),
        ({"a.csv": "email\n", "unsubscribed.xlsx": b"PK"}, "those who have left may be in 'unsubscribed.xlsx'"),
        ({"subscribed_1.csv": "email\n", "bounces.zip": b"PK"}, "those who have left may be in 'bounces.zip'"),
    ],
)
def test_a_zip_that_is_not_to_be_trusted_is_not_unpacked(
    tmp_path: Path, members: dict[str, str | bytes], message: str
) -> None:
    path = zipped(tmp_path / "list.zip", members)
    with files.open_file(path) as opened, pytest.raises(Invalid, match=message):
        list_rows.survey(opened)


def test_what_is_passed_over_in_a_zip_is_named(tmp_path: Path) -> None:
    others = {f"{number}.opens.csv": "email\n" for number in range(11)}
    members = {"subscribed_1.csv": "Email Address\n", "readme.md": "", "more.xlsx": b"PK", "__MACOSX/._a.csv": b""}
    with files.open_file(zipped(tmp_path / "list.zip", members | others)) as opened:
        list_rows.survey(opened, source="mailchimp")
        assert opened.unread_names.startswith("'0.opens.csv', '1.opens.csv', ")
        assert opened.unread_names.endswith(", '9.opens.csv', 2 more")


def test_a_zip_that_is_cut_off_or_damaged_is_refused_before_a_row_is_read(mailchimp: Path) -> None:
    whole = mailchimp.read_bytes()
    damaged = bytearray(whole)
    damaged[120:140] = bytes(20)
    for content in (whole[: len(whole) // 2], bytes(damaged)):
        mailchimp.write_bytes(content)
        with files.open_file(mailchimp) as opened, pytest.raises(Invalid, match="damaged or cut off"):
            list_rows.survey(opened)


def test_substacks_zip_has_its_list_among_the_posts(tmp_path: Path) -> None:
    list_ = (FILES / "substack.csv").read_bytes()
    posts = {"posts.csv": "post_id,title\n1.a,A\n", "posts/1.a.html": "<p>A</p>"}
    path = zipped(tmp_path / "export.zip", {"email_list.garden.csv": list_, **posts})
    with files.open_file(path) as opened:
        (found,) = list_rows.survey(opened)
    assert (found.source.name, found.name.endswith("export.zip, email_list.garden.csv")) == ("substack", True)


def test_a_list_of_those_who_left_that_lies_beside_a_programs_own_is_asked_about(tmp_path: Path) -> None:
    list_ = (FILES / "substack.csv").read_bytes()
    beside = {"posts.csv": "post_id,title\n1.a,A\n", "Abgemeldete.csv": "email\nfern@garden.example\n"}
    path = zipped(tmp_path / "export.zip", {"email_list.garden.csv": list_, **beside})
    with files.open_file(path) as opened:
        told, asked = list_rows.survey(opened)
    assert (told.layout.doubt, "may say that its readers have left" in asked.layout.doubt) == ("", True)


def test_a_pipe_is_not_read_to_see_whether_it_is_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    os.write(held, b"PK\3\4")
    assert not files.holds_list(path)
    assert os.read(held, 9) == b"PK\3\4"
    os.close(held)


def test_columns_beyond_a_hundred_are_refused_or_left_out(write: Callable[..., Path]) -> None:
    titles = ",".join(f"field {number}" for number in range(1_000))
    path = write(f"email,{titles}\nfern@garden.example{',x' * 1_000}\n")
    with pytest.raises(Invalid, match=r"1000 columns would be kept as attributes, and 100 fit: .* --ignore '\*'"):
        read(path)
    assert read(path, ColumnChoices(ignored=frozenset({"*"})))["fern"].attributes == {}


def test_a_cell_of_ten_megabytes_and_an_endless_line_cost_their_own_row(write: Callable[..., Path]) -> None:
    path = write(f"email,name\nfern@garden.example,{'x' * 10_000_000}\nivy@garden.example,Ivy\n")
    with open_csv(path) as opened:
        refused, row = list_rows.read_rows(opened)
    assert (refused.line, row.email) == (2, "ivy@garden.example")
    assert len(refused.cells[0]) <= 1 << 20


def test_the_readings_of_a_word_are_shown_where_the_encoding_cannot_be_told(write: Callable[..., Path]) -> None:
    path = write("email,name\nfern@garden.example,Renée\n", "windows-1252")
    with pytest.raises(Invalid) as refusal:
        read(path)
    assert "windows-1252 (Excel in Western Europe; it reads 'Renée' then)" in str(refusal.value)
    assert "mac-roman (an old Mac; it reads 'RenÈe' then)" in str(refusal.value)


def test_a_file_in_utf8_is_not_read_as_something_else(write: Callable[..., Path]) -> None:
    path = write("email,name\nfern@garden.example,Renée\n")
    with pytest.raises(Invalid, match="it is in UTF-8, and reads wrongly as windows-1252; leave --encoding out"):
        open_csv(path, "windows-1252").__enter__()


def test_a_file_that_is_cut_off_in_a_row_does_not_make_a_reader_of_half_an_address(write: Callable[..., Path]) -> None:
    whole = "email,name,city\nfern@garden.example,Fern,Köln\nivy@garden.co"
    for text in (whole, f'{whole},"Iv'):
        with open_csv(write(text)) as opened:
            fern, refused = list_rows.read_rows(opened)
        assert (fern.line, refused.line) == (2, 3)
    assert list(read(write(f"{whole}\n"))) == ["fern", "ivy"]
    assert list(read(write("email\nfern@garden.example\nivy@garden.example"))) == ["fern", "ivy"]
