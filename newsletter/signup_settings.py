"""The settings of sign-ups."""

import re
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from newsletter.addresses import mailboxes

# What a column of the counts can hold.
_MOST = 2**31 - 1
_DOMAIN = re.compile(r"[^\s@,;/*]+\.[^\s@,;/*.]+")


class SignupSettings(BaseSettings):
    """The part of the settings that says who may sign up, how often, and what becomes of it."""

    signup_cap_address: int = Field(3, ge=1, le=_MOST)
    signup_cap_month: int = Field(5, ge=1, le=_MOST)
    signup_cap_domain: int = Field(50, ge=1, le=_MOST)
    signup_cap_client: int = Field(20, ge=1, le=_MOST)
    signup_cap_press: int = Field(2_000, ge=1, le=_MOST)
    # Not fewer than a confirm link works for (`links.CONFIRM_DAYS`).
    signup_pending_days: int = Field(7, ge=7, le=365)
    signup_reminder: bool = False
    signup_refused_domains: str = ""
    signup_wait: Literal["auto", "always", "never"] = "auto"

    @field_validator("signup_refused_domains")
    @classmethod
    def _are_domains(cls, listed: str) -> str:
        for domain in _domains(listed):
            if not _DOMAIN.fullmatch(domain):
                raise ValueError(f"{domain[:60]!r} is not a domain such as mailinator.com")
        return listed

    @cached_property
    def refused_domains(self) -> frozenset[str]:
        """The domains whose addresses, and those of their subdomains, cannot sign up."""
        return frozenset(map(mailboxes.host_of, _domains(self.signup_refused_domains)))


def _domains(listed: str) -> list[str]:
    """Domains separated by commas, or by lines in the file that is named by its path; `#` begins a comment."""
    if "/" not in listed:
        return [one.strip() for one in listed.split(",") if one.strip()]
    try:
        lines = Path(listed).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise ValueError(f"the file {listed} cannot be read as a list of domains") from None
    return [domain for line in lines if (domain := line.partition("#")[0].strip())]
