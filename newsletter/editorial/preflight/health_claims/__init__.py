"""Health claims: what a text promises, or talks its readers out of, found by a small grammar.

grammar   roles, gaps and frames, and how a text is read
words     the tables of words by role
frames    the tables of frames: what claims too much, and what only sounds like it

To teach it a sentence, add the sentence to `tests/editorial/preflight/claims.txt` or `harmless.txt`; then a word to the
role that it plays, and only if none of the frames has these roles in this order, a frame.
"""

from newsletter.editorial.preflight.health_claims.frames import PROMISES, TREATMENT, Claims
from newsletter.editorial.preflight.health_claims.grammar import Match

__all__ = ["PROMISES", "TREATMENT", "Claims", "Match"]
