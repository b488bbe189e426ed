"""The real world on a toy service: what it records, what each fault leaves as evidence, and how it refuses bad input."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import faults
from harness.faults import AtOperation, UponMail
from harness.history import Call, Lifecycle, Pair, Post, Probe, Read, Row, Stored, Suffered
from harness.traffic import Event
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.rows import RowReader
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Occasion
from tests.harness.worlds.real.toys import TOY, Change, opened, toy
from tests.harness.worlds.real.waiting import until


async def suffer(
    world: RealWorld, fault: faults.Fault, until_true: Callable[[], object], occasion: Occasion | None = None
) -> Suffered:
    async with world.suffering(fault, occasion or Occasion(), index=0):
        await until(until_true)
    return world.history.of(Suffered)[-1]


async def test_it_records_what_clients_and_servers_saw(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        posts = [await world.submit(Event(id=f"evt/{number}?", source="a:5"), attempt=0) for number in range(4)]
        read = await world.read_status(Pair("a:5", "evt/0?"))
        await until(lambda: len(world.history.of(Stored)) == 4 and world.history.of(Call) and world.history.of(Probe))
        assert await world.record_final_state()
    assert [(post.outcome, post.answer) for post in posts] == [("ok", "accepted")] * 4
    assert {post.process for post in posts} == {"api-0", "api-1"}
    assert read.status == "pending"
    assert [row.pair for row in world.history.of(Row)] == [post.pair for post in posts]
    call = world.history.of(Call)[0]
    assert (call.process, call.http_status, call.taken) == ("worker-0", 202, True)
    assert call.pair is not None
    assert call.pair.source == "toy"
    assert -1 < call.begin_s < call.end_s < 60
    assert world.history.of(Post) == posts
    assert world.history.of(Read) == [read]
    assert not world._stack.guard.folder.exists()
    assert (tmp_path / "logs" / "api-0.log").read_text() == "the api listens\n"


async def test_a_flag_is_turned_by_the_systems_own_commands_and_cleared(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        for percent, answer in ((0, "processed"), (100, "accepted")):
            async with world.suffering(faults.FlagFlips(percent), Occasion(), index=0):
                assert (await world.submit(Event(id=f"at_{percent}"), attempt=0)).answer == answer
        assert (await world.submit(Event(id="after"), attempt=0)).answer == "accepted"
    assert [fault.evidence for fault in world.history.of(Suffered)] == [
        "the flag's command ended with exit code 0 and said 'the flag is 0'; "
        "afterwards 0 events were accepted and 1 processed at once",
        "the flag's command ended with exit code 0 and said 'the flag is 100'; "
        "afterwards 1 events were accepted and 0 processed at once",
    ]
    turns = [(life.what, life.exit_code) for life in world.history.of(Lifecycle) if life.process == "flag"]
    assert turns == [("started", None), ("exited", 0)] * 4


@pytest.mark.parametrize("wrong", ["set", "clear"])
async def test_a_flag_whose_commands_fail_proves_nothing(tmp_path: Path, wrong: str) -> None:
    number = {"set": "{percent}", "clear": "none"}[wrong]
    system = toy(tmp_path, lambda text: text.replace(f'"flag", "{number}"', f'"flag", "13", "{number}"'))
    async with opened(system, tmp_path) as world, world.suffering(faults.FlagFlips(100), Occasion(), index=0):
        assert (await world.submit(Event(id="e"), attempt=0)).answer == "accepted"
    assert [fault.evidence for fault in world.history.of(Suffered)] == [None]


async def test_a_flag_that_was_not_turned_or_that_nobody_followed_proves_nothing(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        for percent in (13, 50):
            async with world.suffering(faults.FlagFlips(percent), Occasion(), index=0):
                await world.submit(Event(id=f"at_{percent}"), attempt=0)
    assert [fault.evidence for fault in world.history.of(Suffered)] == [None, None]
    codes = [life.exit_code for life in world.history.of(Lifecycle) if life.process == "flag" and life.what == "exited"]
    assert codes == [1, 0, 0, 0]


async def test_every_fault_leaves_evidence(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        calls = world.history.of

        def answered(status: int) -> Callable[[], object]:
            return lambda: any(call.http_status == status for call in calls(Call))

        suffered = [
            await suffer(world, faults.NoFault(), lambda: True),
            await suffer(world, faults.SendGridAnswers(503), answered(503)),
            await suffer(world, faults.SendGridRateLimits(mails=1, window_seconds=1), answered(429)),
            await suffer(world, faults.SendGridLosesReplies(share=1), lambda: any(call.reply_lost for call in calls(Call))),
            await suffer(world, faults.WorkerFreezes(), lambda: True),
            await suffer(world, faults.WorkerCrashes(), lambda: True),
            await suffer(world, faults.RedisCrashes(), lambda: True),
            await suffer(world, faults.RedisCrashes(loss="power-loss"), lambda: True),
            await suffer(world, faults.PostgresCrashes(), lambda: True),
            await suffer(world, faults.WorkersStop(), lambda: world._stack.fleet.pid("worker-0")),
            await suffer(world, faults.Deploys(), lambda: True),
        ]
        assert (await world.submit(Event(id="after"), attempt=0)).answer == "accepted", "all is healed"
    assert [entry.name for entry in suffered if entry.evidence is None] == []
    assert suffered[5].processes == ("worker-0",)
    limited = next(call for call in world.history.of(Call) if call.http_status == 429)
    assert limited.resets_at_s is not None
    assert -0.01 < limited.resets_at_s - limited.begin_s < 3
    lives = [(life.process, life.what) for life in world.history.of(Lifecycle)]
    assert [life for life in lives if life[0] == "redis"] == [("redis", "killed"), ("redis", "started")] * 2
    assert ("worker-0", "frozen") in lives
    assert lives.count(("api-0", "terminated")) == lives.count(("api-0", "exited")) == 1


def version_of(world: RealWorld, name: str) -> str:
    try:
        environment = Path(f"/proc/{world._stack.fleet.pid(name)}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, and the next one is not there yet, or so young that nobody may look
        return ""
    return next((word.decode() for word in environment if word.startswith(b"VERSION=")), "")


async def test_an_upgrade_is_one_role_first_and_then_the_other(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        assert version_of(world, "api-0") == ""
        async with world.suffering(faults.Upgrades(first="api"), Occasion(), index=0):
            await until(lambda: version_of(world, "api-0"))
            assert version_of(world, "worker-0") == ""
        assert [version_of(world, name) for name in ("api-0", "worker-0")] == ["VERSION=2"] * 2
        async with world.suffering(faults.WorkerCrashes(), Occasion(), index=1):
            pass
        assert version_of(world, "worker-0") == "VERSION=2", "what is started afterwards is the next version too"
        upgraded = world.history.of(Suffered)[0]
        assert (upgraded.evidence or "").count(" ended with exit code ") == 3


async def test_lost_replies_of_redis_were_executed(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        posts: list[Post] = []

        async def post_until_one_fails() -> None:
            while not any(post.http_status == 504 for post in posts):
                posts.append(await world.submit(Event(id=f"evt_{len(posts)}"), attempt=0))

        posting = asyncio.create_task(post_until_one_fails())
        suffered = await suffer(world, faults.RedisLosesReplies(role="api"), posting.done)
    assert suffered.evidence is not None
    assert "replies of redis to api-0, api-1 were lost" in suffered.evidence


async def test_a_worker_is_killed_in_the_middle_of_a_mail(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        occasion = await world.reached(UponMail(3))
        suffered = await suffer(world, faults.WorkerCrashes(), lambda: True, occasion)
        await until(lambda: len(world.history.of(Call)) > 4)
    assert occasion.process == "worker-0"
    assert suffered.evidence is not None
    cut_off = suffered.evidence.partition("its mail for ")[2].partition(" was under way")[0]
    told = [call.pair.id for call in world.history.of(Call) if call.pair]
    assert cut_off.startswith("mail_")
    assert cut_off not in told[: told.index("mail_0", 1)], "it was never complete; the new worker begins again at mail_0"


async def test_a_frozen_worker_completes_its_mail(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        occasion = await world.reached(UponMail(2))
        await suffer(world, faults.WorkerFreezes(), lambda: len(world.history.of(Call)) == 2, occasion)
        await until(lambda: len(world.history.of(Call)) > 3)
    told = [int(call.pair.id.removeprefix("mail_")) for call in world.history.of(Call) if call.pair]
    assert told == list(range(told[0], told[0] + len(told))), "every mail once: nobody noticed anything"


async def test_a_kill_that_hits_nobody_is_no_evidence(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        await world._stack.fleet.kill("worker-0")
        suffered = await suffer(world, faults.WorkerCrashes(), lambda: True)
    assert suffered.evidence is None


async def test_a_process_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        os.kill(world._stack.fleet.pid("worker-0"), 9)
        await until(lambda: ("worker-0", "started") in [(life.process, life.what) for life in world.history.of(Lifecycle)])
    exited = next(life for life in world.history.of(Lifecycle) if life.what == "exited")
    assert (exited.process, exited.exit_code, exited.detail) == ("worker-0", -9, "by itself")


async def test_without_its_guardian_a_run_says_nothing(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        guard = world._stack.guard
        guard._guardian.kill()
        await until(guard._listening.done)
        with pytest.raises(StackBrokenError):
            await world.record_final_state()


async def test_a_trigger_of_the_simulation_is_refused(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        with pytest.raises(UsageError, match="AtOperation can only be seen in the simulated world"):
            await world.reached(AtOperation(1))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda text: text.replace('"python", "toy.py", "worker"', '"nonesuch"'),
            "The command of worker-0, `nonesuch`, is not found",
        ),
        (lambda text: text.replace('"{port}"', '"80"'), r"names \{port\} neither in api.command nor in \[env\]"),
        (lambda text: text.replace("{postgres_url}", "postgres://nowhere"), r"names \{postgres_url\} nowhere"),
        (
            lambda text: text.replace('"migrate"', '"migrat"'),
            r"(?s)The set-up command ended with exit code 1; .*KeyError: 'migrat'",
        ),
        (lambda text: text.replace('"api"', '"apy"'), r"(?s)api-\d ended with exit code 1 before it was ready.*KeyError: 'apy'"),
        (lambda text: text.replace("FROM events", "FROM"), r"observe.rows cannot be read \(syntax error"),
        (
            lambda text: text.replace("source, id", "source"),
            r"it selects 1 columns \(source\), expected 2\); it must be one statement",
        ),
        (lambda text: text.replace("source, id", "source, id, 7 AS n"), r"it selects 3 columns \(source, id, n\), expected 2\)"),
        (lambda text: text.replace("FROM events", "FROM evnts"), r'cannot be read \(relation "evnts" does not exist\)'),
        (lambda text: text.replace("source, id FROM", "source, idd FROM"), r'cannot be read \(column "idd" does not exist'),
        (
            lambda text: text.replace("SELECT source, id FROM events", "DELETE FROM events RETURNING source, id"),
            r"cannot be read \(cannot execute DELETE in a read-only transaction\); it must be one statement that only reads",
        ),
        (
            lambda text: text.replace("appendonly =", "appendonny ="),
            "(?s)redis ended with exit code 1 before it was ready.*appendonny",
        ),
    ],
)
async def test_what_cannot_be_started_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, sentence: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "stacks"))
    monkeypatch.setattr("harness.worlds.real.rows.TABLE_APPEARS_WITHIN_S", 0.3)
    (tmp_path / "stacks").mkdir()
    with pytest.raises(UsageError, match=sentence):
        async with opened(toy(tmp_path, change), tmp_path):
            pass
    assert not list((tmp_path / "stacks").iterdir()), "nothing of it stays"


NEVER_READY = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


async def test_a_service_that_is_never_ready_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.worlds.real.fleet.READY_WITHIN_S", 3.0)
    (tmp_path / "never.py").write_text(NEVER_READY)
    system = toy(tmp_path, lambda text: text.replace('"toy.py", "api"', '"never.py"'))
    with pytest.raises(UsageError, match=r"(?s)api-\d was not ready within 3 s: GET /readyz .*404, not 200.*code 404"):
        async with opened(system, tmp_path):
            pass


LATE = """
import asyncio, sys
sys.path.insert(0, {folder!r})
import toy
asyncio.run(asyncio.sleep(1))
asyncio.run(toy.migrate())
asyncio.run(asyncio.sleep(600))
"""


async def test_a_table_may_appear_a_moment_after_all_are_ready(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE.format(folder=str(TOY.parent)))
    system = toy(tmp_path, lambda text: text.replace('"toy.py", "worker"', '"late.py"')).model_copy(update={"setup": None})
    async with opened(system, tmp_path) as world:
        assert (await world.submit(Event(id="a"), attempt=0)).answer == "accepted"


async def test_looking_at_the_rows_changes_nothing(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        assert (await world.submit(Event(id="a"), attempt=0)).answer == "accepted"
        deleting = RowReader(world._stack.servers.url("postgres"), "DELETE FROM events RETURNING source, id")
        with pytest.raises(UsageError, match="read-only transaction"):
            await deleting.check()
        watching = asyncio.create_task(deleting.watch(world._journal.record, world.clock.now))
        await until(lambda: world.history.of(Stored))
        watching.cancel()
        assert await world._rows.read_all() == [Pair("a5", "a")]


async def test_a_set_up_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.worlds.real.fleet.SET_UP_WITHIN_S", 0.5)
    (tmp_path / "endless.py").write_text("import time; print('waiting for a lock', flush=True); time.sleep(600)")
    system = toy(tmp_path, lambda text: text.replace('"toy.py", "migrate"', '"endless.py"'))
    told = r"(?s)The set-up command was still running after 0.5 s, and it has to end by itself; its log ends with:.*for a lock"
    with pytest.raises(UsageError, match=told):
        async with opened(system, tmp_path):
            pass


async def test_a_pointer_that_leads_nowhere_is_told_with_the_mail(tmp_path: Path) -> None:
    async with opened(toy(tmp_path, lambda text: text.replace('"/custom_args/id"', '"/custom_args/ident"')), tmp_path) as world:
        await until(lambda: len(world.history.of(Call)) > 1)
    assert {call.pair for call in world.history.of(Call)} == {None}
    assert world.history.of(Call)[0].unnamed.startswith("mail_id = '/custom_args/ident' points to no text in {")
