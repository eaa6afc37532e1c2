"""The weekly slots of a publication, which moments they name, and the queue that fills them."""
