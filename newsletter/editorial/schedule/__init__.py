"""Schedule: a publication's weekly slots, their occurrences, and the queue that fills them."""
