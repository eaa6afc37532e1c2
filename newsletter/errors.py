"""The tree of errors: each class says what its catcher can do.

PressError                 a sentence for the person, and never a traceback
├── Refused                we will not do this; change the request (exit 1, or a 4xx page)
│   ├── Invalid            what was given is malformed; the message names where and how to mend it
│   ├── NotFound           there is no such thing here
│   └── Conflict           it has changed meanwhile, or its state does not allow this
└── Unavailable            nothing is wrong with the request; try again later
    └── TransportDown      every copy: the mail server cannot be reached or used
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
