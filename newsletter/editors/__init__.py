"""Editors: the people who may sign in at the desk.

names           their names and initials, for the addresses that records hold
accounts        the team and its roles; there is always an owner
passwords       hashing, checking, and refusing weak ones
second_factor   one-time codes (TOTP) and recovery codes
desk_sessions   the browsers that are signed in
attempt_limits  limits on guessing passwords and codes
emails          mails to the team
"""

from newsletter.editors.accounts import add, find, first_owner, team
from newsletter.editors.models import Editor, Role
from newsletter.editors.passwords import set_password

__all__ = ["Editor", "Role", "add", "find", "first_owner", "set_password", "team"]
