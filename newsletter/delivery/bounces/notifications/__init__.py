"""What providers tell of the copies that they deliver, read from their JSON; it comes by webhook, or in a mail.

json_fields  untrusted JSON, bounded, field by field
outcomes     a recipient, from the provider's words and the server's that it passes on
ses          Amazon SES's messages
"""
