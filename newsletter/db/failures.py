"""What a session raises that its caller can foresee: the database is away, or another transaction was first."""

import warnings

from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError, SAWarning
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

DatabaseDown = OperationalError
"""What a session raises when the database does not answer."""

AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)
"""What callers that can wait treat as "not now": no answer, no lock, no space, or a server that is read-only now."""

OVERTAKEN = (IntegrityError, StaleDataError, ObjectDeletedError, SAWarning)
"""What a session raises when another transaction has just deleted what this one changes, or added it first."""

# Otherwise, whoever deletes what another transaction has just deleted would be told that they did it.
warnings.filterwarnings("error", "DELETE statement on table", SAWarning)
