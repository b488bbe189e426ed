"""Settings, read once from the environment. A bad value ends the process with exit code 2 and one sentence naming the variable.

Where to go next: ``__main__`` reads them, ``systems/*.toml`` sets them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reference.versions import NEWEST

# What a worker that was told to stop needs of DRAIN_SECONDS for itself; the rest is for what is in flight.
LAST_READING_SECONDS = 0.5
HAND_BACK_SECONDS = 1.5
RETIRE_SECONDS = 0.5


class BadSettingsError(ValueError):
    """A setting is missing or wrong; ``str()`` is one sentence that names the variable."""


class Settings(BaseSettings):
    """Every setting; the variable has the field's name in capitals."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    async_ingestion: bool = True
    redis_url: str = Field(default="", pattern=r"^(rediss?(\+cluster)?://.+)?$")
    database_url: SecretStr = SecretStr("")
    sendgrid_url: str = Field(default="https://api.sendgrid.com/v3/mail/send", pattern=r"^https?://.+")
    sendgrid_api_key: SecretStr = SecretStr("")
    mail_from: str = Field(default="events@example.com", min_length=3)

    api_key: SecretStr = SecretStr("")  # empty: none is asked for
    max_body_bytes: int = Field(default=262_144, gt=0)
    prefer_wait_longest_seconds: int = Field(default=5, ge=0)  # 0: nobody is kept waiting
    high_water: int = Field(default=10_000, gt=0)
    dedupe_window_hours: float = Field(default=24, gt=0)
    accept_deadline_seconds: float = Field(default=1.0, gt=0)
    sync_deadline_seconds: float = Field(default=10.0, gt=0)

    entry_version: int = Field(default=1, ge=1, le=NEWEST)  # what it writes into the queue, and the newest it reads
    fast_path: bool = True  # see shortcut and batch; false: every request and entry goes the long way
    batch_size: int = Field(default=250, gt=0)
    batch_bytes: int = Field(default=4_000_000, gt=0)  # of events in one call, unless one alone is longer
    mail_concurrency: int = Field(default=20, gt=0)
    mail_timeout_seconds: float = Field(default=4.0, gt=0)
    reclaim_seconds: float = Field(default=9.0, gt=0)
    most_takes: int = Field(default=10, gt=0)  # by workers that died with it
    most_attempts: int = Field(default=100, gt=0)
    give_up_after_seconds: float = Field(default=3600.0, ge=0)  # since it was accepted, and not before most_attempts
    retry_base_seconds: float = Field(default=0.25, gt=0)
    retry_cap_seconds: float = Field(default=4.0, gt=0)
    rate_limit_longest_seconds: float = Field(default=60.0, gt=0)
    breaker_failures: int = Field(default=20, gt=0)
    breaker_reset_seconds: float = Field(default=5.0, gt=0)
    breaker_trials: int = Field(default=1, gt=0)
    drain_seconds: float = Field(default=8.0, gt=0)

    @property
    def most_in_hand(self) -> int:
        """How many entries a worker holds at most; what is beyond it waits for another worker, or for this one."""
        return 2 * self.batch_size

    @property
    def most_bytes_in_hand(self) -> int:
        """How many bytes of events a worker holds at most before it takes up more; in memory they are several times as many."""
        return 4 * self.batch_bytes

    @property
    def last_mails_seconds(self) -> float:
        """How long a worker that was told to stop waits for what is in flight."""
        return self.drain_seconds - LAST_READING_SECONDS - HAND_BACK_SECONDS - RETIRE_SECONDS

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Self:
        """The settings in ``env`` and nothing but ``env``. Raises BadSettingsError."""
        given: dict[str, Any] = {name: env.get(name.upper()) or field.default for name, field in cls.model_fields.items()}
        try:
            return cls(**given)
        except ValidationError as error:
            raise BadSettingsError(_explain(error)) from None

    @field_validator("api_key")
    @classmethod
    def _fits_into_a_header(cls, key: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]*", key.get_secret_value()):
            raise ValueError("it holds a space or a character that is not ASCII, which no header can carry")
        return key

    @model_validator(mode="after")
    def _a_mail_ends_before_its_lease(self) -> Self:
        # A lease counts as good for half its time after a renewal; a mail begun at its very end must be over before it is.
        if self.mail_timeout_seconds > self.reclaim_seconds / 2:
            raise ValueError(
                "MAIL_TIMEOUT_SECONDS is more than half of RECLAIM_SECONDS; make it smaller, or two workers may mail"
            )
        return self

    @model_validator(mode="after")
    def _a_mail_ends_before_its_worker(self) -> Self:
        if self.mail_timeout_seconds > self.last_mails_seconds:
            reserved = self.drain_seconds - self.last_mails_seconds
            raise ValueError(
                f"MAIL_TIMEOUT_SECONDS is more than DRAIN_SECONDS less {reserved:g}; make it smaller, or raise DRAIN_SECONDS:"
                " a worker told to stop would cut a mail off, and another send it again"
            )
        return self

    @model_validator(mode="after")
    def _has_what_its_path_needs(self) -> Self:
        required = {"DATABASE_URL": self.database_url.get_secret_value()}
        if self.async_ingestion:
            required["REDIS_URL"] = self.redis_url
        for name, value in required.items():
            if not value:
                raise ValueError(f"{name} is not set; give the server's URL")
        return self


def read_settings() -> Settings:
    """The settings of this process. Raises BadSettingsError."""
    return Settings.of(os.environ)


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if not first["loc"]:
        return f"Bad settings: {first['msg'].removeprefix('Value error, ')}."
    name, why = str(first["loc"][0]).upper(), first["msg"].removeprefix("Value error, ")
    return f"Bad settings: {name} is not acceptable: {why}; correct the environment variable {name}."
