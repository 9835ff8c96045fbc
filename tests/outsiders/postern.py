"""The `postern` command as a person runs it: its own home, its own key store, nothing inherited."""

import os
import pathlib
import re
import subprocess

from bastion import Device
from sandbox import REGION, Keys, postern_binary

EXAMPLE = pathlib.Path(__file__).with_name("acme.toml")
# The estate's accounts, by the names and profiles of acme.toml.
ACCOUNTS = {"bastion": "111111111111", "prod": "222222222222", "dev": "333333333333"}


class Postern:
    """One person's machine: a home with AWS profiles, and the binary."""

    def __init__(self, home: pathlib.Path, endpoint: str, estate: pathlib.Path = EXAMPLE):
        self.home, self.endpoint = home, endpoint
        runtime = home / "run"
        runtime.mkdir(mode=0o700)
        (home / ".aws").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "POSTERN_ESTATE": str(estate),
            "POSTERN_STORE": "file",
            "POSTERN_PASSPHRASE": "correct horse battery staple",
        }

    def administer(self, credentials: dict[str, Keys]):
        """Writes the administrators' profiles of the first apply, acme-NAME for each account."""
        lines = []
        for name, keys in credentials.items():
            lines += [f"[acme-{name}]", f"aws_access_key_id = {keys.id}", f"aws_secret_access_key = {keys.secret}"]
            lines += [f"aws_session_token = {keys.token}"] if keys.token else []
        path = self.home / ".aws" / "credentials"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)

    def run(self, *arguments: str, environment: dict | None = None, stdin: str = "") -> subprocess.CompletedProcess:
        return subprocess.run(
            [postern_binary(), *arguments],
            env=self.environment | (environment or {}),
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def __call__(self, *arguments: str, **more) -> str:
        """Runs it, and it must end well; what it printed."""
        done = self.run(*arguments, **more)
        assert done.returncode == 0, f"postern {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def enrol(self, person: str) -> Device:
        """`people enrol`, with an authenticator that takes the seed from the screen."""
        process = subprocess.Popen(
            [postern_binary(), "people", "enrol", person],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        device, shown = None, []
        for line in process.stdout:
            shown.append(line)
            seed = re.fullmatch(r"\s*((?:[A-Z2-7]{4} ?){8,16})\s*", line)
            if seed and device is None:
                device = Device(f"arn:aws:iam::{ACCOUNTS['bastion']}:mfa/{person}", seed[1].replace(" ", ""))
                process.stdin.write("".join(f"{code}\n" for code in device.enabling()))
                process.stdin.flush()
        assert process.wait(60) == 0, "".join(shown)
        return device

    def profile(self, name: str, target: str):
        """An AWS profile that asks postern for credentials."""
        with (self.home / ".aws" / "config").open("a") as config:
            command = f"{postern_binary()} credential-process {target}"
            config.write(f"[profile {name}]\ncredential_process = {command}\nregion = {REGION}\n")
