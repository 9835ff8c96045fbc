"""The complete flow by the field's own clients, unmodified: boto3 and the aws CLI, v1 and v2."""

import json
import os
import pathlib
import subprocess

import pytest

from bastion import Device, World, allow, mfa_trust, policy
from sandbox import REGION, Keys, Sandbox
from wire import refused


class Cli:
    """An aws CLI. Version 2.9 of Debian predates AWS_ENDPOINT_URL and wants --endpoint-url."""

    def __init__(self, version: int, endpoint: str, home: pathlib.Path):
        program = os.environ.get(f"POSTERN_AWS_V{version}")
        if not program:
            pytest.skip(f"no aws CLI v{version} here")
        self._version, self._program, self._endpoint, self._home = version, program, endpoint, home

    def _run(self, keys: Keys, *arguments: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "NO_PROXY": "127.0.0.1",
            "AWS_PAGER": "",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_OUTPUT": "json",
        } | keys.environment()
        command = [self._program, *arguments]
        if self._version == 1:
            environment["AWS_ENDPOINT_URL"] = self._endpoint
        else:
            command += ["--endpoint-url", self._endpoint]
        return subprocess.run(
            command, env=environment, cwd=self._home, capture_output=True, text=True, timeout=60
        )

    def __call__(self, keys: Keys, *arguments: str):
        """Runs it; its JSON, or its text where that is none."""
        done = self._run(keys, *arguments)
        assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.lstrip().startswith("{") else done.stdout

    def refusal(self, keys: Keys, *arguments: str) -> str:
        """Runs what must be refused; the CLI's own words for it."""
        done = self._run(keys, *arguments)
        assert done.returncode in (252, 254, 255), f"aws {' '.join(arguments)}: {done.returncode} {done.stdout}"
        return done.stderr.strip()


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def aws(request, sandbox, tmp_path) -> Cli:
    return Cli(request.param, sandbox.endpoint, tmp_path)


def test_the_cli_is_of_the_version_it_is_taken_for(aws, sandbox):
    text = subprocess.run([aws._program, "--version"], capture_output=True, text=True, timeout=60).stdout
    assert text.startswith(f"aws-cli/{aws._version}.")


