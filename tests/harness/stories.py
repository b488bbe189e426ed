"""Hand-made histories that read like a story: `Story(...)`, then what happened, in order. For tests of what people read."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any, cast

from harness.history import Call, Header, History, Lifecycle, Outcome, Pair, Post, Read, Rest, Row, Stored, Suffered
from harness.results import Execution, execution_of
from harness.verdict import Ruling, Verdict, Violation

OFFERS = ("api", "mails", "postgres", "redis", "rows", "sendgrid", "worker")


class Story:
    """A history in the making; every method records one thing and returns nothing."""

    def __init__(self, **header: Any) -> None:
        told: dict[str, Any] = {
            "scenario": "worker_crash",
            "system": "draft",
            "world": "real",
            "seed": 7,
            "story": "A worker is killed in the middle of an event.",
            "traffic": "20 events per second for 20 s, 100% with a mail",
            "offers": OFFERS,
            "repeat": "harness run worker_crash --system draft --world real --seed 7",
            "must_hold": ({"checker": "ingest_stays_fast", "arguments": {"p95_ms": 50}},),
            "processes": {"api": 2, "worker": 2},
        }
        self.history = History(Header(**(told | header)))

    def post(self, name: str, at_s: float, took_s: float = 0.003, **more: Any) -> None:
        """A POST: 202 accepted unless told otherwise."""
        answer: dict[str, Any] = {"outcome": "ok", "http_status": 202, "answer": "accepted", "process": "api-0"}
        fields = answer | {"payload": "p", "wants_mail": True, "poison": False, "attempt": 0} | more
        self.history.record(Post(pair=pair(name), begin_s=at_s, end_s=at_s + took_s, **fields))

    def read(self, name: str, at_s: float, status: str | None = "pending", *, took_s: float = 0.002, **more: Any) -> None:
        """A status read."""
        fields: dict[str, Any] = {"outcome": "ok", "http_status": 200, "process": "api-0"} | more
        self.history.record(Read(pair=pair(name), begin_s=at_s, end_s=at_s + took_s, status=status, **fields))

    def call(self, name: str, at_s: float, http_status: int = 202, **more: Any) -> None:
        """A call of mail/send."""
        fields: dict[str, Any] = {"process": "worker-0", "taken": http_status == 202} | more
        self.history.record(Call(pair=pair(name), begin_s=at_s, end_s=at_s + 0.004, http_status=http_status, **fields))

    def stored(self, name: str, at_s: float, *, rows: int = 1) -> None:
        """A row appears, and is there in the end."""
        self.history.record(Stored(pair=pair(name), at_s=at_s))
        for _ in range(rows):
            self.history.record(Row(pair=pair(name)))

    def kept(self, name: str, at_s: float) -> None:
        """A promise from beginning to end."""
        self.post(name, at_s)
        self.read(name, at_s + 0.01)
        self.call(name, at_s + 0.02)
        self.stored(name, at_s + 0.03)
        self.read(name, at_s + 0.5, "completed")

    def fault(self, begin_s: float, end_s: float, *, name: str = "WorkerCrashes", **more: Any) -> None:
        """A fault, with evidence unless told otherwise."""
        fields: dict[str, Any] = {"evidence": "pid 41 is gone, 57 is ready", "processes": ("worker-0",), "index": 0} | more
        self.history.record(Suffered(name=name, story=f"{name} happens.", begin_s=begin_s, end_s=end_s, **fields))

    def lifecycle(self, process: str, what: str, at_s: float) -> None:
        """Something happens to a process."""
        self.history.record(Lifecycle(process=process, what=what, at_s=at_s))

    def rest(self, at_s: float, *, quiet: bool = True) -> None:
        """The end."""
        moving = () if quiet else ("status of evt_1 of a5",)
        self.history.record(Rest(at_s=at_s, quiet=quiet, moving=moving, rows_read=True))


def pair(name: str) -> Pair:
    """An event of the usual source."""
    return Pair("a5", name)


def crash(*, events: int = 30, lose: Iterable[int] = (12,)) -> History:
    """Thirty events over fifteen seconds; a worker crash loses some."""
    story, lost = Story(), set(lose)
    for number in range(events):
        name, at_s = f"evt_{number:06d}", 15 * number / events
        if number not in lost:
            story.kept(name, at_s)
            continue
        story.post(name, at_s, process="api-1")
        story.read(name, at_s + 0.01)
        story.fault(at_s + 0.05, at_s + 3.05)
        story.lifecycle("worker-0", "killed", at_s + 0.05)
        story.lifecycle("worker-0", "started", at_s + 3.05)
        for delay_s in (0.5, 1.5, 3.5, 7.5):
            story.read(name, at_s + delay_s, "processing")
        story.read(name, 38.0, "processing", final=True)
    story.rest(38.0)
    return story.history


def busy(*, events: int = 400, seed: int = 1) -> History:
    """Four hundred events through an outage of SendGrid and a restart of Redis, with refusals and time-outs."""
    random, story = Random(seed), Story(scenario="sendgrid_outage_and_redis_restart", system="async")
    story.fault(5, 15, name="SendGridAnswers", processes=("sendgrid",), evidence="212 calls answered 503")
    story.fault(8, 9.5, name="RedisCrashes", processes=("redis",), index=1)
    story.fault(12.0, 12.02, name="RedisLosesReplies", processes=("api-0", "api-1"), index=2)
    for number in range(events):
        at_s = 20 * (number + random.random()) / events
        name, took_s = f"evt_{number:06d}", random.lognormvariate(-5.8, 0.5)
        if 8 <= at_s < 9.5:
            outcome = cast(Outcome, random.choice(["failed", "failed", "unknown"]))
            refused = {"outcome": outcome, "http_status": 503 if outcome == "failed" else 504, "answer": None}
            story.post(name, at_s, took_s if outcome == "failed" else 1.0, **refused)
            at_s, took_s = 9.6 + random.random() * 3, took_s * 3
        story.post(name, at_s, took_s)
        while 5 <= at_s < 15:
            if random.random() < 0.4:
                story.call(name, at_s, 503)
            at_s += random.uniform(2, 5)
        story.call(name, at_s + 0.1, reply_lost=random.random() < 0.05)
        story.stored(name, at_s + 0.3)
        story.read(name, at_s + 0.6, "completed")
    story.rest(41.0)
    return story.history


def judged(history: History, *, folder: str = "", violated: Iterable[tuple[str, str | None]] = ()) -> Execution:
    """An execution with three verdicts; `violated` are (what, event) of the middle one."""
    violations = tuple(Violation(what, pair(name) if name else None) for what, name in violated)
    verdicts = (
        Verdict(ruling=Ruling.HELD, checked=1, checker="every_fault_bit", claim="Every fault bit."),
        Verdict(
            ruling=Ruling.VIOLATED if violations else Ruling.HELD,
            checked=30,
            violations=violations,
            checker="every_accepted_event_is_stored_once",
            claim="Every accepted event is stored once.",
        ),
        Verdict(
            ruling=Ruling.NOT_APPLICABLE,
            reason="needs claims.breaker_failures, which the system file does not offer",
            checker="provider_is_spared",
            claim="The provider is spared during an outage.",
        ),
    )
    return execution_of(history, verdicts, folder=folder, wall_s=41.2345, cpu_s=0.5)
