"""The doctor's page: the last findings, and a button that runs all checks again."""

import threading

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from newsletter.doctor import Area, Level, gather, report, run_checks
from newsletter.web.context import now, services
from newsletter.web.desk import frame, setup_guide
from newsletter.web.desk.setup_steps import StepKind

# One at a time in this process: it asks hosts outside, and takes seconds.
_asking = threading.Lock()


def doctor() -> str:
    """What was found the last time; asks nothing and changes nothing."""
    last = report.last_report(services().settings.data_dir)
    findings = last.findings if last else []
    with services().sessions.reading() as store:
        # The doctor looks at the whole machine, and so works before there is a publication.
        publication = frame.current_publication(store) if setup_guide.is_active() else None
        return frame.page(
            store,
            "settings_doctor.html",
            "settings",
            publication,
            guide_place=setup_guide.place(store, publication, StepKind.DOCTOR) if publication else None,
            last=last,
            levels={level.value: [each for each in findings if each.level is level] for level in Level},
            areas=[(area.value, [each for each in findings if each.area == area.value]) for area in Area],
        )


def run_doctor() -> ResponseReturnValue:
    """Look at everything, and ask outside: about ten seconds at the longest."""
    if not _asking.acquire(blocking=False):
        flash("The doctor is at work already. Load the page again in ten seconds.")
        return redirect(url_for("desk.doctor"), 303)
    try:
        house, at = services(), now()
        findings = run_checks(gather.gather(house.settings, house.sessions, at, gather.Outside()))
        report.keep_report(house.settings.data_dir, findings, at)
    except OSError as error:
        flash(f"The findings could not be kept: {error.strerror or error}. `newsletter doctor` prints them.")
    finally:
        _asking.release()
    return redirect(url_for("desk.doctor"), 303)
