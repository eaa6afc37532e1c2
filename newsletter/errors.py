"""The tree of errors: each class says what its catcher can do. Every subclass in the code base stands here.

PressError                      a sentence for the person, and never a traceback
├── Refused                     we will not do this; change the request (exit 1, or a 4xx page)
│   ├── Invalid                 what was given is malformed; the message names where and how to mend it
│   │   ├── Expired             links: the link is genuine but too old
│   │   ├── Faulty              drafts: the text is not a valid issue
│   │   ├── NoAddress           mime: mail cannot be sent to what stands where an address should
│   │   ├── NoMoment            weekly_slots: the text cannot be read as a date and a time
│   │   ├── NoNote              correction_draft: a correction does not say what changed
│   │   ├── NoReason            slot_settings: days off have no reason
│   │   ├── RefusedSnippet      snippets: no snippet can have that name or text
│   │   ├── RenderError         mjml: the MJML is malformed
│   │   ├── TooLarge            markdown: the text has more than is rendered
│   │   ├── UnknownEncoding     text_encoding: somebody has to say which encoding a file is in
│   │   └── _InvalidField       slot_settings of the desk: one field of the form cannot be read
│   ├── NotFound                there is no such thing here
│   ├── Conflict                it has changed meanwhile, or its state does not allow this
│   │   ├── MergeConflict       drafts: two texts of an issue changed the same passage
│   │   │   ├── OtherTabConflict    the other text is the same editor's, from another window
│   │   │   └── RevisionConflict    the other text is the newest revision
│   │   ├── Outdated            issue_store: the text is based on a revision that is no longer the newest
│   │   ├── Unaddressed         issue_readiness: the segment that the issue goes to no longer works
│   │   ├── Unapproved          issue_readiness: an approval is required, and the content has none
│   │   ├── Unfit               issue_readiness: preflight blocks the issue
│   │   ├── UnknownDraft        drafts: the draft is not the one that the window knows
│   │   ├── Unready             issue_readiness: the issue is a draft
│   │   └── Unsent              issue_readiness: the issue is scheduled, and has to be unscheduled first
│   ├── NotFresh                preferences: personal data needs a link that was sent within the hour (403)
│   └── TooManyRequests         signup_limits: too many requests, of one client or of all together (429)
└── Unavailable                 nothing is wrong with the request; try again later
    ├── MailboxDown         imap_mailbox: the mailbox of bounces cannot be read
    └── TransportDown           every copy: the mail server cannot be reached or used
        ├── ConnectionLost      protocol: the server closed the connection, or fell silent
        ├── ProtocolError       replies: the server said something that is not SMTP
        ├── RateLimited         protocol: the server asks for less
        │   └── TooManyConnections  the server takes no further connection
        └── SenderRefused       protocol: the server takes nothing from this sender
"""


class PressError(Exception):
    """A sentence for the person who has to act on it."""


class Refused(PressError):
    """This will not be done; change the request."""


class Invalid(Refused):
    """What was given is malformed; the message names where, and how to mend it."""


class NotFound(Refused):
    """There is no such thing here."""


class Conflict(Refused):
    """It has changed meanwhile, or its state does not allow this."""


class Unavailable(PressError):
    """Nothing is wrong with the request; try again later."""


class TransportDown(Unavailable):
    """The mail server cannot be reached or used, whatever the copy."""
