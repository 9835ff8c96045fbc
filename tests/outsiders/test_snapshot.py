"""docs/snapshot.md: what the `aws` CLI prints, read by postern as if it had called AWS itself."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from bastion import allow, new_person, policy
from postern import ACCOUNTS, Postern
from sandbox import REGION, client

DOCS = pathlib.Path(__file__).parents[2] / "docs"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def path(request, own_sandbox, tmp_path) -> str:
    """A PATH on which `aws` is this version of the CLI, and calls the sandbox."""
    program = os.environ.get(f"POSTERN_AWS_V{request.param}")
    if not program:
        pytest.skip(f"no aws CLI v{request.param} here")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "aws").write_text(f'#!/bin/sh\nexec "{program}" --endpoint-url {own_sandbox.endpoint} "$@"\n')
    (folder / "aws").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_snapshot_by_the_aws_cli_is_what_postern_reads_itself(path, own_sandbox, tmp_path):
    prod, bastion = (own_sandbox.account(name, ACCOUNTS[name]) for name in ("prod", "bastion"))
    alice, robot = new_person(prod, "alice"), new_person(prod, "ci-robot", mfa=False)
    prod.iam.create_login_profile(UserName="alice", Password="Correct-Horse-9")
    prod.iam.attach_user_policy(UserName="alice", PolicyArn=ADMIN)
    document = policy(allow("s3:*"), allow("ec2:Describe*"))
    prod.iam.put_user_policy(UserName="ci-robot", PolicyName="own", PolicyDocument=document)
    client(prod.endpoint, "iam", alice.keys).list_users()
    client(prod.endpoint, "s3", robot.keys).list_buckets()
    client(prod.endpoint, "ec2", robot.keys).describe_instances()

    (script,) = re.findall(r"```sh\n(.*?)```", (DOCS / "snapshot.md").read_text(), re.S)
    settings = {"PATH": path, "HOME": str(tmp_path), "AWS_DEFAULT_REGION": REGION, "LANG": "C.UTF-8"}
    made = subprocess.run(
        ["sh", "-c", script],
        env=settings | prod.root.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert made.returncode == 0, made.stderr

    home = tmp_path / "home"
    home.mkdir()
    postern = Postern(home, own_sandbox.endpoint)
    postern.administer({"prod": prod.root, "bastion": bastion.root})

    def plan(*arguments: str) -> dict:
        return json.loads(postern("migrate", "plan", "prod", "--json", "--force", *arguments))

    snapshot, live = plan("--snapshot", str(tmp_path / "snapshot")), plan("--by-profile")
    assert {user["name"] for user in live["users"]} == {"alice", "ci-robot"}
    assert snapshot["users"] == live["users"]
    assert snapshot["gaps"] == live["gaps"] == []

    # A file alone is enough for the policies, and says what is not known.
    details = next((tmp_path / "snapshot").rglob("authorization-details.json"))
    alone = plan("--snapshot", str(details))
    assert any("credential-report.csv is missing" in gap for gap in alone["gaps"])
