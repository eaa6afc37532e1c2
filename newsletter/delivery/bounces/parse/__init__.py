"""Incoming mail, read: what it is, and whom it is about.

parser            `parse`: bytes in, one frozen Report out
mime              the mail taken apart, in bounded memory
mail_view         the questions that are asked of a mail, each answered once
dsn, arf          reports for programs: delivery status (RFC 3464, 6533), complaints (RFC 5965)
notification      Amazon SES's JSON, sent by mail
prose, signs      what is written for people, and the words that a kind of mail is known by
automatic         auto-replies, challenges, mails that unsubscribe
recipients        what a report says of one address, classified
returned_message  the part that is sent back
"""

from newsletter.delivery.bounces.parse.parser import parse

__all__ = ["parse"]
