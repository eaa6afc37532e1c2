"""Columns that may tell who has left: none is passed over in silence, and of two states the worse wins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.audience.importing import headers
from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.importing.reading import list_rows
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.models import Status
from newsletter.errors import Invalid
from tests.audience.opening import import_list, open_csv

SUSPECT = (
    """
state|State|states|type|Type|subscriber_type|Status 2|STATUS2|Email Status|Member status|Sta\u200btus 2
Ｓｔａｔｕｓ　２
unsubscribed|Unsubscribes|opt-out|optOut|OPT_OUT|opted_out|Opted Out|Opt-Outs|email_opt_out|HasOptedOutOfEmail
blacklist|Blacklisted|black list|blocklist|blocked|suppressed|Suppression|bounced|Bounces|cleaned|complaint|Spam
consent|Consents|consent_given|permission|DNC|dnd|do_not_email|doNotContact|DONOTMAIL|Do not disturb|No mail
Accepts Email Marketing|accepts_sms|subscribed|subscription|Opt In|DOUBLE_OPT-IN|Is_Active|isActive|ACTIVE|Enabled
removed|Deleted|canceled|Cancelled|Email Disabled 2|Mail disabled|Newsletter|Email marketing|confirmed|Verified
abgemeldet|Abmeldung|Abbestellt|Gekündigt|Gesperrt|Sperrliste|Werbesperre|Anmeldestatus|Einwilligung|Zustimmung|Widerruf
désabonné|Désinscrit|Statut|État|Consentement|Opposition|Ne pas contacter|Liste noire|Bloqué|Actif|Abonné|type
Baja|Dado de baja|Desuscrito|Estado|Consentimiento|Lista negra|No contactar|Bloqueado|Activo|Suscrito|Tipo
Wypisany|Zgoda|Zrezygnował|Zablokowany|Stan|Nieaktywny|Usunięty|Czarna lista|Rezygnacja|Sprzeciw|Typ
Data disiscrizione|Stato|Iscritto|Data de descadastro|Situação|Uitgeschreven op|Actief|Avregistrerad|Afmeldt|Odhlášen
Дата отписки|Статус|Подписан|Дата відписки|配信停止日|状態|退会日|退订日期|状态|수신거부|상태|Durum
İptal|Leiratkozás dátuma
Email St\u0430tus|\u0405tatus 2|\u043ept-out|Rejected|Rejection|Declined|Deceased|Dead|On hold|Held
Muted|Never email
Pending|Can contact|May email|Lawful basis|EmailVerified|Quarantined|Lapsed|Returned|ended|Termination date
Verstorben|Abgelehnt|Pausiert|Robinsonliste|Nicht mehr senden|Einspruch|Ungültig|Abo beendet|Werbung|Zurückgewiesen
Expired|Expired on|Churned|churned_at|Churn|Stage|Lifecycle Stage|Error|Last error|Delivery failure|Failed
Not delivered|Hard|Soft|NPAI|Bad address|Wrong email|Unengaged|Not engaged|Unresponsive|Unwanted|Not interested
Don't send|No longer wanted|Exit date|Exited|Reason for leaving|Departed|Dropout|Withdrawn|Withdrawal|Resigned
Former subscriber|Ex-reader|End date|Member until|Membership end|Account closed|Lost reason|Trashed|Purged|Erased
Forgotten|Anonymised|Sunsetted|Never opens|Result|Verification result|Email quality|Catch-all|Risky|Send|Sendable
On list|Not on list|Flagged|Reported|Ende|Enddatum|Abgelaufen|Ausgetreten|Austrittsdatum|Ausgeschieden|Abgang
Löschdatum|Storniert|Karteileiche|Passiv|Kein Interesse|Fehler|Fehlermeldung|Falsche Adresse|Unbekannt verzogen
Inactive since|Kündigung zum|Retiré|Sortie|Date de sortie|Parti|Expiré|Clôturé|Fin d'abonnement|Plus intéressé|Erreur
Échec|Erroné|Error de entrega|Salida|Retirado|Expirado|Caducado|Finalizado|Renuncia|No interesado|Fallido|Erróneo
Koniec|Zakończony|Wygasł|Odszedł|Odejście|Nieaktualny|Skreślony|Nie chce|Błąd|Błędny adres|Nieudane|Scaduto|Uscita
Inattivo|Errore|Verlopen|Beëindigd|Opzegging|Fout|Saída|Desistente|Erro
Newsletter A|newsletter_weekly|Décédé|Rebond|Ne plus envoyer|Arrêté|Fallecido|Zmarły|Wstrzymany|Nieprawidłowy|Pozwolenie
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

