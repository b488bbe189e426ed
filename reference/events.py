"""An event: what a client posts, how it is told from others, and how two payloads are compared.

Identity is the pair (source, id), never a joined string for people; ``Pair.key`` is length-prefixed and therefore unambiguous.
Where to go next: ``intake`` (how an event is accepted) and ``synchronous`` (how it is processed at once).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

# RFC 3986: the characters of a path segment without "%", and those of a URI reference.
_ID = r"^[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,255}$"
_SOURCE = r"^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2}){1,255}$"


class InvalidEventError(ValueError):
    """The body is not an acceptable event; ``str()`` says why and what is expected."""


def _is_not_a_dot_segment(value: str) -> str:
    if value in (".", ".."):
        raise ValueError("'.' and '..' vanish from URLs; choose another id")
    return value


class Email(BaseModel):
    """The mail an event asks for. The address is the provider's to judge, not ours."""

    model_config = ConfigDict(frozen=True)

    to: str = Field(min_length=1, max_length=320)
    subject: str = Field(min_length=1, max_length=998)
    text: str = Field(min_length=1)


class Event(BaseModel):
    """One event as the contract describes it; unknown keys are ignored."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(pattern=_ID), AfterValidator(_is_not_a_dot_segment)]
    source: Annotated[str, Field(pattern=_SOURCE, max_length=255)]
    type: str | None = Field(default=None, max_length=255)
    data: JsonValue = None
    email: Email | None = None

    @property
    def pair(self) -> Pair:
        """What identifies this event."""
        return Pair(source=self.source, id=self.id)

    def payload(self) -> dict[str, Any]:
        """What the event says, without its identity."""
        return self.model_dump(include={"type", "data", "email"})


@dataclass(frozen=True)
class Pair:
    """The identity of an event."""

    source: str
    id: str

    @property
    def key(self) -> str:
        """An unambiguous name of the pair for Redis keys."""
        return f"{len(self.source)}:{self.source}:{self.id}"

    @classmethod
    def of_key(cls, key: str) -> Pair:
        """The pair that ``key`` names."""
        length, _, rest = key.partition(":")
        return cls(source=rest[: int(length)], id=rest[int(length) + 1 :])


def parse(body: bytes | str) -> Event:
    """The event in ``body`` (JSON). Raises InvalidEventError."""
    try:
        return Event.model_validate_json(body)
    except ValidationError as error:
        raise InvalidEventError(_explain(error)) from None


def fingerprint(event: Event) -> str:
    """SHA-256 (hex) of the RFC 8785 form of {type, data, email}. Raises InvalidEventError where there is no such form."""
    try:
        return hashlib.sha256(rfc8785.dumps(event.payload())).hexdigest()
    except rfc8785.CanonicalizationError as error:
        raise InvalidEventError(f"data has no canonical JSON form (RFC 8785): {error}") from None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}"
