"""What a command that failed says: one sentence on standard error."""

from newsletter.errors import PressError


def sentence_of(error: Exception) -> str | None:
    """The sentence for the person who called; None for a fault of ours."""
    if isinstance(error, PressError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}"
    if not type(error).__module__.startswith("sqlalchemy"):
        return None
    cause = getattr(error, "orig", None) or error
    return f"the database refused: {str(cause).strip().splitlines()[0]}"
