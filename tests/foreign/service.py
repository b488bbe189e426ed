"""Somebody else's service: it speaks the ingest contract over Postgres alone, in one file, importing nothing of ours.

    python service.py migrate | api --port N | worker          (DATABASE_URL, SENDGRID_URL, SENDGRID_API_KEY)

A job is a row. The API inserts it; a worker claims it for LEASE_S with SKIP LOCKED, stores the event, sends the mail and calls
it completed. Whoever dies or sleeps loses its claim. FOREIGN_LOSES_EVERY=10 makes a worker forget every tenth event.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

import asyncpg

LARGEST_BODY_BYTES = 256 * 1024
ANSWER_S = 2.0  # for each of: getting a connection, asking the database
LEASE_S = 6.0  # a claim's life; reclaim_seconds in the system file is this and the polling pause
MAIL_S = 3.0
LONGEST_BACKOFF_S = 3.0
SLOTS = 10
FINISH_S = 8.0  # what SIGTERM leaves to work in hand

TABLES = """
CREATE TABLE IF NOT EXISTS events (
    source text, id text, data jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, id));
CREATE TABLE IF NOT EXISTS jobs (
    source text, id text, payload text NOT NULL, digest text NOT NULL, status text NOT NULL DEFAULT 'pending',
    attempts int NOT NULL DEFAULT 0, due_at timestamptz NOT NULL DEFAULT now(), processed_at timestamptz, error text,
    PRIMARY KEY (source, id));
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_at) WHERE status IN ('pending', 'processing');
"""
ADD = "INSERT INTO jobs (source, id, payload, digest) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
FIND = "SELECT digest, status FROM jobs WHERE source = $1 AND id = $2"
STATUS = "SELECT status, processed_at, error FROM jobs WHERE id = $1 AND ($2::text IS NULL OR source = $2)"
CLAIM = """
WITH due AS (SELECT source, id FROM jobs WHERE status IN ('pending', 'processing') AND due_at <= now()
             ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE jobs SET status = 'processing', attempts = attempts + 1, due_at = now() + $2 * interval '1 second'
FROM due WHERE jobs.source = due.source AND jobs.id = due.id RETURNING jobs.source, jobs.id, payload, attempts
"""
STORE = "INSERT INTO events (source, id, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
COMPLETE = """UPDATE jobs SET status = 'completed', processed_at = now()
WHERE source = $1 AND id = $2 AND status IN ('pending', 'processing')"""
MINE = "WHERE source = $1 AND id = $2 AND attempts = $3 AND status = 'processing'"  # attempts is the claim's number
RETRY = f"UPDATE jobs SET status = 'pending', due_at = now() + $4 * interval '1 second' {MINE}"
FAIL = f"UPDATE jobs SET status = 'failed', error = $4, processed_at = now() {MINE}"

GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
Pool = asyncpg.Pool


class RefusedError(Exception):
    """A request that is answered with this problem."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.answer = problem(status, title, detail)


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    target: SplitResult
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What goes out, as JSON."""

    status: int
    body: Mapping[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """A valid event; `payload` is everything but its identity, in one canonical form."""

    source: str
    id: str
    payload: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.payload.encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """A claimed event; `attempts` is the claim's number, `ours_until_s` its end on the monotonic clock."""

    source: str
    id: str
    payload: str
    attempts: int
    ours_until_s: float

    @property
    def email(self) -> Any:
        return json.loads(self.payload)["email"]


# --- The API


def problem(status: int, title: str, detail: str) -> Answer:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = {"Content-Type": "application/problem+json"} | ({"Retry-After": "1"} if status in (429, 503) else {})
    return Answer(status, body, headers)


async def route(request: Request, pool: Pool) -> Answer:
    parts = request.target.path.split("/")[1:]
    if parts == ["readyz"]:
        return Answer(200, {"ready": True})
    if parts == ["ingest"]:
        allow(request, "POST")
        event = parse(request.body)
        return await with_connection(pool, lambda connection: accept(connection, event))
    if len(parts) == 3 and parts[0] == "ingest" and parts[2] == "status":
        allow(request, "GET")
        source = parse_qs(request.target.query, keep_blank_values=True).get("source", [None])[0]
        return await with_connection(pool, lambda connection: status_of(connection, unquote(parts[1]), source))
    raise RefusedError(404, "Not found", "There are POST /ingest and GET /ingest/{id}/status.")


def allow(request: Request, method: str) -> None:
    if request.method != method:
        raise RefusedError(405, "Method not allowed", f"Use {method}.")


def parse(body: bytes) -> Event:
    """The event in a body. Raises RefusedError (422) if it is none."""
    try:
        event = json.loads(body, parse_constant=lambda name: complain(f"{name} is not JSON"))
        json.dumps(event, ensure_ascii=False).encode()  # lone surrogates cannot be written
    except (ValueError, RecursionError) as error:
        raise RefusedError(422, "Not an event", f"The body must be a JSON object: {error}.") from None
    if not isinstance(event, dict):
        raise RefusedError(422, "Not an event", "The body must be a JSON object.")
    email = event.get("email")
    if email is not None and not (isinstance(email, dict) and isinstance(email.get("to"), str)):
        raise RefusedError(422, "Not an event", "email must be an object with 'to'.")
    payload = {"type": event.get("type"), "data": event.get("data"), "email": email}
    return Event(name_in(event, "source"), name_in(event, "id"), json.dumps(payload, sort_keys=True))


def complain(message: str) -> None:
    raise ValueError(message)


def name_in(event: Mapping[str, Any], key: str) -> str:
    value = event.get(key)
    if isinstance(value, str) and 1 <= len(value) <= 255 and value.isprintable():
        return value
    raise RefusedError(422, "Not an event", f"{key} must be a string of 1 to 255 printable characters.")


async def with_connection(pool: Pool, ask: Callable[[Any], Awaitable[Answer]]) -> Answer:
    """503 while certainly nothing was asked of the database, 504 when it was asked and did not answer."""
    try:
        connection = await pool.acquire(timeout=ANSWER_S)
    except GONE:
        return problem(503, "Not now", "The database cannot be reached; nothing was taken.")
    try:
        return await ask(connection)
    except GONE:
        with suppress(asyncpg.InterfaceError):  # the pool has dropped it already
            connection.terminate()  # or giving it back would wait for the database as well
        return problem(504, "Unknown", "The database did not answer in time; send the same event again.")
    finally:
        await pool.release(connection)


async def accept(connection: Any, event: Event) -> Answer:
    status = f"/ingest/{quote(event.id, safe='')}/status?source={quote(event.source, safe='')}"
    added = await connection.execute(ADD, event.source, event.id, event.payload, event.digest, timeout=ANSWER_S)
    if added == "INSERT 0 1":
        key = f"{event.source}:{event.id}"
        body = {"status": "accepted", "id": event.id, "idempotency_key": key, "estimated_processing_ms": 500}
        return Answer(202, body, {"Location": status, "Retry-After": "1"})
    known = await connection.fetchrow(FIND, event.source, event.id, timeout=ANSWER_S)
    if known["digest"] != event.digest:
        raise RefusedError(422, "Another payload", "This pair of source and id was accepted with another payload.")
    return Answer(200, {"status": "duplicate", "original_id": event.id, "current_status": known["status"]})


async def status_of(connection: Any, event_id: str, source: str | None) -> Answer:
    if "\0" in event_id or "\0" in (source or ""):  # Postgres cannot even be asked for it
        raise RefusedError(404, "Not found", "No such event was accepted.")
    found = await connection.fetch(STATUS, event_id, source, timeout=ANSWER_S)
    if not found:
        raise RefusedError(404, "Not found", "No such event was accepted.")
    if len(found) > 1:
        raise RefusedError(409, "Several events", "Several sources have this id; add ?source=.")
    job = found[0]
    processed_at = job["processed_at"] and job["processed_at"].isoformat()
    result = {"error": job["error"]} if job["error"] else None
    return Answer(200, {"id": event_id, "status": job["status"], "processed_at": processed_at, "result": result})


async def read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if length > LARGEST_BODY_BYTES:
        raise RefusedError(413, "Too large", f"A body may have {LARGEST_BODY_BYTES} bytes.")
    return Request(method, urlsplit(target), await reader.readexactly(length))


async def answer(reader: asyncio.StreamReader, pool: Pool) -> Answer:
    try:
        async with asyncio.timeout(10):
            request = await read(reader)
        return await route(request, pool)
    except RefusedError as refused:
        return refused.answer
    except (ValueError, asyncio.LimitOverrunError):
        return problem(400, "Bad request", "This is not HTTP/1.1.")


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pool: Pool) -> None:
    """One request and its answer; a client that leaves early is let go."""
    try:
        reply = await answer(reader, pool)
        body = json.dumps(reply.body).encode()
        headers = {"Content-Type": "application/json"} | reply.headers
        headers |= {"Content-Length": str(len(body)), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.status} Status\r\n{head}\r\n".encode() + body)
        await writer.drain()
    except (OSError, EOFError, TimeoutError):
        pass
    finally:
        writer.close()


