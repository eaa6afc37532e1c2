"""`newsletter issues doubts` and `settle`: the copies whose answer was lost, and a person's decisions about them."""

import click
from sqlalchemy.orm import Session

from newsletter.addresses.masking import mask_address, mask_in_text
from newsletter.cli.common import as_json, correction_option, print_listing, with_services
from newsletter.clock import now
from newsletter.delivery.ledger import doubts as open_doubts
from newsletter.delivery.ledger import resent
from newsletter.delivery.models import Copy, Letter
from newsletter.editorial.issues import corrections, issue_store
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import resolve_doubts
from newsletter.workflows.resolve_doubts import Decision

_SAID = {
    Decision.RESEND: "{} to be sent again, under the same Message-ID",
    Decision.SENT: "{} settled as sent",
    Decision.LEAVE: "{} settled: left in doubt",
}


@click.command()
@click.argument("slug")
@correction_option
@click.option("--settled", is_flag=True, help="Those already decided, and those that were sent again automatically.")
@as_json
@with_services
def doubts(services: Services, slug: str, correction: int | None, settled: bool, as_json: bool) -> None:
    """List the copies in doubt. Those that nobody has decided about, oldest first."""
    if settled:
        _list_settled(services, slug, correction, as_json=as_json)
        return
    with services.sessions.reading() as session:
        letter = _letter(session, slug, correction)
        copies = session.scalars(open_doubts.undecided(letter.id)).all() if letter else []
        ids = [copy.id for copy in copies]
        names = open_doubts.message_ids(session, services.links, letter.id, ids) if letter and ids else {}
        found = [_document(copy, names[copy.id]) for copy in copies]
    columns = ("copy", "address", "since", "heard", "worker", "message_id")
    print_listing(found, columns, "nothing is in doubt", as_json=as_json)


@click.command()
@click.argument("slug")
@correction_option
@click.option("--resend", "decision", flag_value=Decision.RESEND.value, help="Send again, under the same Message-ID.")
@click.option(
    "--sent", "decision", flag_value=Decision.SENT.value, help="The mail server's log says that it accepted it."
)
@click.option("--leave", "decision", flag_value=Decision.LEAVE.value, help="Nobody knows; do not send again.")
@click.option("--copy", "ids", type=int, multiple=True, metavar="ID", help="Only this copy; may be repeated.")
@with_services
def settle(services: Services, slug: str, correction: int | None, decision: str | None, ids: tuple[int, ...]) -> None:
    """Decide about copies in doubt. All those of the issue, or those named by --copy."""
    if decision is None:
        raise click.UsageError("say what to do with them: --resend, --sent or --leave")
    with services.sessions.begin() as session:
        settled = resolve_doubts.resolve(session, _letter(session, slug, correction), Decision(decision), now(), ids)
    click.echo(_SAID[Decision(decision)].format(formats.counted(len(settled.copies), "copy")))
    for copy_id, why in settled.spared.items():
        click.echo(f"copy {copy_id} is not sent again: its reader is {why}")


def _list_settled(services: Services, slug: str, correction: int | None, *, as_json: bool) -> None:
    with services.sessions.reading() as session:
        letter = _letter(session, slug, correction)
        closed = session.scalars(open_doubts.decided(letter.id)).all() if letter else []
        again = session.execute(resent.of_letter(session, letter.id)).all() if letter else []
        whys = {copy.id: (copy, copy.ended_at, copy.reason) for copy in closed}
        whys |= {copy.id: (copy, note.at, f"sent again: {note.detail}") for copy, note in again if copy.id not in whys}
        names = open_doubts.message_ids(session, services.links, letter.id, list(whys)) if letter and whys else {}
        found = [
            _document(copy, names[copy.id])
            | {
                "settled_at": at and at.isoformat(timespec="seconds"),
                "decision": why,
                "state": copy.state.value,
            }
            for copy, at, why in (whys[copy_id] for copy_id in sorted(whys))
        ]
    columns = ("copy", "address", "settled_at", "decision", "state", "message_id")
    print_listing(found, columns, "no doubt was settled", as_json=as_json)


def _letter(session: Session, slug: str, correction: int | None) -> Letter | None:
    issue = issue_store.find(session, slug)
    return issue.letter if correction is None else corrections.find(session, issue, correction).letter


def _document(copy: Copy, message_id: str) -> dict[str, object]:
    return {
        "copy": copy.id,
        "address": mask_address(copy.address),
        "message_id": message_id,
        "begun_at": copy.begun_at.isoformat(timespec="seconds") if copy.begun_at else None,
        "since": copy.ended_at.isoformat(timespec="seconds") if copy.ended_at else None,
        "heard": copy.reply and mask_in_text(copy.address, copy.reply),
        "worker": copy.worker,
    }
