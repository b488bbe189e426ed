"""A Postgres that goes on running and refuses: told so in SQL, past the proxies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from harness import faults
from harness.usage import StackBrokenError
from harness.worlds.real import disk
from harness.worlds.real.injuries.ward import Injury, Ward
from harness.worlds.real.operator import HEARS_WITHIN_S, ROLE, Operator, wait_before
from harness.worlds.real.rows import OURS, UNREADABLE

BETWEEN_ENDS_S = 0.5
BETWEEN_FILLS_S = 0.1
RECOVERS_WITHIN_S = 5.0
NO_SPACE, STOPS = "No space left on device", "PANIC:"
MOST_CONNECTIONS = 1000
THEIRS = f"""FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database()
             AND application_name <> '{OURS}'"""
END_ONE = f"SELECT pg_terminate_backend(pid) {THEIRS} ORDER BY (state = 'active') DESC, random() LIMIT 1"
END_ALL = f"SELECT pg_terminate_backend(pid) {THEIRS}"
MAY_LOG_IN = f"""SELECT coalesce(array_agg(quote_ident(rolname)), '{{}}') FROM pg_roles
                 WHERE rolcanlogin AND rolname <> '{ROLE}'"""
ABORTS = """
CREATE SCHEMA harness;
CREATE SEQUENCE harness.aborted;  -- outlives the transactions it counts
CREATE FUNCTION harness.abort() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < {share} THEN
    PERFORM nextval('harness.aborted');
    RAISE EXCEPTION '{words}' USING ERRCODE = '{code}';
  END IF;
  RETURN NULL;
END $$;
DO $$ DECLARE found regclass; BEGIN
  FOR found IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'
               AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'harness') LOOP
    EXECUTE format('CREATE TRIGGER harness_aborts AFTER INSERT OR UPDATE ON %s EXECUTE FUNCTION harness.abort()', found);
  END LOOP;
