"""A history survives being written and read again, and one cut anywhere is judged up to the cut."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import checkers
from harness.entries import KINDS
from harness.history import Entry, Header, History, Pair, Post, Rest, Row, Stored, entry_from
from harness.runner import Order, execute
from harness.usage import UsageError
from harness.verdict import Ruling

CONTRACT = tuple(known.to_data() for known in checkers.the_contract)
PLAIN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ARGUMENTS: dict[str, dict[str, float]] = {
    "ingest_stays_fast": {"p95_ms": 50.0},
    "backlog_drains": {"within_seconds": 20.0},
    "ingest_recovers": {"within_seconds": 5.0},
    "the_flag_is_followed": {"within_seconds": 1.0},
}

texts = st.text(max_size=8)
seconds = st.floats(min_value=0, max_value=1e6, allow_nan=False)
pairs = st.builds(Pair, source=texts, id=texts)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    int: st.integers(0, 999),
    float: seconds,
    type(None): st.none(),
    Pair: pairs,
    tuple[str, ...]: st.lists(texts, max_size=3).map(tuple),
}


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Anything a field of this type may hold."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    return st.one_of([_values(one) for one in get_args(hint)]) if isinstance(hint, UnionType) else st.sampled_from(get_args(hint))


def _entries_of(kind: type[Entry]) -> st.SearchStrategy[Entry]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: _values(hints[field.name]) for field in dataclasses.fields(kind)})


def _headers() -> st.SearchStrategy[Header]:
    arbitrary = st.dictionaries(texts, st.integers() | texts | seconds | st.none(), max_size=3)
    return st.builds(
        Header,
        scenario=texts,
        system=texts,
        world=st.sampled_from(["simulated", "real"]),
        seed=st.integers(),
        plan=st.lists(arbitrary, max_size=2).map(tuple),
        offers=st.lists(st.sampled_from(["rows", "mails", "worker"]), unique=True).map(tuple),
        claims=arbitrary,
        must_hold=st.just(CONTRACT),
    )


any_entries = st.lists(st.one_of([_entries_of(kind) for kind in KINDS.values()]), max_size=12)
histories = st.builds(History, _headers(), any_entries)


def _written(history: History, folder: Path) -> Path:
    path = folder / "history.jsonl"
    path.write_text("".join(f"{line}\n" for line in history.lines()), encoding="utf-8")
    return path


def _equal(one: History, other: History) -> bool:
    return (one.header, one.entries) == (other.header, other.entries)


@PLAIN
@given(history=histories)
def test_what_is_written_is_read_again(history: History, tmp_path: Path) -> None:
    loaded = History.load(_written(history, tmp_path))
    assert _equal(loaded, history)
    assert list(loaded.lines()) == list(history.lines())
    assert loaded.cut_off == (history.rest is None)


@PLAIN
@given(history=histories, data=st.data())
def test_a_history_cut_anywhere_is_judged_up_to_the_cut(history: History, data: st.DataObject, tmp_path: Path) -> None:
    path = _written(history, tmp_path)
    whole = path.read_bytes()
    header_bytes = whole.index(b"\n")
    cut = data.draw(st.integers(header_bytes, len(whole)))
    path.write_bytes(whole[:cut])
    loaded = History.load(path)
    complete = whole[:cut].count(b"\n") - 1
    assert len(loaded.entries) in (complete, complete + 1)  # a last line that lacks only its end counts
    assert loaded.entries == history.entries[: len(loaded.entries)]
    assert loaded.cut_off or loaded.rest is not None
    verdicts = checkers.judge(loaded)
    if loaded.cut_off:
        assert checkers.ruling(verdicts) in (Ruling.UNKNOWN, Ruling.VIOLATED)


@functools.cache
def _sound(scenario: str, system: str, seed: int) -> History:
    history = execute(Order(scenario=scenario, system=system, world="simulated", seed=seed), None).history
    assert history is not None
    return history


@pytest.mark.parametrize("system", ["async", "sync"])
@pytest.mark.parametrize("scenario", ["baseline", "duplicate_storm", "postgres_restart"])
@PLAIN
@given(data=st.data())
def test_a_sound_history_cut_anywhere_is_never_violated(scenario: str, system: str, data: st.DataObject) -> None:
    whole = _sound(scenario, system, data.draw(st.integers(1, 3)))
    cut = History(whole.header, whole.entries[: data.draw(st.integers(0, len(whole.entries) - 1))])
    cut.cut_off = True
    assert [verdict for verdict in checkers.judge(cut) if verdict.ruling is Ruling.VIOLATED] == []


@PLAIN
@given(history=histories)
def test_every_checker_judges_any_history_without_breaking(history: History) -> None:
    for name, known in checkers.CHECKERS.items():
        arguments = ARGUMENTS.get(name, {})
        verdict = checkers.by_name(name, arguments)(history)
        assert (verdict.ruling is Ruling.VIOLATED) == bool(verdict.violations)
        assert verdict.ruling in (Ruling.HELD, Ruling.VIOLATED) or verdict.reason
        assert verdict.ruling is not Ruling.HELD or verdict.checked > 0
        assert known.name == verdict.checker


def _two_lines(tmp_path: Path, second: str) -> Path:
    header = History(Header(scenario="s", system="y", world="real", seed=1))
    path = tmp_path / "history.jsonl"
    path.write_text("".join(f"{line}\n" for line in (*header.lines(), second, json.dumps({"kind": "row", "pair": ["a", "b"]}))))
    return path


@pytest.mark.parametrize(
    "line", ["{", '{"kind": "nonsense"}', '{"kind": "row"}', '{"kind": "row", "pair": ["a", "b"], "x": 1}', "[]"]
)
def test_a_bad_line_in_the_middle_is_told_with_its_number(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"history\.jsonl:2 is not a history entry .* changed by hand"):
        History.load(_two_lines(tmp_path, line))


@pytest.mark.parametrize("text", ["", "\n", "nonsense\n", "{}\n", '{"schema": 1}\n', '{"schema": 1, "colour": "red"}\n', "[1]\n"])
def test_a_file_without_a_header_is_no_history(text: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="does not begin with a history's header"):
        History.load(path)


def test_another_schema_names_the_version_that_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"schema": 2}\n')
    with pytest.raises(UsageError, match="has schema 2, this harness reads schema 1"):
        History.load(path)


def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as a history"):
        History.load(tmp_path / "missing.jsonl")
    binary = tmp_path / "history.jsonl"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read as a history"):
        History.load(binary)


def _post(name: str, **more: Any) -> Post:
    told: dict[str, Any] = {
        "payload": "p",
        "wants_mail": True,
        "poison": False,
        "attempt": 0,
        "begin_s": 1.0,
        "end_s": 2.0,
        "outcome": "ok",
    }
    return Post(**(told | {"pair": Pair("a", name), "answer": "accepted"} | more))


@pytest.mark.parametrize(
    ("answer", "promises"), [("accepted", True), ("duplicate", True), ("processed", True), ("queued", False), (None, False)]
)
def test_what_counts_as_a_promise(answer: str | None, promises: bool) -> None:
    assert _post("x", answer=answer).promises is promises
    assert _post("x", answer=answer, outcome="unknown").promises is False
    assert _post("x", answer=answer, outcome="failed").promises is False


def test_the_first_promise_of_each_event_counts() -> None:
    first, second = _post("x", end_s=3.0), _post("x", answer="duplicate", end_s=4.0)
    history = History(Header(scenario="s", system="y", world="real", seed=1), [_post("y", answer=None), first, second])
    assert history.promised == {Pair("a", "x"): first}


def test_entries_are_grouped_by_event_and_kept_in_order() -> None:
    entries: list[Entry] = [
        Stored(pair=Pair("a", "x"), at_s=2.0),
        Row(pair=Pair("a", "x")),
        Stored(pair=Pair("a", "x"), at_s=1.0),
    ]
    history = History(Header(scenario="s", system="y", world="real", seed=1))
    for entry in entries:
        history.record(entry)
    assert history.by_pair(Stored) == {Pair("a", "x"): [entries[0], entries[2]]}
    assert history.of(Row) == [entries[1]]


def test_quiet_is_what_the_last_rest_says() -> None:
    history = History(Header(scenario="s", system="y", world="real", seed=1))
    assert (history.rest, history.is_quiet) == (None, False)
    history.record(Rest(at_s=1.0, quiet=False))
    assert history.is_quiet is False
    history.record(Rest(at_s=2.0, quiet=True))
    assert history.is_quiet is True


def test_a_pair_is_two_words_and_reads_well() -> None:
    assert Pair("a:b", "c") != Pair("a", "b:c")
    assert str(Pair("shop", "evt_1")) == "evt_1 of shop"
    assert [str(Pair("shop", name)) for name in ("", "a\nb", " ")] == ["'' of shop", r"'a\nb' of shop", "' ' of shop"]
    assert entry_from({"kind": "row", "pair": ["shop", "evt_1"]}) == Row(pair=Pair("shop", "evt_1"))


def test_the_last_moment_is_the_latest_any_entry_tells_of() -> None:
    history = History(Header(scenario="s", system="y", world="real", seed=1))
    assert history.last_s == -math.inf
    for entry in (_post("x", begin_s=1.0, end_s=7.0), Stored(pair=Pair("a", "x"), at_s=3.0), Row(pair=Pair("a", "x"))):
        history.record(entry)
    assert history.last_s == 7.0


@PLAIN
@given(history=histories)
def test_what_is_forgotten_is_gone_from_everything(history: History) -> None:
    posts = [entry for entry in history.entries if isinstance(entry, Post)]
    assert history.of(Post) == posts
    history.forget(lambda entry: isinstance(entry, Rest | Row))
    assert history.of(Row) == []
    assert history.rest is None
    assert history.of(Post) == posts == [entry for entry in history.entries if isinstance(entry, Post)]
