"""A contest that is made up, to test without processes what is read out of one: every request takes what it is told to."""

from __future__ import annotations

from collections.abc import Mapping

from harness.history import Call, History, Pair, Post, Probe, Read, Rest, Row, Stored
from harness.load.contest import BLOCK_SECONDS, Contest
from harness.worlds.world import Stage

PER_SECOND = 50
STUB_MS = 0.5


class MadeUp:
    """A contest in which every POST of a role takes what it is told to; it ends when `decide` says so."""

    def __init__(self, *, stub_ms: float = STUB_MS, **took_ms: float) -> None:
        self.took_ms = took_ms
        self.stub_ms = stub_ms
        self.rounds = 0
        self.contest: Contest | None = None

    async def __call__(self, stages: Mapping[str, Stage], contest: Contest) -> list[float]:
        self.contest = contest
        for number in range(contest.rounds):
            for turn, (role, stage) in enumerate(stages.items()):
                begins_s = (number * len(stages) + turn) * BLOCK_SECONDS
                took_ms = self.took_ms[role] if number else 10_000.0  # the warm-up is slow
                fill(stage.history, begins_s, took_ms, stub_ms=self.stub_ms)
            self.rounds = number + 1
            if contest.decide(number + 1):
                break
        for stage in stages.values():
            stage.history.record(Rest(at_s=1_000.0, quiet=True, rows_read=True))
        return [self.stub_ms] * 200


def fill(history: History, begins_s: float, took_ms: float, *, stub_ms: float = STUB_MS, varying: bool = False) -> None:
    """One block, of which everything is kept; varying latencies grow from that by up to a tenth."""
    for number in range(round((BLOCK_SECONDS - 1) * PER_SECOND)):
        at_s = begins_s + number / PER_SECOND
        pair = Pair("load", f"e{at_s:.2f}")
        asked = {"pair": pair, "begin_s": at_s, "outcome": "ok"}
        took = {"payload": "p", "wants_mail": True, "poison": False, "attempt": 0, "http_status": 202, "answer": "accepted"}
        longer = 1 + varying * (number * 7 % PER_SECOND) / PER_SECOND / 10
        history.record(Post(**asked, **took, end_s=at_s + took_ms * longer / 1e3))  # type: ignore[arg-type]
        history.record(Read(**asked, end_s=at_s + 0.001 * longer, http_status=200, status="completed"))  # type: ignore[arg-type]
        again = asked | {"begin_s": at_s + 1.0, "end_s": at_s + 1.001, "final": True}
        history.record(Read(**again, http_status=200, status="completed"))  # type: ignore[arg-type]
        history.record(Probe(at_s=at_s + stub_ms / 1e3, latency_s=stub_ms / 1e3))
        history.record(Stored(pair=pair, at_s=at_s))
        history.record(Call(pair=pair, process="worker-0", begin_s=at_s, end_s=at_s, http_status=202, taken=True))
        history.record(Row(pair=pair))
