"""The catalogue of flaws: what a file must say, and what is told about one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import systems
from harness.prove import catalogue
from harness.usage import UsageError

SOUND = '"""The worker forgets\nwhat it did."""\nCAUGHT_BY, IN = "nothing_is_invented", "baseline"\ndef plant(): ...\n'


def flaw(folder: Path, text: str) -> Path:
    path = folder / "forgetful.py"
    path.write_text(text)
    return path


def test_a_file_is_a_flaw(tmp_path: Path) -> None:
    read = catalogue.read(flaw(tmp_path, SOUND), system="async")
    assert (read.name, read.story) == ("forgetful", "The worker forgets what it did.")
    assert (read.caught_by, read.scenario, read.worlds, read.system) == (
        "nothing_is_invented",
        "baseline",
        ("simulated",),
        "async",
    )


def test_a_flaw_may_name_its_world_and_system(tmp_path: Path) -> None:
    read = catalogue.read(flaw(tmp_path, SOUND + 'WORLD, SYSTEM = "both", "sync"\n'), system="async")
    assert (read.worlds, read.system) == (("simulated", "real"), "sync")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        (SOUND.replace("plant", "planted"), "defines no plant"),
        (SOUND.replace("CAUGHT_BY", "CAUGHT"), "defines no CAUGHT_BY"),
        (SOUND.split("\n", 2)[2], "tells no story"),
        (SOUND.replace("nothing_is_invented", "nothing_is_inventd"), "Did you mean 'nothing_is_invented'"),
        (SOUND.replace("baseline", "baselin"), "Did you mean 'baseline'"),
        (SOUND + 'WORLD = "reel"\n', "Did you mean 'real'"),
        (SOUND + 'SYSTEM = "asink"\n', "There is no system 'asink'"),
    ],
)
def test_what_is_no_flaw_is_told_in_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("'", ".")):
        catalogue.read(flaw(tmp_path, text), system="async")


def test_every_flaw_of_the_reference_is_one() -> None:
    found = catalogue.of(systems.load("async"), name="async")
    assert len(found) == len(list((Path(systems.load("async").path).parent.parent / "flaws").glob("[!_]*.py"))) > 0


def test_a_system_without_flaws_has_none() -> None:
    assert catalogue.of(systems.load("draft"), name="draft") == []
