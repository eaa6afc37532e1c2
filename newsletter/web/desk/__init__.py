"""The desk, where editors work.

routes                     the table of routes, with the least role for each
roles                      the guard that enforces the roles
audit_hook                 recording acts in the audit log
frame, words, lookup       what every page shares
issue                      one issue: written, previewed, checked, approved, tested, corrected
sending                    the calendar, the queue, scheduling, and an issue under way
reports                    the results of each issue, and the readers behind each number
readers                    a search, and one reader's history
settings                   the publication, its branding and its wording
team                       signing in, accounts, people, the audit log
streams, timed_cache       streamed answers, and a cache for slow queries
undo_flash                 a message after an act, with a button to undo it
"""

from newsletter.web.desk.routes import blueprint

__all__ = ["blueprint"]
