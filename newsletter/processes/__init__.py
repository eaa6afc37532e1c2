"""The processes that run until a signal: a worker's supervisor, and `newsletter up`, the development server."""
