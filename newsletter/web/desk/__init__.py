"""The desk: where editors spend their week.

routes                        all of it in one table, with the least role for each
roles                         the guard that holds every request to the table
acts                          what somebody does is noted, by the same guard
door, forgotten, account      coming in, and keeping the key
second_factor, new_password   what the key is made of
people, audit                 the team, and what everybody did
issues, previews              what there is, and how it looks as mail
beginning, writing            a new issue, and its text: fields, editor, mail
keeping, live, history        what is typed is kept, shown as mail, and compared with what it was
schedule, sending             what will happen, and making it happen
following, watching, tempo    an issue on its way, as it goes
doubts                        the copies whose answer was lost
calendar, queueing, timetable the slots to come, the queue that fills them, and when there are any
reports, rolls, sheets        what came of an issue, and the readers behind each number
streams                       answers that go on for a while, so many at once
readers, settings
frame, words, offers, sorry   what every page shares
dear                          answers that take long, and are told to everybody for a while
"""

from newsletter.web.desk.routes import blueprint

__all__ = ["blueprint"]
