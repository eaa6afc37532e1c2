"""Health claims: what a text promises, or talks its readers out of, found by a small grammar.

grammar     roles, gaps and frames, and how a text is read
words       nouns and verbs by role, in their base form
phrases     other words and phrases by role, as they stand
kinds       frames that claim too much, beside those that only sound like it
promises    the frames of promises
treatment   the frames of talk against treatment

To teach it a sentence, add the sentence to `tests/editorial/preflight/claims.txt` or `harmless.txt`; then a word to the
role that it plays, and only if none of the frames has these roles in this order, a frame.
"""

from newsletter.editorial.preflight.health_claims.grammar import Match
from newsletter.editorial.preflight.health_claims.kinds import Claims
from newsletter.editorial.preflight.health_claims.promises import PROMISES
from newsletter.editorial.preflight.health_claims.treatment import TREATMENT

__all__ = ["PROMISES", "TREATMENT", "Claims", "Match"]
