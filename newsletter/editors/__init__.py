"""Editors: the people who may sign in at the desk.

accounts        who they are, with which role; and that an owner always stays
passwords       what they know
second_factor   what they have, and the codes that stand in for it
desk_sessions   in which browsers they are signed in
attempt_limits  how often somebody may guess
emails          what they get by mail
"""

from newsletter.editors.accounts import add, find, first_owner, team
from newsletter.editors.models import Editor, Role
from newsletter.editors.passwords import set_password

__all__ = ["Editor", "Role", "add", "find", "first_owner", "set_password", "team"]
