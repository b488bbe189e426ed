"""SendGrid's v3 mail/send over httpx: one call, and what its answer means.

Where to go next: ``postman`` (breaker, rate limit, how many at once).
"""

from __future__ import annotations

import enum
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from reference.deadline import deadline
from reference.events import Event
from reference.settings import Settings

_DEFAULT_WAIT_SECONDS = 2.0
_SHORTEST_WAIT_SECONDS = 0.5
_ACCEPTED = 202  # and no other: 200 is the sandbox's, which sends nothing, or of somebody else in the provider's place
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_CREDENTIALS = (401, 403)
_TRY_AGAIN = (408, 425)
_ABOUT_TO_WRITE = ("send_request_headers.started", "send_request_body.started")  # steps that httpcore tells of


class Outcome(enum.Enum):
    """What became of a mail."""

    SENT = "sent"
    REFUSED = "refused"  # this very mail, for good
    TRANSIENT = "transient"  # certainly not taken; try again
    UNKNOWN = "unknown"  # may have been taken
    RATE_LIMITED = "rate limited"  # not taken; wait first
    MISCONFIGURED = "misconfigured"  # our credentials, not this mail
    POSTPONED = "postponed"  # not even tried


@dataclass(frozen=True)
class Answer:
    """An outcome, its reason for people, and how long to wait where that was said."""

    outcome: Outcome
    reason: str = ""
    wait_seconds: float = 0.0


class Mailer:
    """Sends one mail per call; knows nothing of retries."""

    def __init__(self, transport: httpx.AsyncBaseTransport, settings: Settings) -> None:
        self._transport = transport
        self._settings = settings
        self._url = httpx.URL(settings.sendgrid_url)
        seconds = settings.mail_timeout_seconds
        # The answer is waited for by `deadline`: a time-out of httpx' own would cut it off after a standstill.
        self._timeout = httpx.Timeout(None, connect=seconds / 2, pool=seconds).as_dict()
        key = settings.sendgrid_api_key.get_secret_value()
        self._headers = httpx.Headers({"Authorization": f"Bearer {key}", "Content-Type": "application/json"})

    async def send(self, event: Event, *, just_before: Callable[[], Awaitable[None]]) -> Answer:
        """Send the mail of ``event``; answers within ``mail_timeout_seconds``, and a little later after a standstill.

        The status and its headers are the answer, whatever becomes of the body after them.

        ``just_before`` is awaited when the connection is there, before the headers are written and again before the body: a
        process may be frozen between the two, and without its body a mail is not taken. Only what it raises is raised.
        """
        response: httpx.Response | None = None
        try:
            async with deadline(self._settings.mail_timeout_seconds):
                response = await self._post(event, just_before=just_before)
                await response.aread()  # so that the connection can be used again
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Answer(Outcome.TRANSIENT, f"mail provider unreachable ({type(error).__name__})")
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            if response is None:
                return Answer(Outcome.UNKNOWN, f"no answer from the mail provider ({type(error).__name__})")
        return classify(response.status_code, response.headers, longest_seconds=self._settings.rate_limit_longest_seconds)

    async def _post(self, event: Event, *, just_before: Callable[[], Awaitable[None]]) -> httpx.Response:
        async def trace(step: str, _: Mapping[str, object]) -> None:
            if step.endswith(_ABOUT_TO_WRITE):
                await just_before()

        request = httpx.Request(
            "POST",
            self._url,
            headers=self._headers,
            content=json.dumps(body(event, mail_from=self._settings.mail_from), ensure_ascii=False, separators=(",", ":")),
            extensions={"trace": trace, "timeout": self._timeout},
        )
        # Straight to the transport: no cookies, redirects or credentials of others are wanted here.
        return await self._transport.handle_async_request(request)


def body(event: Event, *, mail_from: str) -> dict[str, object]:
    """The mail/send request for ``event``, which must have an email."""
    assert event.email is not None
    return {
        "personalizations": [{"to": [{"email": event.email.to}]}],
        "from": {"email": mail_from},
        "subject": event.email.subject,
        "content": [{"type": "text/plain", "value": event.email.text}],
        "custom_args": {"source": event.source, "id": event.id},
    }


def classify(status: int, headers: Mapping[str, str], *, longest_seconds: float) -> Answer:
    """What an answer of the provider means."""
    reason = f"the mail provider answered {status}"
    if status == _ACCEPTED:
        return Answer(Outcome.SENT)
    if 200 <= status < 300:
        return Answer(Outcome.UNKNOWN, f"{reason} instead of {_ACCEPTED}")
    if status == _TOO_MANY_REQUESTS:
        return Answer(Outcome.RATE_LIMITED, reason, wait_seconds(headers, longest_seconds=longest_seconds))
    if status in _CREDENTIALS:
        return Answer(Outcome.MISCONFIGURED, reason)
    if 400 <= status < _SERVER_ERRORS and status not in _TRY_AGAIN:
        return Answer(Outcome.REFUSED, reason)
    return Answer(Outcome.TRANSIENT, reason)


def wait_seconds(headers: Mapping[str, str], *, longest_seconds: float) -> float:
    """How long a 429 asks us to wait: X-RateLimit-Reset (epoch s), else Retry-After (s), else a default; clamped."""
    until_reset = _number(headers.get("x-ratelimit-reset"))
    wait = until_reset - time.time() if until_reset is not None else _number(headers.get("retry-after"))
    return min(longest_seconds, max(_SHORTEST_WAIT_SECONDS, _DEFAULT_WAIT_SECONDS if wait is None else wait))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
