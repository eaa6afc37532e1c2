"""The desk’s start page: what goes out next, what waits for a person, and how it has gone."""
