"""The image holds what the service needs: its files make a working service, its lock has every package, at the tested version.

No engine is asked: the COPY lines of the Dockerfile are carried out in a folder, and the service runs from there.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx

from tests.reference.deploy.deployed import DEPLOY, ROOT
from tests.reference.processes import all_are, configure, post_all
from tests.reference.servers import Postgres, Redis, SendGrid, Service, await_port, eventually, free_port

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", path.read_text(), re.MULTILINE))


def lay_out(folder: Path) -> None:
    """What the last stage's COPY lines put into the image, under `folder`."""
    for line in DOCKERFILE.split("\nFROM ")[-1].splitlines():
        if not line.startswith("COPY ") or "--from" in line:
            continue
        *sources, target = line.removeprefix("COPY ").split()
        place = folder / target.removeprefix("/service/")
        for source in (found for pattern in sources for found in ROOT.glob(pattern)):
            if source.is_dir():
                shutil.copytree(source, place)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)


async def test_the_files_of_the_image_are_a_service(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    lay_out(tmp_path)
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    service.folder = tmp_path
    assert service.run("migrate").wait() == 0
    port = free_port()
    await_port(port, service.run("api", "--port", str(port)))
    service.worker()
    await post_all(client, f"http://127.0.0.1:{port}", ["e1"])
    await eventually(lambda: all_are(client, f"http://127.0.0.1:{port}", ids=["e1"]))


def test_it_holds_nothing_but_the_service(tmp_path: Path) -> None:
    lay_out(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"reference"}
    assert {path.name for path in (tmp_path / "reference").iterdir() if path.is_dir()} == {"scripts"}


def test_its_lock_has_every_package_the_service_imports() -> None:
    provided = packages_distributions()
    locked = {re.sub(r"[-_.]+", "-", name) for name in pins(DEPLOY / "requirements.lock")}
    for path in (ROOT / "reference").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"reference"}:
                makers = {re.sub(r"[-_.]+", "-", maker).lower() for maker in provided[top]}
                assert makers & locked, (
                    f"{path.name} imports {top}: add it to reference/deploy/requirements.in and run `make lock`"
                )


def test_its_versions_are_the_tested_ones() -> None:
    tested = pins(ROOT / "requirements.lock")
    different = {name: pin for name, pin in pins(DEPLOY / "requirements.lock").items() if tested.get(name) != pin}
    assert not different, "run `make lock`"


def test_it_does_not_run_as_root() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["python", "-m", "reference"]' in last
