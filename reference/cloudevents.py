"""CloudEvents 1.0 over HTTP: the same event in structured mode (one JSON document) or in binary mode (``ce-`` headers).

An event is named as a CloudEvent is: (source, id). Its ``data`` is ``{"data": ..., "email": ...}``; other attributes get lost.
Where to go next: ``encodings`` (decides which mode it is), ``events`` (what comes out).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from reference.events import Email, Event, Id, InvalidEventError, Source, explain

ATTRIBUTES = ("specversion", "id", "source", "type")
HEADERS = frozenset(f"ce-{name}".encode() for name in ATTRIBUTES)
_JSON = r"^[^/;]+/([^/;]+\+)?[jJ][sS][oO][nN][ \t]*(;.*)?$"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def is_json(media_type: str) -> bool:
    """Whether content of this media type is JSON; parameters are ignored."""
    return re.match(_JSON, media_type) is not None


class Content(BaseModel):
    """The ``data`` of a CloudEvent. Anything else in it would get lost, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: JsonValue = None
    email: Email | None = None


class CloudEvent(BaseModel):
    """A CloudEvent in structured mode; other attributes and extensions are ignored."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: Id
    source: Source
    type: str = Field(min_length=1, max_length=255)
    datacontenttype: str | None = Field(default=None, pattern=_JSON)
    data: Content | None = None
    data_base64: None = None  # for data that is not JSON, which ours is; ignored it would get lost


def structured(body: bytes) -> Event:
    """The event in a JSON document of the CloudEvents JSON format. Raises InvalidEventError."""
    try:
        cloud = CloudEvent.model_validate_json(body)
    except ValidationError as error:
        raise InvalidEventError(explain(error)) from None
    return _event(cloud, cloud.data)


def binary(headers: Mapping[bytes, bytes], body: bytes) -> Event:
    """The event whose attributes are ``headers`` and whose data is ``body``. Raises InvalidEventError."""
    named = {name: headers.get(f"ce-{name}".encode()) for name in ATTRIBUTES}
    attributes: dict[str, Any] = {name: _value(name, raw) for name, raw in named.items() if raw is not None}
    try:
        cloud = CloudEvent.model_validate(attributes)
    except ValidationError as error:
        raise InvalidEventError(f"ce-{explain(error)}") from None
    return _event(cloud, _content(body) if body else None)


def _event(cloud: CloudEvent, content: Content | None) -> Event:
    content = content or Content()
    # Every part has been validated.
    return Event.model_construct(id=cloud.id, source=cloud.source, type=cloud.type, data=content.data, email=content.email)


def _content(body: bytes) -> Content:
    try:
        return Content.model_validate_json(body)
    except ValidationError as error:
        raise InvalidEventError(explain(error, within=("data",))) from None


def _value(name: str, raw: bytes) -> str:
    """A header's value as the HTTP binding wants it read: quotes removed, then percent-decoded once."""
    try:
        text = raw.decode("ascii").strip()
        quoted = _QUOTED.fullmatch(text)
        return unquote(_ESCAPED.sub(r"\1", quoted[1]) if quoted else text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidEventError(f"ce-{name}: it is not ASCII, or its percent-encoding is not UTF-8") from None
