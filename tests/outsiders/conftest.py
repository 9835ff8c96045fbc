"""Fixtures: a sandbox for each worker, a world for each test."""

import os
import pathlib

import pytest

from bastion import World
from sandbox import Sandbox, postern_binary

# Nothing of the caller's own AWS settings reaches a test.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


def pytest_sessionstart():
    if not pathlib.Path(postern_binary()).exists():
        raise pytest.UsageError(f"no binary at {postern_binary()}: cargo build -p postern")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Sandbox:
    """One sandbox for all tests of a worker: each makes accounts of its own in it."""
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def own_sandbox(tmp_path) -> Sandbox:
    """A sandbox for one test alone, for those that move the clock or reset."""
    with Sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def world(sandbox) -> World:
    return World(sandbox)


@pytest.fixture
def own_world(own_sandbox) -> World:
    return World(own_sandbox)


def pytest_collection_modifyitems(items):
    # The slow ones first, so that they go to different workers and nobody waits for the last.
    items.sort(key=lambda item: "by_the_aws_cli" not in item.name)
