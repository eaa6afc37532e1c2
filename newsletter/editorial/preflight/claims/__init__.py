"""Claims: what a text promises, or talks its readers out of, found by a small grammar.

grammar   roles, gaps and frames, and how a text is read
words     the tables of words by role
frames    the tables of frames: what claims too much, and what only sounds like it
"""

from newsletter.editorial.preflight.claims.frames import PROMISES, TREATMENT, Claims
from newsletter.editorial.preflight.claims.grammar import Match

__all__ = ["PROMISES", "TREATMENT", "Claims", "Match"]
