"""A system: the service under test, as its TOML file describes it (docs/your-service.md; contract: any language, one file).

`load` reads and checks the file; every mistake is one sentence. Worlds start what stands here and observe it as it says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from harness.usage import UsageError, nearest
from harness.validation import sentence

BUILT_IN = Path(__file__).resolve().parent.parent / "reference" / "systems"
PLACEHOLDERS = ("port", "redis_url", "postgres_url", "sendgrid_url", "otlp_url")
PERCENT = "percent"  # stands in flag.set alone
_NAME = r"^[\w.]+:\w+$"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setup(_Section):
    """A command that runs once before the processes start."""

    command: list[str] = Field(min_length=1)


class Process(_Section):
    """One kind of process: its command, how many, and the path polled until it answers 200."""

    command: list[str] = Field(min_length=1)
    count: PositiveInt = 1
    ready: str | None = None


class Api(Process):
    """The processes that answer POST /ingest; `headers` go with every request."""

    headers: dict[str, str] = {}


class Flag(_Section):
    """How the share of events that go to the queue is turned while the service runs: commands that end with exit code 0."""

    set: list[str] = Field(min_length=1)
    clear: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _says_how_much(self) -> Flag:
        if not any("{percent}" in word for word in self.set):
            raise ValueError('set names {percent} nowhere; write it where the number goes: ["python", "flag.py", "{percent}"]')
        return self


class Upgrade(_Section):
    """What the next version's environment differs in, for `faults.Upgrades`: a version to run, a format to write."""

    env: dict[str, str] = Field(min_length=1)


class Observe(_Section):
    """How effects are read: the SQL that lists stored rows, where a mail names its event (JSON pointers), and what is monitored.

    `metrics` is the path of Prometheus' text on every process that has a port, `queue_depth` the series that shows the backlog.
    """

    rows: str
    mail_source: str | None = None
    mail_id: str | None = None
    metrics: str | None = None
    queue_depth: str | None = None

    @model_validator(mode="after")
    def _mails_can_be_told_apart(self) -> Observe:
        given = {key: at for key in ("mail_source", "mail_id") if (at := getattr(self, key)) is not None}
        for key, at in given.items():
            if not at.startswith("/"):
                written = f"/{at}" if at else "/custom_args/id"
                raise ValueError(f"{key} is '{at}', expected a JSON pointer, which begins with a slash: write '{written}'")
        if len(given) == 1:
            [there], [lacking] = given, {"mail_source", "mail_id"} - set(given)
            raise ValueError(
                f"{there} stands without {lacking}, but a mail's event is told by both: add {lacking} (a JSON pointer), "
                "or leave both out, and no mail is judged"
            )
        return self

    @model_validator(mode="after")
    def _the_backlog_can_be_monitored(self) -> Observe:
        if self.metrics is not None and not re.fullmatch("/[!-~]*", self.metrics):
            raise ValueError(f"metrics is '{self.metrics}', expected a path, which begins with a slash: write '/metrics'")
        if self.queue_depth is not None and self.metrics is None:
            raise ValueError('queue_depth stands without metrics: add the path of the page that shows it, metrics = "/metrics"')
        return self


class Server(_Section):
    """Settings of Redis or Postgres."""

    config: dict[str, str | int | float] = {}


class Limits(_Section):
    """The system's own limits instead of the acceptance criteria's, in milliseconds."""

    ingest_p50_ms: PositiveFloat | None = None
    ingest_p95_ms: PositiveFloat | None = None
    ingest_p99_ms: PositiveFloat | None = None
    status_p95_ms: PositiveFloat | None = None


class Load(_Section):
    """The load it is measured under; rates are per second, `mailed` and `duplicates` shares of the POSTs."""

    posts_per_second: PositiveFloat = 50
    reads_per_second: PositiveFloat = 50
    mailed: float = Field(default=0.5, ge=0, le=1)
    duplicates: float = Field(default=0.0, ge=0, lt=1)
    longest_seconds: float = Field(default=90, ge=20, le=3600)


class Simulation(_Section):
    """How a Python service is built in the simulated world, and its flag turned there, loaded by name."""

    build: str = Field(pattern=_NAME)
    flag: str | None = Field(default=None, pattern=_NAME)
    flaws: str | None = None


class Claims(_Section):
    """What the service promises beyond the contract."""

    reclaim_seconds: PositiveFloat | None = None
    breaker_reset_seconds: PositiveFloat | None = None
    breaker_failures: PositiveInt | None = None
    breaker_trials: PositiveInt | None = None
    longest_pause_seconds: PositiveFloat = 20.0
    high_water: PositiveInt | None = None
    dedupe_window_hours: PositiveFloat | None = None
    durability: Literal["process-crash", "power-loss"] | None = None


