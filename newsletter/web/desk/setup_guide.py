"""The setup guide: the steps to a publication's first issue, each with its state as it is now.

Nothing is stored about a step. Its state follows from the publication's settings, slots and readers, from test mails
and from the doctor's last findings. A step is done on its usual page of the desk; `?guide=1` in that page's URL shows
where the guide stands, and leads to the next step once the page is saved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request, url_for

from newsletter import editors
from newsletter.audience.importing.uploads import models as imports
from newsletter.db import Session
from newsletter.editors import Role
from newsletter.publications import Publication
from newsletter.web.desk import setup_steps, words
from newsletter.web.desk.setup_steps import Situation, StepKind, StepState

_FLAG = "guide"
_PAGES = {
    "desk.add_slot",
    "desk.add_week_off",
    "desk.answer_import",
    "desk.begin_import",
    "desk.cancel_import",
    "desk.change_colours",
    "desk.change_logo",
    "desk.change_slot",
    "desk.doctor",
    "desk.import_page",
    "desk.import_progress",
    "desk.imports",
    "desk.look_form",
    "desk.own_test",
    "desk.own_test_status",
    "desk.part_form",
    "desk.pause_import",
    "desk.remove_slot",
    "desk.remove_week_off",
    "desk.resume_import",
    "desk.run_doctor",
    "desk.send_own_test",
    "desk.timetable_page",
}
"""The pages and forms that stay in the guide when they are opened from one of its pages."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step with its state, the reason for that state in a sentence, and the page where it is done."""

    kind: StepKind
    title: str
    act: str
    """The words on the button that leads to it."""
    state: StepState
    finding: str
    url: str
    least: Role

    @property
    def is_allowed(self) -> bool:
        """Whether this person may do it."""
        return words.may(self.least)


@dataclass(frozen=True, slots=True)
class Guide:
    """All steps of a publication."""

    steps: Sequence[Step]

    @property
    def next_step(self) -> Step | None:
        """The first step that this person can do and that is needed; None if there is none."""
        return next((step for step in self.steps if step.state.is_wanting and step.is_allowed), None)

    @property
    def is_complete(self) -> bool:
        """Whether nothing that is needed is missing."""
        return not any(step.state.is_wanting or step.state is StepState.UNDER_WAY for step in self.steps)

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.state is StepState.DONE for step in self.steps)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the guide a page is."""

    step: Step
    number: int
    total: int
    back_url: str
    next_url: str


def init_blueprint(blueprint: Blueprint) -> None:
    """Let links and forms from a page of the guide to another one stay in it."""
    blueprint.url_defaults(_stay)


def is_active() -> bool:
    """Whether this page was opened through the guide."""
    return request.args.get(_FLAG) == "1"


def read_guide(store: Session, publication: Publication) -> Guide:
    """The steps of a publication, as they are now."""
    situation = setup_steps.read_situation(store, publication)
    return Guide([_step(kind, situation) for kind in StepKind])


def place(store: Session, publication: Publication, name: str) -> Place | None:
    """Where in the guide the page of this step is; None outside the guide."""
    if not is_active() or name not in {*StepKind}:
        return None
    steps = read_guide(store, publication).steps
    at = list(StepKind).index(StepKind(name))
    before = next((step.url for step in reversed(steps[:at]) if step.is_allowed), url_for("desk.setup"))
    return Place(steps[at], at + 1, len(steps), before, _following(steps, at))


def way_on(store: Session, publication: Publication, name: str, otherwise: str) -> str:
    """Where to go after this step was saved: in the guide to the next step that is not done, else `otherwise`."""
    found = place(store, publication, name)
    return found.next_url if found else otherwise


def people_by_role(store: Session) -> dict[Role, list[str]]:
    """For each role, the addresses of those of the team who have it or a higher one."""
    ranks, team = list(Role), store.scalars(editors.team()).all()
    return {least: [one.email for one in team if ranks.index(one.role) <= ranks.index(least)] for least in ranks}


def _stay(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint in _PAGES and is_active():
        values.setdefault(_FLAG, 1)


def _following(steps: Sequence[Step], at: int) -> str:
    later = (step for step in steps[at + 1 :] if step.state is not StepState.DONE and step.is_allowed)
    following = next(later, None)
    return following.url if following else url_for("desk.setup")


def _step(kind: StepKind, situation: Situation) -> Step:
    title, act, least = _STEPS[kind]
    state, finding = setup_steps.judge(kind, situation)
    if state is StepState.FAULTY:
        act = _MENDS.get(kind, act)
    return Step(kind, title, act, state, finding, _url(kind, situation), least)


def _url(kind: StepKind, situation: Situation) -> str:
    upload = situation.upload
    if kind is StepKind.READERS and upload and upload.state not in imports.OVER:
        return url_for("desk.import_page", upload_id=upload.id, guide=1)
    if kind in _ENDPOINTS:
        return url_for(_ENDPOINTS[kind], guide=1)
    return url_for("desk.part_form", part=kind.value, guide=1)


_STEPS: Mapping[StepKind, tuple[str, str, Role]] = {
    StepKind.NAME: ("Name", "Name your newsletter", Role.OWNER),
    StepKind.SENDER: ("Sender", "Set the sender", Role.OWNER),
    StepKind.ADDRESS: ("Postal address", "Enter the postal address", Role.OWNER),
    StepKind.LOOK: ("Logo and colours", "Choose logo and colours", Role.OWNER),
    StepKind.SLOT: ("Weekly slot", "Choose a day and a time", Role.EDITOR),
    StepKind.READERS: ("Readers", "Import your readers", Role.EDITOR),
    StepKind.TEST: ("Test email", "Send yourself a test email", Role.AUTHOR),
    StepKind.DOCTOR: ("Doctor", "Ask the doctor", Role.EDITOR),
}
_MENDS = {
    StepKind.READERS: "Continue the import",
    StepKind.TEST: "See what happened to it",
    StepKind.DOCTOR: "See what the doctor found",
}
"""What a person does in a step that was begun and needs attention."""
_ENDPOINTS = {
    StepKind.LOOK: "desk.look_form",
    StepKind.SLOT: "desk.timetable_page",
    StepKind.READERS: "desk.imports",
    StepKind.TEST: "desk.own_test",
    StepKind.DOCTOR: "desk.doctor",
}
