"""The field's own clients, each left to its default chain: what they are given is an environment."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from sandbox import REGION

# A client that is given nothing but its environment.
BOTO3 = (
    "import boto3, json;"
    "s = boto3.session.Session();"
    "c = s.get_credentials();"
    "print(json.dumps({'method': c.method, 'arn': s.client('sts').get_caller_identity()['Arn']}))"
)
# How botocore names what postern feeds: a process, and the two endpoints.
METHODS = ("custom-process", "container-role", "iam-role")


def _said(command: list, env: dict) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def boto3_client(env: dict) -> str:
    found = json.loads(_said([sys.executable, "-c", BOTO3], env))
    assert found["method"] in METHODS, found
    return found["arn"]


def aws_cli(version: int):
    def run(env: dict) -> str:
        program = os.environ.get(f"POSTERN_AWS_V{version}")
        if not program:
            pytest.skip(f"no aws CLI v{version} here")
        command = [program, "sts", "get-caller-identity", "--output", "json", "--region", REGION]
        return json.loads(_said([*command, "--endpoint-url", env["AWS_ENDPOINT_URL"]], env))["Arn"]

    return run


def javascript(env: dict) -> str:
    """The JavaScript SDK v3 with its default chain."""
    folder = os.environ.get("POSTERN_AWS_SDK_JS")
    if not folder:
        pytest.skip("no JavaScript SDK here")
    script = (
        "import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';"
        "const sts = new STSClient({});"
        "console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);"
    )
    # Modules are looked for where the script lies.
    path = pathlib.Path(folder) / "who-am-i.mjs"
    if not path.exists():
        path.write_text(script)
    return _said(["node", str(path)], env).strip()


CLIENTS = {"boto3": boto3_client, "aws-v1": aws_cli(1), "aws-v2": aws_cli(2), "javascript": javascript}
# What tells a client started inside another program where the others are.
PLACES = {"aws-v1": "POSTERN_AWS_V1", "aws-v2": "POSTERN_AWS_V2", "javascript": "POSTERN_AWS_SDK_JS"}
