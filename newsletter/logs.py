"""Logging: one line per event, for people (`console`) or programs (`json`); never a full address, secret or token."""

import logging
import re
import sys

from newsletter.config import Settings
from newsletter.system.imports import left_out

# It imports rich for tracebacks that we do not print, and greenlet for loggers that we do not use: 5 MB a process.
with left_out("rich"), left_out("greenlet"):
    import structlog

get_logger = structlog.get_logger
"""For a module that is imported before any other has imported structlog."""

# Mail servers quote addresses in their replies, and libraries in their errors.
_ADDRESS = re.compile(r"""([^\s<>"'(),;:=@])[^\s<>"'(),;:=@]*@""")


def configure(settings: Settings) -> None:
    """Send our events and libraries' warnings to standard error, in the configured form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _mask_addresses,
        _renderer(settings),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    theirs = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=theirs, foreign_pre_chain=shared))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    # It logs warnings, with the URL, about malformed headers of other servers.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _mask_addresses(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Reduce every address in an event to its first character and domain."""
    return {key: _ADDRESS.sub(r"\1…@", value) if isinstance(value, str) else value for key, value in event.items()}


def _renderer(settings: Settings) -> structlog.typing.Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    # A traceback with local variables would show addresses and keys.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=plain)