class System(_Section):
    """The service under test."""

    name: str
    description: str = ""
    api: Api
    observe: Observe
    setup: Setup | None = None
    worker: Process | None = None
    flag: Flag | None = None
    upgrade: Upgrade | None = None
    env: dict[str, str] = {}
    redis: Server = Server()
    postgres: Server = Server()
    limits: Limits = Limits()
    load: Load = Load()
    simulation: Simulation | None = None
    claims: Claims = Claims()
    path: Path = Path()

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> System:
        turned = [(text, (*PLACEHOLDERS, PERCENT)) for text in (self.flag.set if self.flag is not None else ())]
        for text, known in [*((text, PLACEHOLDERS) for text in self._texts()), *turned]:
            for name in _PLACEHOLDER.findall(text):
                if name not in known:
                    raise ValueError(f"unknown placeholder {{{name}}} in '{text}'. {nearest(name, known)}")
        return self

    @model_validator(mode="after")
    def _flag_turns_in_both_worlds(self) -> System:
        if self.simulation is not None and (self.flag is None) != (self.simulation.flag is None):
            there, lacking = ("simulation.flag", "[flag]") if self.flag is None else ("[flag]", "simulation.flag")
            raise ValueError(
                f"{there} stands without {lacking}; a flag is turned in both worlds or in none: add it, or leave both out"
            )
        return self

    @model_validator(mode="after")
    def _real_processes_can_be_run(self) -> System:
        if self.simulation is None and (lacking := what_real_processes_lack(self)):
            raise ValueError(lacking)
        return self

    def _texts(self) -> list[str]:
        commands = [part.command for part in (self.setup, self.api, self.worker) if part is not None]
        commands += [self.flag.clear] if self.flag is not None else []
        next_version = self.upgrade.env.values() if self.upgrade is not None else ()
        return [*self.env.values(), *next_version, *(word for command in commands for word in command)]

    def names_placeholder(self, name: str) -> bool:
        """Whether `{name}` stands anywhere: naming a placeholder is what asks for the server."""
        return any(f"{{{name}}}" in text for text in self._texts())

    @property
    def offers(self) -> frozenset[str]:
        """What can be hurt or judged here: servers, process roles, observations and claims, by the names checkers ask for."""
        has = {"api": True, "rows": True, "worker": self.worker is not None, "simulation": self.simulation is not None}
        has |= {"flag": self.flag is not None, "upgrade": self.upgrade is not None}
        has |= {server: self.names_placeholder(f"{server}_url") for server in ("redis", "postgres", "sendgrid")}
        has["mails"] = has["sendgrid"] and self.observe.mail_id is not None and self.observe.mail_source is not None
        has["queue_depth"] = self.observe.metrics is not None and self.observe.queue_depth is not None
        has["traces"] = self.names_placeholder("otlp_url")
        has |= {f"claims.{name}": value is not None for name, value in self.claims.model_dump().items()}
        return frozenset(name for name, present in has.items() if present)

    def env_of(self, *, is_upgraded: bool) -> dict[str, str]:
        """The environment of a process, of this version or of the next."""
        return self.env | (self.upgrade.env if is_upgraded and self.upgrade is not None else {})

    @property
    def processes(self) -> dict[str, int]:
        """How many processes of each role there are."""
        return {"api": self.api.count} | ({"worker": self.worker.count} if self.worker else {})


def what_real_processes_lack(system: System) -> str:
    """Why a system cannot be run as real processes and judged, in one sentence; empty if it can."""
    if not any("{port}" in text for text in (*system.api.command, *system.env.values())):
        return (
            "it names {port} neither in api.command nor in [env]; every API process must listen on the port the harness gives "
            'it: add "--port", "{port}" or what your service takes'
        )
    if not system.names_placeholder("postgres_url"):
        return (
            "it names {postgres_url} nowhere, so `observe.rows` has no database to read; "
            'give the service its database with [env] DATABASE_URL = "{postgres_url}"'
        )
    return ""


def require_real_processes(system: System) -> None:
    """Raises UsageError unless a system can be run as real processes and judged."""
    if lacking := what_real_processes_lack(system):
        raise UsageError(f"The system file {system.path} is wrong: {lacking}.")


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with every {placeholder} replaced; other braces are the service's own and stay."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def built_in() -> list[str]:
    """The names of the systems that come with us."""
    return sorted(path.stem for path in BUILT_IN.glob("*.toml"))


def load(name: str) -> System:
    """The system of a built-in name, or of a TOML file's path. Raises UsageError with one sentence for every mistake."""
    path = Path(name) if name.endswith(".toml") else BUILT_IN / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if name.endswith(".toml"):
            told = f"There is no file {name} (looked for {path.absolute()})."
            raise UsageError(f"{told} Built-in systems go by name: {', '.join(built_in())}.") from None
        known = nearest(name, built_in())
        raise UsageError(f"There is no system '{name}'. {known} Or name the path of a .toml file.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The system file {path} cannot be read: {error}.") from None
    try:
        return System(**(data | {"path": path.resolve()}))
    except ValidationError as error:
        raise UsageError(f"The system file {path} is wrong: {sentence(error, System)}") from None