async def run_api(port: int) -> None:
    pool = await open_pool()
    stop = stop_signal()
    conversations: dict[Any, None] = {}

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations[task := asyncio.current_task()] = None
        try:
            await converse(reader, writer, pool)
        finally:
            del conversations[task]

    server = await asyncio.start_server(on_connection, "127.0.0.1", port, backlog=512)
    await stop.wait()
    server.close()
    await asyncio.wait([*conversations, asyncio.create_task(asyncio.sleep(0))], timeout=FINISH_S)


# --- The worker


@dataclass
class Worker:
    """Claims jobs and does them, SLOTS at a time; SendGrid is left alone until `quiet_until_s` (Unix seconds)."""

    pool: Pool
    stop: asyncio.Event
    loses: Iterator[bool]
    quiet_until_s: float = 0.0
    failures: int = 0
    connected: bool = True
    running: dict[Any, None] = field(default_factory=dict)

    async def run(self) -> None:
        while not self.stop.is_set():
            try:
                jobs = await self.claim() if self.connected else await self.reconnect()
            except GONE as error:
                print(f"No database: {type(error).__name__}", flush=True)
                self.connected, jobs = False, []
            for job in jobs:
                task = asyncio.create_task(self.work(job))
                self.running[task] = None
                task.add_done_callback(self.running.pop)
            if not jobs:
                await self.pause(0.2)
        await asyncio.wait([*self.running, asyncio.create_task(asyncio.sleep(0))], timeout=FINISH_S)

    async def pause(self, seconds: float) -> None:
        """Do nothing for a while, or until SIGTERM."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stop.wait()

    async def reconnect(self) -> list[Job]:
        """Claim nothing for a second after an outage: whoever sent a mail in it writes that down first."""
        await self.pool.execute("SELECT 1", timeout=ANSWER_S)
        self.connected = True
        await self.pause(1.0)
        return []

    async def claim(self) -> list[Job]:
        free = SLOTS - len(self.running)
        if not free or time.time() < self.quiet_until_s:
            return []
        until_s = time.monotonic() + LEASE_S
        rows = await self.pool.fetch(CLAIM, free, LEASE_S, timeout=ANSWER_S)
        return [Job(row["source"], row["id"], row["payload"], row["attempts"], until_s) for row in rows]

    async def persist(self, query: str, *values: object) -> None:
        """Write, again and again while the database is away: what was done must not be forgotten."""
        while True:
            try:
                await self.pool.execute(query, *values, timeout=ANSWER_S)
                return
            except GONE:
                await asyncio.sleep(0.2)

    async def work(self, job: Job) -> None:
        lost = next(self.loses)
        if lost or (await self.store(job) and await self.mail(job)):
            await self.persist(COMPLETE, job.source, job.id)

    async def store(self, job: Job) -> bool:
        try:
            await self.persist(STORE, job.source, job.id, job.payload)
        except asyncpg.DataError as error:
            await self.persist(FAIL, job.source, job.id, job.attempts, f"cannot be stored: {error}")
            return False
        return True

    async def mail(self, job: Job) -> bool:
        """Whether the mail, if one is due, was taken; if not, what becomes of the job is written down."""
        if not job.email:
            return True
        if time.time() < self.quiet_until_s:
            return await self.retry(job, self.quiet_until_s - time.time())
        try:
            status, headers = await send(job)
        except (OSError, EOFError, ValueError, TimeoutError):
            status, headers = 0, {}  # nobody knows
        if status in (200, 202):
            self.failures = 0
            return True
        if 400 <= status < 500 and status not in (401, 403, 408, 429):
            await self.persist(FAIL, job.source, job.id, job.attempts, f"the mail was refused for good: {status}")
            return False
        self.hold_off(status, headers)
        return await self.retry(job, self.quiet_until_s - time.time() + (0 if status == 429 else backoff_s(job)))

    def hold_off(self, status: int, headers: Mapping[str, str]) -> None:
        """Leave SendGrid alone until its rate limit resets, or for longer and longer while it is down."""
        now_s = time.time()
        if status == 429:
            self.quiet_until_s = max(self.quiet_until_s, min(float(headers.get("x-ratelimit-reset", now_s + 1)), now_s + 60))
        elif now_s >= self.quiet_until_s:  # else one outage would count once for every call in flight
            self.failures += 1
            self.quiet_until_s = now_s + min(LONGEST_BACKOFF_S, 0.1 * 2 ** min(self.failures, 10))

    async def retry(self, job: Job, after_s: float) -> bool:
        await self.persist(RETRY, job.source, job.id, job.attempts, max(0.0, after_s) + random.uniform(0.05, 0.3))
        return False


def backoff_s(job: Job) -> float:
    """Exponential, with full jitter."""
    return random.uniform(0, min(LONGEST_BACKOFF_S, 0.25 * 2 ** min(job.attempts, 10)))


def mail_of(job: Job) -> bytes:
    email = job.email
    mail = {
        "personalizations": [{"to": [{"email": email["to"]}]}],
        "from": {"email": "foreign@example.com"},
        "subject": email.get("subject") or "News",
        "content": [{"type": "text/plain", "value": email.get("text") or "There is news."}],
        "custom_args": {"event_source": job.source, "event_id": job.id},
    }
    return json.dumps(mail).encode()


async def send(job: Job) -> tuple[int, dict[str, str]]:
    """SendGrid's status and headers. Raises OSError, EOFError, ValueError or TimeoutError where that stays unknown."""
    url, body = urlsplit(os.environ["SENDGRID_URL"]), mail_of(job)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {os.environ['SENDGRID_API_KEY']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    async with asyncio.timeout(MAIL_S):
        secure = url.scheme == "https"
        reader, writer = await asyncio.open_connection(url.hostname, url.port or (443 if secure else 80), ssl=secure)
        with closing(writer):
            if time.monotonic() + MAIL_S > job.ours_until_s:
                raise TimeoutError("the claim would run out in mid-mail")
            writer.write(head.encode() + body)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), headers


# --- Processes


async def open_pool() -> Pool:
    """Without TLS: setting it up costs 25 ms a try, and during an outage every request tries."""
    dsn = os.environ["DATABASE_URL"]
    return await asyncpg.create_pool(dsn, min_size=0, timeout=ANSWER_S, command_timeout=ANSWER_S, ssl=False, reset=no_reset)


async def no_reset(connection: Any) -> None:
    """No statement here leaves anything behind in its session, so giving a connection back costs no round trip."""


def stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


async def run_worker() -> None:
    every = int(os.environ.get("FOREIGN_LOSES_EVERY", "0"))
    loses = (every > 0 and number % every == 0 for number in itertools.count(1))
    await Worker(await open_pool(), stop_signal(), loses).run()


async def migrate() -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute(TABLES)
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("process", choices=("migrate", "api", "worker"))
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.process == "api":
        asyncio.run(run_api(arguments.port))
    else:
        asyncio.run({"migrate": migrate, "worker": run_worker}[arguments.process]())


if __name__ == "__main__":
    main()
