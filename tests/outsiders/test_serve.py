"""`postern serve` and `exec --serve`, by the field's own clients: each finds the endpoint by its default chain."""

import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from clients import BOTO3, CLIENTS, PLACES
from postern import ACCOUNTS, Postern
from sandbox import REGION, Sandbox, postern_binary
from test_apply import Acme

DEVELOPER = f"arn:aws:sts::{ACCOUNTS['prod']}:assumed-role/developer/alice"


@pytest.fixture(scope="module")
def alice(tmp_path_factory):
    """Alice's machine: the example's accounts are made, and she is logged in."""
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        acme = Acme(sandbox, tmp_path_factory.mktemp("home"))
        postern = acme.postern
        postern("apply", "--yes")
        device = postern.enrol("alice")
        postern("login", "--mfa-code", device.code())
        # The administrator's profiles are not hers.
        (postern.home / ".aws" / "credentials").unlink()
        yield postern


class Serving:
    """A `postern serve` process; use as a context manager."""

    def __init__(self, postern: Postern, *arguments: str, format: str = "json"):
        self._postern = postern
        self.ready_file = postern.home / "ready"
        self._arguments = ["serve", *arguments, "--ready-file", str(self.ready_file), "--format", format]

    def __enter__(self) -> "Serving":
        self.process = subprocess.Popen(
            [postern_binary(), *self._arguments],
            env=self._postern.environment,
            cwd=self._postern.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun = time.monotonic()
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() - begun > 30:
                raise RuntimeError(f"it does not serve: {self.process.communicate(timeout=5)}")
            time.sleep(0.01)
        return self

    def ready(self) -> dict:
        return json.loads(self.ready_file.read_text())

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.out, self.err = self.process.communicate(timeout=15)

    def surroundings(self) -> dict[str, str]:
        """What a client of a person without any other setting has."""
        return plain(self._postern) | self.ready()["set"]


def plain(postern: Postern) -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", "NO_PROXY", "AWS_ENDPOINT_URL")
    return {name: postern.environment[name] for name in names}


@pytest.fixture(params=CLIENTS.values(), ids=CLIENTS.keys())
def client(request):
    return request.param


def test_a_containers_endpoint_by_default_chains(alice, client):
    with Serving(alice, "ecs", "prod/developer", "dev/developer") as serving:
        env = serving.surroundings()
        assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith("/role/prod/developer")
        assert client(env) == DEVELOPER
        # Another target has another path, and the same token.
        env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = serving.ready()["targets"]["dev/developer"]
        assert client(env) == DEVELOPER.replace(ACCOUNTS["prod"], ACCOUNTS["dev"])
    assert serving.process.returncode == 0 and not serving.ready_file.exists()


def test_an_instances_metadata_by_default_chains(alice, client):
    with Serving(alice, "imds", "prod/developer") as serving:
        assert client(serving.surroundings()) == DEVELOPER


@pytest.mark.parametrize("name", ["boto3", "javascript"])
def test_the_token_may_come_from_a_file(alice, name):
    file = alice.home / "token"
    with Serving(alice, "ecs", "prod/developer", "--token-file", str(file)) as serving:
        env = serving.surroundings()
        assert env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == str(file)
        assert "AWS_CONTAINER_AUTHORIZATION_TOKEN" not in env
        assert file.stat().st_mode & 0o777 == 0o600 and len(file.read_text()) == 43
        assert CLIENTS[name](env) == DEVELOPER
    assert not file.exists()


def test_what_is_written_can_be_sourced(alice):
    with Serving(alice, "ecs", "prod/developer", format="env") as serving:
        assert serving.ready_file.stat().st_mode & 0o777 == 0o600
        script = f". {serving.ready_file}; exec {shlex.quote(sys.executable)} -c {shlex.quote(BOTO3)}"
        # Static keys and a profile would go before the endpoint; they are taken away.
        env = plain(alice) | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "no"}
        done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, timeout=60)
        assert json.loads(done.stdout)["arn"] == DEVELOPER, done.stderr
    # The token is in the file, and in nothing that was printed.
    assert "AWS_CONTAINER" not in serving.out + serving.err


