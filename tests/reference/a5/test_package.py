"""The A5 client as a package: its own tests, its types, what it depends on, and older Node than the wheel's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.reference.a5.node import CLIENT, NODE, NPM, ROOT

OLDEST_NODE = (20, 3)
BUILT = {"client.js", "client.d.ts", "answers.js", "answers.d.ts"}
NO_REGISTRY = re.compile(r"code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)")


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The counts node's test runner ends with."""
    return {name: int(count) for name, count in re.findall(r"^# (\w+) (\d+)$", done.stdout, re.MULTILINE)}


def passes(node: str, *, folder: Path, ext: str) -> None:
    """Run the client's own tests with this Node; every one must have passed."""
    files = sorted(str(path) for path in (folder / "tests").glob(f"*.test.{ext}"))
    done = run(node, "--test", "--test-reporter=tap", *files, folder=folder)
    counts = summary(done)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert counts["pass"] == counts["tests"] > 60, counts


def test_every_answer_is_read_as_the_contract_says() -> None:
    passes(NODE, folder=CLIENT, ext="ts")


def test_it_depends_on_nothing_at_run_time_and_its_lock_names_no_host() -> None:
    package: dict[str, Any] = json.loads((CLIENT / "package.json").read_text())
    assert not {key for key in package if key.endswith("ependencies")} - {"devDependencies"}
    assert set(package["devDependencies"]) == {"typescript", "@types/node"}
    lock = (CLIENT / "package-lock.json").read_text()
    assert "://" not in lock, "keep .npmrc's omit-lockfile-registry-resolved when you lock again"
    locked = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert all(entry["dev"] and entry["integrity"].startswith("sha512-") for entry in locked.values())
    sources = "".join(path.read_text() for path in CLIENT.glob("*.ts"))
    assert set(re.findall(r'from "([^"]+)"', sources)) == {"./answers.ts"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with its development tools, beside the work tree. Only this needs npm's registry."""
    folder = tmp_path_factory.mktemp("a5") / "client"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "built"))
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
    done = run(*NPM, "ci", *quiet, folder=folder)
    if done.returncode != 0 and NO_REGISTRY.search(done.stderr):
        pytest.skip("npm's registry cannot be reached, and the TypeScript compiler comes from there: go online once")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def tsc(folder: Path, *words: str) -> None:
    done = run(NODE, str(folder / "node_modules" / "typescript" / "bin" / "tsc"), *words, folder=folder)
    assert done.returncode == 0, done.stdout


@pytest.mark.xdist_group("a5-package")
def test_types_are_strict_and_what_is_built_runs_on_the_node_of_this_machine(installed: Path) -> None:
    tsc(installed)  # with a browser's types
    assert {path.name for path in (installed / "dist").iterdir()} == BUILT
    tsc(installed, "-p", "tests")  # with Node's
    shutil.copy(installed / "package.json", installed / "built")
    node = shutil.which("node") or NODE
    version = run(node, "--version", folder=installed).stdout.strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < OLDEST_NODE:
        node = NODE  # nobody promised that it runs there
    passes(node, folder=installed / "built", ext="js")


@pytest.mark.xdist_group("a5-package")
def test_the_example_in_the_docs_compiles(installed: Path) -> None:
    example = (ROOT / "docs" / "a5-client.md").read_text().split("```ts\n")[1].split("```")[0]
    given = "declare const key: string;\ndeclare function keepForLater(event: object): Promise<void>;\n"
    # In a folder of its own, as a project of somebody else: it sees the types that were built, not the sources.
    project = installed / "example"
    project.mkdir()
    (project / "example.ts").write_text(given + example)
    tsc(installed)
    strictly = ("--ignoreConfig", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022")
    tsc(installed, *strictly, str(project / "example.ts"))


@pytest.mark.xdist_group("a5-package")
def test_the_package_holds_what_a_caller_imports(installed: Path) -> None:
    tsc(installed)
    packed = run(*NPM, "pack", "--dry-run", "--json", "--ignore-scripts", folder=installed)
    assert packed.returncode == 0, packed.stderr
    files = {file["path"] for file in json.loads(packed.stdout)[0]["files"]}
    assert files == {"package.json", *(f"dist/{name}" for name in BUILT)}
    imported = 'import { IngestClient } from "a5-ingest-client"; console.log(typeof IngestClient.prototype.submit)'
    assert run(NODE, "--input-type=module", "-e", imported, folder=installed).stdout == "function\n"