HARMLESS = (
    """
OPTIN_IP|CONFIRM_IP|MEMBER_RATING|LATITUDE|TIMEZONE|CC|REGION|LAST_CHANGED|LEID|EUID|NOTES|TAGS|active_subscription
expiry|plan|prefer_digests|first_payment_at|complimentary_plan|labels|tiers|uuid|attributes|updated_at|tier|utm_source
metadata|referrer_url|churn_date|last_open_date|Sent|Opens|Clicks|Location|Groups|company|points|owner|MODIFIED_TIME
Estate|Real Estate|Interstate|Statement|Prototype|Typeface|Interactive|Blockchain|Cleaning|Opinion|Adoption|Description
Emails received (6mo)|Emails dropped (6mo)|Num. emails opened|Last email opened|Links clicked|Shares|First paid date
stripe_customer_id|email_open_rate|last_seen_at|utm_medium|referral_code|acquisition source|avatar_url
email_transitions|upgrade_date|last_click_date|secondary_id|Subscriber score|Date identified|Preferred locale
Attribution|WHATSAPP|EXT_ID|LANDLINE_NUMBER|Last campaign|Record ID|Contact owner|Create Date|Last Activity Date
Close Date|Original Source|First Conversion|Recent Deal Amount|Number of Associated Deals|Total Spent|Tax Exempt
Province Code|Order ID|Ticket price|Event end time|Attendee #|Quantity|Currency|Salutation|Date of birth|Anrede
Hausnummer|Kundennummer|Spende|Wochenende|Freunde|Finland|Finance|Département|Departure city|Exit survey score|Partie
Partner|Particulier|Hardware|Software|Softball|Retirement plan|Quiz result|Fine art|Lifestyle|Backstage|Sender name
State/Province|Newsletter name|Newsletter score|Newsletters sent|newsletter_language|Newsletter ID
Badge|Losung|Uwagi|Źródło|Dirección|Remarques
City|Country|Stadt|Beruf|Ville|Ciudad|Miasto|Birthday|Phone|Subscriber ID|line|reason
Data iscrizione|Nome|Città|Naam|Bedrijf|Jméno|Имя|Установка|氏名|会社名|公司|이름
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

LEFT_WHEN = (
    """
Unsub date|unsubscribed_at|UNSUB_TIME|unsubscription_date|canceled_at|cancelled_at|deleted_at|Date unsubscribed|left_at
opted_out_at|Opt-out date|date_removed|Abmeldedatum|Abgemeldet am|Kündigungsdatum|Désabonné le|Date de désinscription
Fecha de baja|Data wypisania|UNSUB_CAMPAIGN_TITLE|Unsubscription reason
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


def read(path: Path, choices: ColumnChoices = DEFAULT_CHOICES) -> list[ImportRow | RefusedRow]:
    with open_csv(path) as opened:
        return list(list_rows.read_rows(opened, choices))


def standing(
    write: Callable[..., Path], header: str, cell: str, choices: ColumnChoices = DEFAULT_CHOICES
) -> Status | str | None:
    """What one cell says of its reader: a status, nothing, or why the row is refused."""
    (row,) = read(write(f'email,"{header}"\nada@example.org,"{cell}"\n'), choices)
    return row.status if isinstance(row, ImportRow) else row.reason


@pytest.mark.parametrize("header", SUSPECT)
def test_a_column_that_may_tell_who_has_left_stops_the_import(header: str) -> None:
    assert headers.field_of(header) is None
    assert headers.suspected_field(header, ["email", header]) is not None


@pytest.mark.parametrize("header", HARMLESS)
def test_a_column_that_tells_nothing_of_it_does_not(header: str) -> None:
    assert headers.suspected_field(header, ["email", header]) is None


@pytest.mark.parametrize("header", [",email,name,status", "email,,name,status"])
def test_a_column_without_a_title_takes_no_meaning_from_the_others(write: Callable[..., Path], header: str) -> None:
    columns = header.split(",")
    cells = {"": "7", "email": "fern@garden.example", "name": "Fern", "status": "cancelled"}
    with open_csv(write(f"{header}\n{','.join(cells[one] for one in columns)}\n")) as sheet:
        (row,) = list_rows.read_rows(sheet)
    assert (row.email, row.name, row.status) == ("fern@garden.example", "Fern", Status.UNSUBSCRIBED)


def test_a_note_in_a_list_that_is_taken_for_our_own_is_still_heard(write: Callable[..., Path]) -> None:
    path = write("email,name,status,Notes\nfern@garden.example,Fern,active,unsubscribed\n")
    with open_csv(path) as sheet:
        (row,) = list_rows.read_rows(sheet, source="newsletter-press")
    assert isinstance(row, RefusedRow)


@pytest.mark.parametrize("header", LEFT_WHEN)
def test_anything_in_a_column_of_leaving_ends_the_subscription(write: Callable[..., Path], header: str) -> None:
    for cell in ("2024-01-02 10:00:00", "02.01.24", "1704189600", "Jan 02 2024", "I moved", "✓"):
        assert standing(write, header, cell) is Status.UNSUBSCRIBED
    for cell in ("", "  ", "NULL", "0", "no", "-", "0000-00-00 00:00:00"):
        assert standing(write, header, cell) is None


def test_the_refusal_gives_the_very_words_to_type(write: Callable[..., Path]) -> None:
    path = write("email,type,Opted Out?,E-mail Status\nada@example.org,regular,no,ok\n")
    with pytest.raises(Invalid) as refusal:
        read(path)
    for words in (
        "list.csv: line 1: nothing was imported",
        "'type': --map type=status or --ignore type",
        "--map 'Opted Out?=unsubscribed' or --ignore 'Opted Out?'",
        "--map 'E-mail Status=status' or --ignore 'E-mail Status'",
    ):
        assert words in str(refusal.value)
    choices = ColumnChoices(
        {"type": FieldKind.STATUS, "opted out": FieldKind.UNSUBSCRIBED}, frozenset({"E-MAIL STATUS"})
    )
    (row,) = read(path, choices)
    assert isinstance(row, ImportRow)
    assert row.status is Status.ACTIVE


def test_a_choice_about_a_column_that_is_not_there_is_refused(write: Callable[..., Path]) -> None:
    path = write("email,name\nada@example.org,Ada\n")
    for choices in (ColumnChoices({"typ": FieldKind.STATUS}), ColumnChoices(ignored=frozenset({"typ"}))):
        with pytest.raises(Invalid, match="no column is called 'typ'; the first line names: 'email', 'name'"):
            read(path, choices)


def test_the_state_of_an_address_stands_beside_a_city_and_is_no_state_of_a_reader(write: Callable[..., Path]) -> None:
    (row,) = read(write("email,City,State\nada@example.org,Austin,Texas\n"))
    assert isinstance(row, ImportRow)
    (row,) = read(write("email,City,state\nada@example.org,Austin,cancelled\n"))
    assert isinstance(row, RefusedRow)
    assert "--map state=status or --ignore state" in row.reason
    for others in (["Country", "State"], ["City", "Email state"], ["City", "state_of_subscription"]):
        assert headers.suspected_field(others[1], others) is not None


def test_a_plain_list_can_be_told_which_column_is_the_pace(write: Callable[..., Path]) -> None:
    choices = ColumnChoices({"How often": FieldKind.PACE})
    (row,) = read(write("email,How often\nada@example.org,monthly\n"), choices)
    assert isinstance(row, ImportRow)
    assert row.is_monthly


def test_of_two_columns_of_proof_with_one_title_both_are_kept(write: Callable[..., Path]) -> None:
    (row,) = read(write("email,Signup IP,Signup IP\nada@example.org,192.0.2.7,192.0.2.8\n"))
    assert isinstance(row, ImportRow)
    assert row.proof == "Signup IP 192.0.2.7; Signup IP 192.0.2.8"


@pytest.mark.parametrize("header", ["Remarks", "Column 7", "tags", "name", "Subscribed at", ""])
def test_a_cell_that_says_its_reader_left_is_heard_under_any_header(write: Callable[..., Path], header: str) -> None:
    for cell in ("unsubscribed", "Opted out", "do not email", "abgemeldet", "désabonnée", "Dado de baja", "wypisana"):
        assert "may say that this reader has left" in str(standing(write, header, cell))
    for cell in ("Union", "Option 2", "Boston", "unsure", "compliments"):
        assert standing(write, header, cell) is None
    if header:
        assert standing(write, header, "unsubscribed", ColumnChoices(ignored=frozenset({header}))) is None


LISTED = (
    ("tags", "vip, unsubscribed"),
    ("tags", '["vip", "Do not email"]'),
    ("attributes", '{"status": "unsubscribed"}'),
    ("attributes", '{"opt_out": true}'),
    ("attributes", '{"newsletter": false}'),
    ("attributes", '{"city": "Oslo", "unsubscribed_at": "2024-01-02"}'),
)


@pytest.mark.parametrize(("header", "cell"), LISTED)
def test_a_tag_or_an_attribute_that_says_its_reader_left_is_heard_among_others(
    write: Callable[..., Path], header: str, cell: str
) -> None:
    quoted, source = cell.replace('"', '""'), "plain" if header == "tags" else "listmonk"
    path = write(f'uuid,email,{header}\n1,ada@example.org,"{quoted}"\n')
    with open_csv(path) as opened:
        (row,) = list_rows.read_rows(opened, DEFAULT_CHOICES, source)
    assert isinstance(row, RefusedRow)
    assert f"may say that this reader has left; if not, give --map {header}={header} or --ignore {header}" in row.reason
    with open_csv(path) as opened:
        (row,) = list_rows.read_rows(opened, ColumnChoices({header: FieldKind(header)}), source)
    assert isinstance(row, ImportRow)


@pytest.mark.parametrize(
    "cell", ['{"opt_out": false}', '{"unsubscribed_at": null, "newsletter": true}', '{"city": "Bounce House"}']
)
def test_an_attribute_that_says_no_is_kept(write: Callable[..., Path], cell: str) -> None:
    quoted = cell.replace('"', '""')
    with open_csv(write(f'uuid,email,attributes\n1,ada@example.org,"{quoted}"\n')) as opened:
        (row,) = list_rows.read_rows(opened, DEFAULT_CHOICES, "listmonk")
    assert isinstance(row, ImportRow)


YES = ("true", "TRUE", "yes", "1", "y", "x", "ja", "Oui", "sí", "tak", "✓", "2024-01-02", "on", "WAAR", "VERO")
NO = ("false", "no", "0", "N", "nein", "non", "nie", "Falsch", "off", "0.0", "ONWAAR", "FALSO")


@pytest.mark.parametrize("cell", YES)
def test_yes_is_understood_in_five_languages(write: Callable[..., Path], cell: str) -> None:
    assert standing(write, "Email disabled", cell) is Status.UNSUBSCRIBED
    assert standing(write, "is_active", cell, ColumnChoices({"is_active": FieldKind.SUBSCRIBED})) is None
    assert standing(write, "Bounced?", cell, ColumnChoices({"bounced": FieldKind.BOUNCED})) is Status.BOUNCED
    assert standing(write, "Spam", cell, ColumnChoices({"Spam": FieldKind.COMPLAINED})) is Status.COMPLAINED


@pytest.mark.parametrize("cell", NO)
def test_no_is_understood_in_five_languages(write: Callable[..., Path], cell: str) -> None:
    assert standing(write, "Email disabled", cell) is None
    assert standing(write, "Bounced?", cell, ColumnChoices({"bounced": FieldKind.BOUNCED})) is None
    if cell != "0.0":
        assert (
            standing(write, "is_active", cell, ColumnChoices({"is_active": FieldKind.SUBSCRIBED}))
            is Status.UNSUBSCRIBED
        )


@pytest.mark.parametrize("field", [FieldKind.STATUS, FieldKind.ACCOUNT, FieldKind.SUBSCRIBED, FieldKind.UNSUBSCRIBED])
@pytest.mark.parametrize("cell", ["maybe", "platinum", "2", "?", "=", "jein"])
def test_a_word_that_nobody_knows_never_makes_a_reader(write: Callable[..., Path], field: FieldKind, cell: str) -> None:
    assert isinstance(standing(write, "flag", cell, ColumnChoices({"flag": field})), str)


def test_an_empty_consent_is_none(write: Callable[..., Path]) -> None:
    assert "the cell for it is empty" in str(
        standing(write, "consent", "", ColumnChoices({"consent": FieldKind.SUBSCRIBED}))
    )


def test_an_enabled_account_may_have_left_the_list(write: Callable[..., Path]) -> None:
    assert "--map COLUMN=account" in str(standing(write, "status", "enabled"))
    account = ColumnChoices({"status": FieldKind.ACCOUNT})
    assert standing(write, "status", "enabled", account) is None
    assert standing(write, "status", "blocklisted", account) is Status.COMPLAINED
    assert standing(write, "status", "disabled", account) is Status.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("Regular", Status.ACTIVE),
        ("past_due", Status.ACTIVE),
        ("unactivated", Status.PENDING),
        ("needs_attention", Status.PENDING),
        ("Opted-Out", Status.UNSUBSCRIBED),
        ("removed", Status.UNSUBSCRIBED),
        ("canceled", Status.UNSUBSCRIBED),
        ("Abgemeldet", Status.UNSUBSCRIBED),
        ("DÉSABONNÉ", Status.UNSUBSCRIBED),
        ("dado de baja", Status.UNSUBSCRIBED),
        ("usunięta", Status.UNSUBSCRIBED),
        ("Hard bounced", Status.BOUNCED),
        ("unreachable", Status.BOUNCED),
        ("junk", Status.COMPLAINED),
    ],
)
def test_the_peers_words_are_understood(write: Callable[..., Path], cell: str, status: Status) -> None:
    assert standing(write, "status", cell) is status


