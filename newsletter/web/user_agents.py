"""A browser's name for itself, cut down to what its owner knows it by: `Firefox on Windows`."""

# Each calls itself by the names of those before it as well, so the most particular comes first.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def brief(agent: str) -> str:
    """Browser and system, as far as they are known; nothing that tells one person's from another's."""
    browser = _named(agent, _BROWSERS) or "A browser"
    system = _named(agent, _SYSTEMS)
    return f"{browser} on {system}" if system else browser


def _named(agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in names if mark in agent), "")