END $$;
"""
CODES = {
    "deadlock": ("40P01", "deadlock detected"),
    "serialisation": ("40001", "could not serialize access due to concurrent update"),
}


@asynccontextmanager
async def postgres_is_read_only(ward: Ward, fault: faults.PostgresIsReadOnly) -> AsyncIterator[Injury]:
    """PostgresIsReadOnly: every new transaction is read-only, as on a standby."""
    words, injury = "in a read-only transaction", Injury(("postgres",))
    servers, operator = ward.stack.servers, ward.stack.servers.operator
    before = servers.logged("postgres", words)
    await operator.tell("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    try:
        yield injury
    finally:
        await operator.tell("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
        if refused := servers.logged("postgres", words) - before:
            injury.evidence = f"postgres refused {refused} statements {words}"


@asynccontextmanager
async def postgres_disk_fills(ward: Ward, fault: faults.PostgresDiskFills) -> AsyncIterator[Injury]:
    """PostgresDiskFills: we take what is left of its small disk, also what it gives back; one that stops itself stays down."""
    injury, servers = Injury(("postgres",)), ward.stack.servers
    if servers.disk is None:
        raise StackBrokenError(
            "Postgres has no small disk to fill; name the fault in the stage's plan before the stack is built."
        )
    before, stopped = servers.logged("postgres", NO_SPACE), servers.logged("postgres", STOPS)
    if fault.what == "log":
        disk.fill(servers.disk)
        await _use_up_the_log(ward)
    filling = asyncio.create_task(_keep_full(servers.disk), name="keeps the disk of postgres full")
    try:
        yield injury
    finally:
        filling.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await filling
        disk.empty(servers.disk)
        await _bring_back(ward)
        if refused := servers.logged("postgres", NO_SPACE) - before:
            was_stopped = ", and it stopped itself" if servers.logged("postgres", STOPS) > stopped else ""
            injury.evidence = f"postgres wrote {refused} times `{NO_SPACE}`{was_stopped}"


async def _bring_back(ward: Ward) -> None:
    """There is room again: start it if it gave up, and kill it first if it hangs in its recovery, as was seen now and then."""
    deadline = asyncio.get_running_loop().time() + RECOVERS_WITHIN_S
    while asyncio.get_running_loop().time() < deadline:
        ended = ward.stack.servers.process("postgres").exit_code
        if ended is not None and ended >= 0:  # by a signal it would be another fault's, who starts it again
            await ward.stack.restart("postgres")
        with suppress(*UNREADABLE):
            await ward.stack.servers.operator.try_to_tell("SELECT 1")
            return
        await asyncio.sleep(BETWEEN_FILLS_S)
    if await ward.stack.crash("postgres", "process-crash"):
        await ward.stack.restart("postgres")


async def _use_up_the_log(ward: Ward) -> None:
    """Go on to the next file of the log, of those that are there already, until there is none and no room for a new one."""
    with suppress(*UNREADABLE):
        async with ward.stack.servers.operator.connected() as connection:
            while True:
                await connection.execute("SELECT pg_logical_emit_message(true, 'harness', ''), pg_switch_wal()")


async def _keep_full(folder: Path) -> None:
    while True:
        await asyncio.to_thread(disk.fill, folder)
        await asyncio.sleep(BETWEEN_FILLS_S)


@asynccontextmanager
async def postgres_aborts(ward: Ward, fault: faults.PostgresAborts) -> AsyncIterator[Injury]:
    """PostgresAborts: a trigger on every table raises what Postgres itself would."""
    injury, (code, words), operator = Injury(("postgres",)), CODES[fault.why], ward.stack.servers.operator
    await operator.tell(ABORTS.format(share=fault.share, words=words, code=code))
    try:
        yield injury
    finally:
        aborted = await operator.tell("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM harness.aborted")
        await operator.tell("DROP SCHEMA harness CASCADE")
        if aborted:
            injury.evidence = f"postgres aborted {aborted} transactions: {words} ({code})"


@asynccontextmanager
async def postgres_ends_backends(ward: Ward, fault: faults.PostgresEndsBackends) -> AsyncIterator[Injury]:
    """PostgresEndsBackends."""
    injury, ended = Injury(("postgres",)), list[bool | None]()

    async def end_now_and_then() -> None:
        while True:
            with suppress(*UNREADABLE):  # the server may be down for another reason
                ended.append(await ward.stack.servers.operator.try_to_tell(END_ONE))
            await asyncio.sleep(BETWEEN_ENDS_S)

    ending = asyncio.create_task(end_now_and_then(), name="ends backends of postgres")
    try:
        yield injury
    finally:
        ending.cancel()
        with suppress(asyncio.CancelledError):
            await ending
        if any(ended):
            injury.evidence = f"{ended.count(True)} connections of the service were ended by postgres"


@asynccontextmanager
async def postgres_runs_out_of_connections(ward: Ward, fault: faults.PostgresRunsOutOfConnections) -> AsyncIterator[Injury]:
    """PostgresRunsOutOfConnections: we take every place there is, after the service has lost its own."""
    words, injury = "sorry, too many clients already", Injury(("postgres",))
    async with AsyncExitStack() as places:
        own = await _fill(ward, places)
        before = ward.stack.servers.logged("postgres", words)
        try:
            yield injury
        finally:
            if refused := ward.stack.servers.logged("postgres", words) - before:
                injury.evidence = f"postgres turned away {refused} connections: we held all {own} that were left"


@asynccontextmanager
async def postgres_refuses_logins(ward: Ward, fault: faults.PostgresRefusesLogins) -> AsyncIterator[Injury]:
    """PostgresRefusesLogins: no role but ours may log in, and the service loses the connections it has."""
    words, injury = "is not permitted to log in", Injury(("postgres",))
    servers, operator = ward.stack.servers, ward.stack.servers.operator
    before = servers.logged("postgres", words)
    roles = await operator.tell(MAY_LOG_IN)
    await operator.tell(*(f"ALTER ROLE {role} NOLOGIN" for role in roles), END_ALL)
    try:
        yield injury
    finally:
        await operator.tell(*(f"ALTER ROLE {role} LOGIN" for role in roles), "SELECT 1")
        if refused := servers.logged("postgres", words) - before:
            injury.evidence = f"postgres refused {refused} logins: the role {words}"


async def _fill(ward: Ward, places: AsyncExitStack) -> int:
    """Take every connection; whoever of the service got one meanwhile loses it again. How many are ours.

    A server that is down is filled once it is up again. Raises StackBrokenError if never.
    """
    deadline = asyncio.get_running_loop().time() + HEARS_WITHIN_S
    while True:
        try:
            return await _take_all(ward.stack.servers.operator, places)
        except UNREADABLE as error:
            await places.aclose()
            await wait_before(deadline, "Postgres could not be filled with connections", error)


async def _take_all(operator: Operator, places: AsyncExitStack) -> int:
    taken = 0
    while taken < MOST_CONNECTIONS:
        await operator.tell(END_ALL)
        try:
            while taken < MOST_CONNECTIONS:
                await places.enter_async_context(operator.connected())
                taken += 1
        except asyncpg.TooManyConnectionsError:
            if not await operator.tell(f"SELECT count(*) {THEIRS}"):
                return taken
    return taken