def exec_serve(postern: Postern, *command: str, **more: str) -> str:
    """What a command under `exec --serve` prints."""
    env = {name: value for name, value in postern.environment.items() if name != "AWS_EC2_METADATA_DISABLED"}
    line = [postern_binary(), "exec", "--serve", "prod/developer", "--", *command]
    done = subprocess.run(line, env=env | more, cwd=postern.home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_exec_serve_hands_over_no_credentials(alice):
    given = json.loads(exec_serve(alice, sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"))
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & given.keys()
    assert given["POSTERN_TARGET"] == "prod/developer" and given["AWS_REGION"] == REGION


@pytest.mark.parametrize("name", CLIENTS)
def test_exec_serve_by_default_chains(alice, name):
    if name in PLACES and PLACES[name] not in os.environ:
        pytest.skip(f"no {name} here")
    # The endpoint ends with its command, so the client is started inside.
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import clients;"
        "print(clients.CLIENTS[sys.argv[2]](dict(os.environ)))"
    )
    paths = {variable: os.environ[variable] for variable in PLACES.values() if variable in os.environ}
    folder = str(pathlib.Path(__file__).parent)
    assert exec_serve(alice, sys.executable, "-c", script, folder, name, **paths).strip() == DEVELOPER


def get(uri: str, token: str, **headers: str):
    request = urllib.request.Request(uri, headers={"Authorization": token} | headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def test_another_user_gets_nothing_with_the_right_token(alice):
    if os.geteuid() != 0:
        pytest.skip("a second user needs root")
    fetch = (
        "import sys, urllib.request, urllib.error\n"
        "request = urllib.request.Request(sys.argv[1], headers={'Authorization': sys.argv[2]})\n"
        "try: print(urllib.request.urlopen(request, timeout=20).status)\n"
        "except urllib.error.HTTPError as refusal: print(refusal.code, refusal.read().decode())\n"
    )
    stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    def ask(*before: str) -> str:
        command = [*before, "/usr/bin/python3", "-c", fetch, uri, token]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/").stdout

    with Serving(alice, "ecs", "prod/developer") as serving:
        given = serving.ready()["set"]
        uri, token = given["AWS_CONTAINER_CREDENTIALS_FULL_URI"], given["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        assert ask() == "200\n"
        refused = ask(*stranger)
        assert refused.startswith("403") and "nobody else" in refused, refused


def test_the_end_of_the_session_is_said_to_both(own_sandbox, tmp_path_factory):
    acme = Acme(own_sandbox, tmp_path_factory.mktemp("home"))
    postern = acme.postern
    postern("apply", "--yes")
    device = postern.enrol("alice")
    postern("login", "--mfa-code", device.code())
    with Serving(postern, "ecs", "--any") as serving:
        endpoint = serving.ready()["endpoint"]
        token = serving.ready()["set"]["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        status, given = get(f"{endpoint}/role/prod/developer", token)
        assert status == 200 and given["RoleArn"].endswith(":role/postern/developer")
        assert {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "AccountId"} <= given.keys()
        status, refused = get(f"{endpoint}/target/prod%2Fnobody", token)
        assert status == 503 and "`prod/nobody`" in refused["message"], refused
        postern("logout")
        status, refused = get(f"{endpoint}/role/prod/developer", token)
        assert (status, refused["code"]) == (503, "CredentialsUnavailable")
        assert "postern login" in refused["message"], refused
    assert "postern login" in serving.err


def test_a_bridge_is_reached_only_when_asked_for(alice):
    """A container on a bridge, as a network namespace with the address that every SDK takes."""
    refused = alice.run("serve", "ecs", "prod/developer", "--listen", "0.0.0.0:0")
    assert refused.returncode == 2 and "is not a loopback address" in refused.stderr
    refused = alice.run("serve", "imds", "prod/developer", "--listen", "0.0.0.0:0")
    assert refused.returncode == 2

    space, bridge, host = "postern-test", "postern-t0", "169.254.170.2"
    steps = [
        ["ip", "netns", "add", space],
        ["ip", "link", "add", bridge, "type", "veth", "peer", "name", "eth0", "netns", space],
        ["ip", "addr", "add", f"{host}/24", "dev", bridge],
        ["ip", "link", "set", bridge, "up"],
        ["ip", "-n", space, "addr", "add", "169.254.170.9/24", "dev", "eth0"],
        ["ip", "-n", space, "link", "set", "eth0", "up"],
        ["ip", "-n", space, "link", "set", "lo", "up"],
    ]
    try:
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, timeout=20)
            if done.returncode != 0:
                pytest.skip(f"no network namespaces here: {done.stderr.strip()}")
        arguments = ["ecs", "prod/developer", "--listen", f"{host}:0", "--dangerously-listen-beyond-loopback"]
        with Serving(alice, *arguments) as serving:
            # STS itself is out of reach in there; what is shown is that the SDK takes credentials from the endpoint.
            script = (
                "import boto3; c = boto3.session.Session().get_credentials();"
                "print(c.method, c.get_frozen_credentials().access_key)"
            )
            inside = ["ip", "netns", "exec", space, sys.executable, "-c", script]
            env = serving.surroundings()
            done = subprocess.run(inside, env=env, capture_output=True, text=True, timeout=60)
            assert done.stdout.startswith("container-role ASIA"), done.stderr
            wrong = env | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "x" * 43}
            done = subprocess.run(inside, env=wrong, capture_output=True, text=True, timeout=60)
            assert done.returncode != 0 and "ASIA" not in done.stdout
        assert "no loopback address" in serving.err
    finally:
        subprocess.run(["ip", "netns", "del", space], capture_output=True, timeout=20)
        subprocess.run(["ip", "link", "del", bridge], capture_output=True, timeout=20)


def test_the_endpoint_takes_a_port_and_leaves_it(alice):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Serving(alice, "ecs", "prod/developer", "--listen", f"127.0.0.1:{port}") as serving:
        assert serving.ready()["endpoint"] == f"http://127.0.0.1:{port}"
        again = alice.run("serve", "ecs", "prod/developer", "--listen", f"127.0.0.1:{port}")
        assert again.returncode == 1 and "--listen 127.0.0.1:0" in again.stderr
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 2)
