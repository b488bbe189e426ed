"""What a real process turns on before it starts: tracing, if the environment asks for it the standard way.

On with OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or OTEL_TRACES_EXPORTER=otlp; off with
OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none, and without any of them. Everything else of OTEL_* is read by the SDK.
Where to go next: ``tracing``, ``logs``, ``metrics``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from reference.settings import BadSettingsError

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")


class Tracing(Protocol):
    """What traces requests and entries, see ``tracing.Tracing``."""

    def watching(self, headers: Mapping[str, str] | None = None) -> AbstractContextManager[None]:
        """Record the spans opened in here."""
        ...

    def close(self) -> None:
        """Send what is left."""


def tracing(env: Mapping[str, str], *, role: str) -> Tracing | None:
    """The tracing that ``env`` asks for; None, and nothing imported, where it does not. Raises BadSettingsError."""
    if not _is_wanted(env):
        return None
    for name in _PROTOCOLS:
        if env.get(name, "http/protobuf") != "http/protobuf":
            raise BadSettingsError(f"Bad settings: {name} is not acceptable: only http/protobuf is spoken here.")
    from reference.tracing import Tracing as Recording

    return Recording.of(env, role=role)


def _is_wanted(env: Mapping[str, str]) -> bool:
    exporter = env.get("OTEL_TRACES_EXPORTER", "")
    if exporter not in ("", "otlp", "none"):
        raise BadSettingsError("Bad settings: OTEL_TRACES_EXPORTER is not acceptable: it is otlp or none.")
    is_disabled = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none"
    return not is_disabled and (exporter == "otlp" or any(env.get(name) for name in _ENDPOINTS))