@pytest.mark.parametrize(
    ("columns", "cells", "status"),
    [
        ("status,unsubscribed_at", "active,2024-01-02", Status.UNSUBSCRIBED),
        ("status,email_disabled", "active,true", Status.UNSUBSCRIBED),
        ("status,unsubscribed_at", "complained,2024-01-02", Status.COMPLAINED),
        ("status,unsubscribed_at", "pending,2024-01-02", Status.UNSUBSCRIBED),
        ("status,CLEAN_TIME", "complained,2024-01-02", Status.COMPLAINED),
        ("Status,Status", "active,unsubscribed", Status.UNSUBSCRIBED),
        ("Status,subscription_status", "unsubscribed,active", Status.UNSUBSCRIBED),
        ("status,UNSUB_REASON", "active,SPAM", Status.COMPLAINED),
        ("subscribed_to_emails,status", "true,bounced", Status.BOUNCED),
    ],
)
def test_of_two_states_the_worse_wins(write: Callable[..., Path], columns: str, cells: str, status: Status) -> None:
    (row,) = read(write(f"email,{columns}\nada@example.org,{cells}\n"))
    assert isinstance(row, ImportRow)
    assert row.status is status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("terms", [ImportTerms(), ImportTerms(Status.ACTIVE, "the old list")])
@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_of_one_reader_the_worse_wins(
    press, write: Callable[..., Path], terms: ImportTerms, order: int
) -> None:
    rows = ["complained", "unsubscribed", "active", "pending"][::order]
    path = write("\n".join(["email,status", *(f"ada@example.org,{status}" for status in rows)]))
    import_list(press, path, terms)
    assert (press.status("ada@example.org"), press.kinds("ada@example.org")) == (Status.COMPLAINED, [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_complaint_elsewhere_is_kept_of_one_who_left_here(press, write: Callable[..., Path]) -> None:
    press.reader("ada@example.org")
    press.set_status("ada@example.org", Status.UNSUBSCRIBED)
    assert import_list(press, write("email,status\nada@example.org,complained\n"), ImportTerms()).ended == 1
    assert press.status("ada@example.org") is Status.COMPLAINED
