"""The desk: where editors spend their week.

routes                     all of it in one table, with the least role for each
roles                      the guard that holds every request to the table
audit_hook                 what somebody does is recorded, by the same guard
frame, words, lookup       what every page shares
issue                      one issue: written, previewed, checked, approved, tested, corrected
sending                    the calendar, the queue, and an issue on its way
reports                    what came of an issue, and the readers behind each number
readers                    a search, and one reader's history
settings                   what a publication is, its branding and its wording
team                       signing in, accounts, people, the audit log
streams, timed_cache       answers that go on for a while, and those that are kept for a while
undo_flash                 what was done, and the button that takes it back
"""

from newsletter.web.desk.routes import blueprint

__all__ = ["blueprint"]
