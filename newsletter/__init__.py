"""Newsletter Press: four rooms, the workflows between them, and three doors.

The rooms:

    audience/       who reads, and by what right? people, consent, imports
    editorial/      what do we say, and is it fit to print? issues, rendering, preflight, weekly slots
    delivery/       did each copy arrive? the ledger, SMTP, rate limits, bounces
    web/            how do people reach the three above? readers' pages and the desk

Between them:

    workflows/      one module for each thing that touches more than one room: publish, approve, correct, report …

The doors, each of which reads the clock, opens the session and commits:

    web/            the pages
    worker/         the clock: one table of jobs
    cli/            the command line

Beside the rooms:

    publications/   who speaks: sender, slots, wording; the TOML file
    engagement/     what readers give back: comments, and whether an issue helped
    editors/        who may sign in at the desk, and by what proof
    audit.py        who did what: a log that is only ever added to
    backup/         all of it in one file, and out of it again
    inbox/          a mail server for the laptop: it shows every mail and sends none on
    processes/      `newsletter up`, and several workers under one supervisor
    wiring.py       settings become parts

Below everything:

    addresses/      what an address alone tells: its mailbox, its provider
    i18n/           the words that readers see, and dates, numbers and plurals, in a language
    outbound/       the only door to addresses that somebody typed
    system/         files, folders, ports and processes of this machine
    config db errors clock links tokens logs characters pagination prepared

docs/architecture.md tells the journeys; pyproject.toml holds the import contracts; docs/glossary.md has each term once.
"""
