"""The settings of sign-ups."""

from pydantic import Field
from pydantic_settings import BaseSettings


class SignupSettings(BaseSettings):
    """The part of the settings that says who may sign up, how often, and what becomes of it."""

    signup_cap_address: int = Field(3, ge=1)
    signup_cap_month: int = Field(5, ge=1)
    signup_cap_domain: int = Field(50, ge=1)
    signup_cap_client: int = Field(20, ge=1)
    signup_cap_press: int = Field(2_000, ge=1)
    # Not fewer than a confirm link works for (`links.CONFIRM_DAYS`).
    signup_pending_days: int = Field(7, ge=7, le=365)
    signup_reminder: bool = False