def test_complete_flow_by_the_aws_cli(aws, sandbox: Sandbox, tmp_path):
    bastion, prod = sandbox.account(), sandbox.account()
    role = prod.arn("role/postern/developer")

    # The administrators: group, user, device, key; and the role in the other account.
    aws(bastion.root, "iam", "create-group", "--group-name", "developers", "--path", "/postern/")
    group_policy = policy(
        allow("sts:AssumeRole", role, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        allow("sts:GetSessionToken"),
    )
    (tmp_path / "group.json").write_text(group_policy)
    aws(
        *(bastion.root, "iam", "put-group-policy", "--group-name", "developers"),
        *("--policy-name", "postern", "--policy-document", "file://group.json"),
    )
    read = aws(bastion.root, "iam", "get-group-policy", "--group-name", "developers", "--policy-name", "postern")
    assert read["PolicyDocument"] == json.loads(group_policy)
    user = aws(
        *(bastion.root, "iam", "create-user", "--user-name", "alice", "--path", "/postern/"),
        *("--tags", "Key=postern:managed,Value=acme"),
    )["User"]
    assert user["Arn"] == bastion.arn("user/postern/alice") and user["UserId"].startswith("AIDA")
    aws(bastion.root, "iam", "add-user-to-group", "--group-name", "developers", "--user-name", "alice")
    made = aws(
        *(bastion.root, "iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "alice"),
        *("--outfile", "seed.txt", "--bootstrap-method", "Base32StringSeed"),
    )
    device = Device(made["VirtualMFADevice"]["SerialNumber"], (tmp_path / "seed.txt").read_text())
    one, two = device.enabling()
    aws(
        *(bastion.root, "iam", "enable-mfa-device", "--user-name", "alice", "--serial-number", device.serial),
        *("--authentication-code1", one, "--authentication-code2", two),
    )
    key = aws(bastion.root, "iam", "create-access-key", "--user-name", "alice")["AccessKey"]
    (tmp_path / "trust.json").write_text(mfa_trust(bastion.arn("root")))
    aws(
        *(prod.root, "iam", "create-role", "--role-name", "developer", "--path", "/postern/"),
        *("--assume-role-policy-document", "file://trust.json"),
    )
    aws(
        *(prod.root, "iam", "attach-role-policy", "--role-name", "developer"),
        *("--policy-arn", "arn:aws:iam::aws:policy/PowerUserAccess"),
    )

    # The person, and whoever stole the key: no MFA, no role.
    alice = Keys.of(key)
    assert aws(alice, "sts", "get-caller-identity")["Arn"] == user["Arn"]
    take = ("sts", "assume-role", "--role-arn", role, "--role-session-name", "alice")
    refused_role = (
        "An error occurred (AccessDenied) when calling the AssumeRole operation: "
        f"User: {user['Arn']} is not authorized to perform: sts:AssumeRole on resource: {role}"
    )
    assert refused_role in aws.refusal(alice, *take)
    plain = Keys.of(aws(alice, "sts", "get-session-token")["Credentials"])
    assert refused_role in aws.refusal(plain, *take)

    # With the code: session, role, work.
    code = device.code()
    with_code = ("sts", "get-session-token", "--serial-number", device.serial, "--token-code", code)
    session = Keys.of(aws(alice, *with_code)["Credentials"])
    replay = aws.refusal(alice, *with_code)
    assert "MultiFactorAuthentication failed with invalid MFA one time pass code" in replay
    work = Keys.of(aws(session, *take)["Credentials"])
    assert aws(work, "sts", "get-caller-identity")["Arn"] == f"arn:aws:sts::{prod.id}:assumed-role/developer/alice"
    (reservation,) = aws(work, "ec2", "describe-instances")["Reservations"]
    (instance,) = reservation["Instances"]
    assert instance["InstanceId"].startswith("i-") and reservation["OwnerId"] == prod.id
    regions = [region["RegionName"] for region in aws(work, "ec2", "describe-regions")["Regions"]]
    assert REGION in regions
    assert len(aws(work, "s3", "ls").strip().splitlines()) == 1

    # What the role may not.
    denied = aws.refusal(work, "iam", "create-user", "--user-name", "eve")
    assert "(AccessDenied) when calling the CreateUser operation: User: arn:aws:sts::" in denied
    assert "because no identity-based policy allows the iam:CreateUser action" in denied
    assert "(UnauthorizedOperation)" in aws.refusal(session, "ec2", "describe-instances")


def test_complete_flow_by_boto3(sandbox: Sandbox):
    w = World(sandbox)
    assert refused(w.client("sts", w.alice.keys).assume_role, RoleArn=w.developer, RoleSessionName="work").status == 403
    session = w.alice.mfa_session(DurationSeconds=900)
    work = w.assume(session)
    ec2 = w.client("ec2", work)
    (reservation,) = ec2.describe_instances()["Reservations"]
    (instance,) = reservation["Instances"]
    assert reservation["OwnerId"] == w.prod.id and instance["State"]["Name"] == "running"
    regions = {region["RegionName"] for region in ec2.describe_regions()["Regions"]}
    assert {REGION, "us-east-1"} <= regions
    (bucket,) = w.client("s3", work).list_buckets()["Buckets"]
    other = World(sandbox)
    other_work = other.assume(other.alice.mfa_session())
    (other_bucket,) = other.client("s3", other_work).list_buckets()["Buckets"]
    assert bucket["Name"] != other_bucket["Name"], "each account has a bucket of its own"


def test_the_sandbox_is_ready_at_once(own_sandbox):
    # The bound of 100 ms is the benchmark's; this machine may be busy with other tests.
    assert own_sandbox.seconds_to_ready < 5
    assert own_sandbox.ready_file.stat().st_mode & 0o777 == 0o600
    assert own_sandbox.endpoint in own_sandbox.log.read_text()
    assert str(own_sandbox.ready_file) in own_sandbox.log.read_text()


def test_the_admin_api_wants_its_token(own_sandbox):
    import urllib.error

    for token in ("wrong", own_sandbox.ready["admin"]["token"][:-1] + "_"):
        with pytest.raises(urllib.error.HTTPError) as refused_with:
            own_sandbox.admin("POST", "/accounts", {}, token=token)
        assert refused_with.value.code in (401, 403)


def test_accounts_are_made_once_and_found_again(own_sandbox):
    made = own_sandbox.account("prod", "222222222222")
    assert (made.id, made.name) == ("222222222222", "prod")
    again = own_sandbox.account(id="222222222222")
    assert again.root == made.root


def test_reset_and_state(own_sandbox):
    world = World(own_sandbox)
    session = world.alice.plain_session()
    state = own_sandbox.admin("GET", "/state")
    world.bastion.iam.delete_group_policy(GroupName="developers", PolicyName="postern")
    own_sandbox.admin("PUT", "/state", state)
    assert world.bastion.iam.list_group_policies(GroupName="developers")["PolicyNames"] == ["postern"]
    assert world.client("sts", session).get_caller_identity()["Arn"] == world.alice.arn
    own_sandbox.admin("POST", "/reset")
    assert refused(world.client("sts", world.alice.keys).get_caller_identity).code == "InvalidClientTokenId"


def test_the_clock_goes_forward_only(own_sandbox):
    import urllib.error

    before = own_sandbox.admin("GET", "/clock")
    assert isinstance(before, dict) and len(before) >= 2
    with pytest.raises(urllib.error.HTTPError) as refused_with:
        own_sandbox.advance(-1)
    assert 400 <= refused_with.value.code < 500
