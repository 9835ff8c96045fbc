"""A `postern sandbox serve` process, its admin API, and accounts inside it."""

import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

import boto3
from botocore.config import Config

REGION = "eu-central-1"
_SESSION = boto3.session.Session()
_CONFIG = Config(
    parameter_validation=False,  # the server's word is what is tested
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=120,
    ignore_configured_endpoint_urls=True,
)


def postern_binary() -> str:
    """The binary under test: POSTERN_BIN, else the debug build of this checkout."""
    default = pathlib.Path(__file__).parents[2] / "target" / "debug" / "postern"
    return os.environ.get("POSTERN_BIN", str(default))


@dataclass(frozen=True)
class Keys:
    """A credential, long-term or temporary."""

    id: str
    secret: str
    token: str | None = None

    @classmethod
    def of(cls, answer: dict) -> "Keys":
        """From the Credentials of STS, an IAM AccessKey, or the ready file's root."""
        if "access_key_id" in answer:
            return cls(answer["access_key_id"], answer["secret_access_key"])
        return cls(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"))

    def environment(self) -> dict[str, str]:
        """As the environment variables that every client reads."""
        names = {"AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": self.secret}
        return names | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


def client(endpoint: str, service: str, keys: Keys, region: str = REGION):
    """An unmodified boto3 client that talks to `endpoint`."""
    return _SESSION.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=keys.id,
        aws_secret_access_key=keys.secret,
        aws_session_token=keys.token,
        config=_CONFIG,
    )


class Account:
    """An account of the sandbox, with boto3 clients of its root user."""

    def __init__(self, endpoint: str, described: dict):
        self.endpoint = endpoint
        self.id: str = described["id"]
        self.name: str = described["name"]
        self.root = Keys.of(described["root"])
        self.iam = client(endpoint, "iam", self.root)

    def arn(self, resource: str) -> str:
        return f"arn:aws:iam::{self.id}:{resource}"


class Sandbox:
    """The process; use as a context manager."""

    def __init__(self, folder: pathlib.Path, *arguments: str):
        self.ready_file = folder / "ready.json"
        self.log = folder / "serve.log"
        self._arguments = arguments
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Sandbox":
        command = [postern_binary(), "sandbox", "serve", "--listen", "127.0.0.1:0"]
        command += ["--ready-file", str(self.ready_file), *self._arguments]
        begun = time.monotonic()
        with self.log.open("w") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self.ready_file.exists() or not self.ready_file.read_text().strip():
            if self._process.poll() is not None or time.monotonic() - begun > 20:
                raise RuntimeError(f"the sandbox did not start: {self.log.read_text()}")
            time.sleep(0.005)
        self.seconds_to_ready = time.monotonic() - begun
        self.ready = json.loads(self.ready_file.read_text())
        self.endpoint: str = self.ready["endpoint"]
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def admin(self, method: str, path: str, body: dict | None = None, token: str | None = None):
        """One call of the admin API; its JSON answer, or None where it has none."""
        request = urllib.request.Request(self.ready["admin"]["url"] + path, method=method)
        request.add_header("Authorization", f"Bearer {token or self.ready['admin']['token']}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def account(self, name: str | None = None, id: str | None = None) -> Account:
        """A new account, or the one with this id."""
        body = {key: value for key, value in (("name", name), ("id", id)) if value is not None}
        return Account(self.endpoint, self.admin("POST", "/accounts", body))

    def advance(self, seconds: int):
        """Moves the sandbox's clock; signatures and TOTP codes stay with the real one."""
        self.admin("POST", "/clock", {"advance_seconds": seconds})
