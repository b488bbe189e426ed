"""The mail provider of both worlds: SendGrid's `v3/mail/send` as a state machine without I/O.

`Provider.answer` decides what happens to one call: the status, the headers, how long the answer takes, whether the
mail was taken and whether its reply gets lost. Faults push small values (`behaviours.py`) onto `Provider.behaviours` and
remove them to heal; `Provider.touched` is their evidence. What a well-formed mail is stands in `mailbody.py`; the two
servers around this are `simulated/sendgrid.py` and `real/sendgrid.py`.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from harness.worlds.behaviours import Answers, B, Babbles, Behaviour, Kills, LosesReplies, RateLimits, Rejects, Stalls, Trickles
from harness.worlds.latency import LOGNORMAL, Latency
from harness.worlds.mailbody import addresses_in, complaint_about, sketch, string_at

PAGE = b"<!doctype html><title>Welcome</title><p>Please accept the terms of this network."
NOISE = b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"  # a TLS alert: who speaks here expected something else
REASONS = {
    401: "unauthorized",
    403: "access forbidden",
    404: "not found",
    413: "payload too large",
}


@dataclass(frozen=True)
class MailRequest:
    """One POST to mail/send: `at_s` is its arrival in Unix seconds, `headers` have lower-case names."""

    at_s: float
    process: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What becomes of one call.

    `after_s`: seconds between arrival and answer. `taken`: the mail will be delivered. `lost`: the connection is reset
    after `after_s` instead of answered. `trickle`: the answer drips a byte at a time. `noise`: what is answered is no HTTP
    (status 0). `source`, `id`: the event the mail names, None where the body names none; `unnamed` then says why. `recipients`:
    the addresses it goes to.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    after_s: float
    taken: bool = False
    lost: bool = False
    trickle: bool = False
    noise: bool = False
    source: str | None = None
    id: str | None = None
    recipients: tuple[str, ...] = ()
    unnamed: str = ""

    @property
    def is_untold(self) -> bool:
        """Whether no caller with a deadline learns what became of its mail."""
        return self.lost or self.trickle


@dataclass
class _Window:
    """The current rate-limit window: it ends on a whole second, so that the header tells the exact truth."""

    ends_at_s: float = -math.inf
    used: int = 0


@dataclass
class Provider:
    """SendGrid's side of every call; `mail_source` and `mail_id` are JSON pointers into the mail's body.

    Raises nothing: what a client sends wrong is answered as SendGrid would.
    """

    random: Random
    mail_source: str = field(kw_only=True)
    mail_id: str = field(kw_only=True)
    latency: Latency = field(default=LOGNORMAL, kw_only=True)
    behaviours: list[Behaviour] = field(default_factory=list)
    _touched: dict[Behaviour, int] = field(default_factory=dict)
    _windows: dict[RateLimits, _Window] = field(default_factory=dict)

    def touched(self, behaviour: Behaviour) -> int:
        """How many calls this behaviour changed: the evidence that a fault bit."""
        return self._touched.get(behaviour, 0)

    def answer(self, request: MailRequest) -> Reply:
        """Decide one call; calls must be given in the order of their arrival."""
        mail = _parsed(request.body)
        reply = self._judged(request, mail)
        trickles = self._active(Trickles)
        source, id_ = string_at(mail, self.mail_source), string_at(mail, self.mail_id)
        for behaviour in trickles:
            self._touch(behaviour)
        return Reply(
            status=reply.status,
            headers={**self._quota_headers(), **reply.headers},
            body=reply.body,
            after_s=reply.after_s,
            taken=reply.taken,
            lost=reply.lost,
            trickle=bool(trickles),
            noise=reply.noise,
            source=source,
            id=id_,
            recipients=addresses_in(mail),
            unnamed=self._why_unnamed(mail) if source is None or id_ is None else "",
        )

    def id_of(self, body: bytes) -> str | None:
        """The id of the event a mail is about; None where the body names none."""
        return string_at(_parsed(body), self.mail_id)

    def _why_unnamed(self, mail: Any) -> str:
        """Which pointer leads nowhere in this body; empty if none does, or if there are none."""
        pointers = {"mail_source": self.mail_source, "mail_id": self.mail_id}
        astray = [f"{key} = {at!r}" for key, at in pointers.items() if at and string_at(mail, at) is None]
        return f"{' and '.join(astray)} points to no text in {sketch(mail)}" if astray else ""

    def _judged(self, request: MailRequest, mail: Any) -> Reply:
        """In the order of the real thing: the edge, authorisation, quota, body, and only then the mail."""
        return (
            self._killed(request, mail)
            or self._outage()
            or self._unauthorised(request)
            or self._over_quota(request)
            or self._malformed(request, mail)
            or self._taken()
        )

    def _killed(self, request: MailRequest, mail: Any) -> Reply | None:
        for deadly in self._active(Kills):
            id_ = string_at(mail, self.mail_id)
            deadly.id = deadly.id or id_ or ""
            if id_ == deadly.id:
                self._touch(deadly)
                deadly.kill(request.process)
                return Reply(503, {}, b"", self._processing_s(), lost=True)
        return None

    def _outage(self) -> Reply | None:
        for behaviour in self.behaviours:
            if isinstance(behaviour, Answers):
                self._touch(behaviour)
                return self._refusal(
                    behaviour.status,
                    REASONS.get(behaviour.status, "the service is unavailable"),
                )
            if isinstance(behaviour, Stalls) and not behaviour.takes:
                self._touch(behaviour)
                return Reply(503, {}, b"", behaviour.seconds, lost=True)
            if isinstance(behaviour, Babbles):
                self._touch(behaviour)
                return self._babble(behaviour)
        return None

    def _babble(self, behaviour: Babbles) -> Reply:
        if behaviour.what == "noise":
            return Reply(0, {}, NOISE, self._processing_s(), noise=True)
        return Reply(200, {"Content-Type": "text/html"}, PAGE, self._processing_s())

    def _unauthorised(self, request: MailRequest) -> Reply | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key.strip():
            return None
        return self._refusal(401, "The provided authorization grant is invalid, expired, or revoked")

    def _over_quota(self, request: MailRequest) -> Reply | None:
        for limit in self._active(RateLimits):
            window = self._windows.setdefault(limit, _Window())
            if request.at_s >= window.ends_at_s:
                window.ends_at_s = math.ceil(request.at_s + limit.window_seconds)
                window.used = 0
            if window.used >= limit.requests:
                self._touch(limit)
                return self._refusal(429, "too many requests")
            window.used += 1
        return None

    def _malformed(self, request: MailRequest, mail: Any) -> Reply | None:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return self._refusal(415, "Content-Type should be application/json.")
        complaint = complaint_about(mail)
        if complaint is None:
            return self._rejected(addresses_in(mail)[0])
        return self._refusal(400, complaint.message, at=complaint.field)

    def _rejected(self, address: str) -> Reply | None:
        for rejecting in self._active(Rejects):
            if zlib.crc32(address.encode()) < rejecting.share * 2**32:
                self._touch(rejecting)
                return self._refusal(400, "The address is on a suppression list.", at="personalizations.0.to.0.email")
        return None

    def _taken(self) -> Reply:
        headers = {"X-Message-Id": f"{self.random.getrandbits(88):022x}"}
        for stall in self._active(Stalls):
            self._touch(stall)
            return Reply(202, headers, b"", stall.seconds, taken=True, lost=True)
        return Reply(
            202,
            headers,
            b"",
            self._processing_s(),
            taken=True,
            lost=self._loses_reply(),
        )

    def _loses_reply(self) -> bool:
        for behaviour in self._active(LosesReplies):
            exhausted = behaviour.first is not None and self.touched(behaviour) >= behaviour.first
            if not exhausted and self.random.random() < behaviour.probability:
                self._touch(behaviour)
                return True
        return False

    def _refusal(self, status: int, message: str, *, at: str | None = None) -> Reply:
        errors = {"errors": [{"message": message, "field": at, "help": None}]}
        headers = {"Content-Type": "application/json"}
        return Reply(status, headers, json.dumps(errors).encode(), self._processing_s())

    def _quota_headers(self) -> dict[str, str]:
        for limit in self._active(RateLimits):
            if limit.tells and (window := self._windows.get(limit)):
                return {
                    "X-RateLimit-Limit": str(limit.requests),
                    "X-RateLimit-Remaining": str(limit.requests - window.used),
                    "X-RateLimit-Reset": str(int(window.ends_at_s)),
                }
        return {}

    def _processing_s(self) -> float:
        return self.latency.draw(self.random)

    def _active(self, kind: type[B]) -> list[B]:
        return [behaviour for behaviour in self.behaviours if isinstance(behaviour, kind)]

    def _touch(self, behaviour: Behaviour) -> None:
        self._touched[behaviour] = self.touched(behaviour) + 1


def _parsed(body: bytes) -> Any:
    """The body as JSON; None (never a valid mail) when it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None
