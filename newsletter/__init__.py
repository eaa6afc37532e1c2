"""Newsletter Press: one house, four rooms, one street.

    audience/      who reads, and by what right?
    editorial/     what do we say, and is it fit to print?
    delivery/      did each copy arrive?
    web/           how do people reach the three above?
    workflows/publish.py  the street between the rooms: one issue, its readers, a letter
    workflows/build_letter.py    the letter that an issue makes, and whether it is fit to go out

    publications/models.py  who speaks, from which address, at which hour of the week
    editors/         who may sign in at the desk, and by what proof
    audit.py         who did what: a log that is only ever added to
    inbox/           a mail server for the laptop: it shows every mail and sends none on
    processes/dev_server.py        `newsletter up`: web, worker and inbox as one
    processes/supervisor.py          `newsletter worker --processes`: several workers under one supervisor
    workflows/calendar.py        which issue fills which slot: at the hour, and wherever it is foretold
    workflows/fill_slots.py       at a slot's hour, the first issue of the queue that may go out
    workflows/warn_editors.py     what editors hear of a slot that nothing fills
    workflows/alert_editors.py      what editors hear when servers refuse an issue, and it stands still
    workflows/approve_issue.py     a second person says that exactly this content may go out
    workflows/run_preflight.py    an issue under the lamp: preflight with all that is known beside its text
    workflows/test_mail.py      an issue mailed to a few people first, marked as a test
    workflows/correct_issue.py    a letter about what was wrong in an issue, to those who got it
    workflows/resend_missed.py        an issue sent after all to those whom it did not reach
    workflows/rehearse_issue.py    an issue's every copy, built and checked, and none sent
    workflows/issue_report.py     what came of an issue, beside the issues before it
    workflows/resolve_doubts.py      a person decides about the copies whose answer was lost
    workflows/allow_sending.py      a person lets a restored or copied database send
    backup/          all of it in one file, and out of it again
    characters.py    what a typed line may hold: one rule at every border
    outside/         the only door to addresses that an editor typed: does a page answer there?
    addresses/mailboxes.py     which spellings of an address mean one mailbox
    pagination.py        a list page by page, each begun at a row's key
    group_commit.py  those who write at once share one sync of the disk
    addresses/provider_groups.py         which provider an address belongs to
    system/lifeline.py         what ties the processes of `up` and of a crew together: none outlives its holder

``cli`` and ``worker`` are the other two doors; ``wiring`` is where settings become parts.
docs/architecture.md tells the three journeys; pyproject.toml holds the import contracts.
"""
