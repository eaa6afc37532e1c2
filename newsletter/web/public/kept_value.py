"""How a value that is kept for a moment is renewed: one request reads it again, and the others get the old one."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class KeptValue(Generic[T]):
    """A value that was read at `read_at`, in seconds of any clock."""

    value: T
    read_at: float
    is_renewed: bool = False
    """Whether somebody reads it again now."""

    def is_good(self, now: float, usual: float, longest: float) -> bool:
        """Whether to answer with it; False tells whoever asks to read it again.

        That is the first to ask after the `usual` seconds, and everybody after `longest`, should reading take so long.
        """
        if now - self.read_at < (longest if self.is_renewed else usual):
            return True
        self.is_renewed = True
        return False
