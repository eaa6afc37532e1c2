"""The audience: subscribers, their subscriptions, and the record of their consent."""
