"""An event: what a client posts, how it is told from others, and how two payloads are compared.

Identity is the pair (source, id), never a joined string for people; ``Pair.key`` is length-prefixed and therefore unambiguous.
Where to go next: ``intake`` (how an event is accepted) and ``synchronous`` (how it is processed at once).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from reference.canonical import canonical

# RFC 3986: the characters of a path segment without "%", and those of a URI reference.
_ID = r"^[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,255}$"
_SOURCE = r"^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2}){1,255}$"


class InvalidEventError(ValueError):
    """The body is not an acceptable event; ``str()`` says why and what is expected."""


def _is_not_a_dot_segment(value: str) -> str:
    if value in (".", ".."):
        raise ValueError("'.' and '..' vanish from URLs; choose another id")
    return value


_NO_DOTS: dict[str, Any] = {"not": {"enum": [".", ".."]}}
Id = Annotated[str, Field(pattern=_ID, json_schema_extra=_NO_DOTS), AfterValidator(_is_not_a_dot_segment)]
Source = Annotated[str, Field(pattern=_SOURCE, max_length=255)]


class Email(BaseModel):
    """The mail an event asks for. The address is the provider's to judge, not ours."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    to: str = Field(min_length=1, max_length=320)
    subject: str = Field(min_length=1, max_length=998)
    text: str = Field(min_length=1)


class Event(BaseModel):
    """One event as the contract describes it; unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: Id
    source: Source
    type: str | None = Field(default=None, max_length=255)
    data: JsonValue = None
    email: Email | None = None

    @cached_property
    def pair(self) -> Pair:
        """What identifies this event."""
        return Pair(source=self.source, id=self.id)

    def payload(self) -> dict[str, Any]:
        """What the event says, without its identity."""
        email = self.email  # by hand, for model_dump(include=...) takes four times as long
        mail = None if email is None else {"to": email.to, "subject": email.subject, "text": email.text}
        return {"type": self.type, "data": self.data, "email": mail}


@dataclass(frozen=True)
class Pair:
    """The identity of an event."""

    source: str
    id: str

    @cached_property
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
        raise InvalidEventError(explain(error)) from None


def can_exist(event_id: str, *, source: str | None) -> bool:
    """Whether an event of this id (and source) could have been accepted: no server has to be asked about any other."""
    return re.fullmatch(_ID, event_id) is not None and (source is None or re.fullmatch(_SOURCE, source) is not None)


def fingerprint(event: Event) -> str:
    """SHA-256 (hex) of the RFC 8785 form of {type, data, email}. Raises InvalidEventError where there is no such form."""
    try:
        return hashlib.sha256(canonical(event.payload())).hexdigest()
    except rfc8785.CanonicalizationError:
        # Its own words quote the number.
        raise InvalidEventError("data holds a number without a canonical JSON form (RFC 8785); send it as a string") from None


def explain(error: ValidationError, *, within: tuple[str, ...] = ()) -> str:
    """The first thing that is wrong and where, without anything the client sent."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place, what = (*within, *first["loc"]), first["msg"]
    if first["type"] == "extra_forbidden":
        place, what = place[:-1], "it holds a key that is not known here"
    return f"{'.'.join(str(part) for part in place) or 'body'}: {what}"
