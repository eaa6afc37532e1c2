"""Issues that came from another program: their text as our Markdown, and their old addresses; they never go out."""
