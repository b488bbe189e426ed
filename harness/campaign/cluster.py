"""Somebody's cluster as the standard executor: `dask.distributed`, which the extra `cluster` brings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from harness.usage import UsageError

ANSWERS_WITHIN_SECONDS = 10


@contextmanager
def executor_at(address: str) -> Iterator[Executor]:
    """The workers of the Dask scheduler at an address such as tcp://scheduler:8786.

    Raises UsageError if dask.distributed is not installed, no scheduler answers, or no worker is there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--cluster needs dask.distributed, which is not installed; pip install 'async-ingestion-harness[cluster]', "
            "or leave out --cluster."
        ) from None
    try:
        client = Client(address, timeout=ANSWERS_WITHIN_SECONDS, name="harness", set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise UsageError(f"No Dask scheduler answers at {address} ({error}); name one as tcp://host:8786.") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=ANSWERS_WITHIN_SECONDS)
        except TimeoutError:
            raise UsageError(f"The Dask scheduler at {address} has no worker; start one: dask worker {address}.") from None
        yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]
