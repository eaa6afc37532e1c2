"""Who reads, and by what right? People, their subscriptions, and the proof of their consent."""
