"""`postern plan`, `apply` and the daily flow, seen by boto3 and the aws CLI."""

import json
import os
import socket
import subprocess
import sys
import time

import botocore.configloader
import pytest

from bastion import Device, allow, policy
from estate import EXPECTED, read_back
from postern import ACCOUNTS, EXAMPLE, Postern
from sandbox import REGION, Account, Keys, Sandbox, client
from wire import refused

READS = ("Get", "List", "Describe", "Generate", "Simulate")


class Acme:
    """The example's three accounts in a sandbox, and an administrator's machine."""

    def __init__(self, sandbox: Sandbox, home):
        self.sandbox = sandbox
        self.accounts: dict[str, Account] = {name: sandbox.account(name, id) for name, id in ACCOUNTS.items()}
        self.postern = Postern(home, sandbox.endpoint)
        self.postern.administer({name: account.root for name, account in self.accounts.items()})

    def read_back(self) -> dict:
        return {name: read_back(account.iam) for name, account in self.accounts.items()}

    def writes(self) -> list[str]:
        """The calls made so far that change something, and were let through."""
        events = self.sandbox.admin("GET", "/events")
        records = events["Records"] if isinstance(events, dict) else events
        return [
            event["eventName"]
            for event in records
            if not event["eventName"].startswith(READS) and not event.get("errorCode")
        ]


@pytest.fixture
def acme(own_sandbox, tmp_path_factory) -> Acme:
    return Acme(own_sandbox, tmp_path_factory.mktemp("home"))


def test_apply_makes_exactly_the_example(acme):
    postern = acme.postern
    assert postern.run("plan", "--detailed-exitcode").returncode == 2
    assert acme.writes() == [], "plan changes nothing"
    postern("apply", "--yes")
    actual = acme.read_back()
    for name, expected in EXPECTED.items():
        for kind, objects in expected.items():
            assert actual[name][kind] == objects, f"{kind} in {name}"
    assert acme.accounts["bastion"].iam.get_account_password_policy()["PasswordPolicy"]
    before = acme.writes()
    assert "No changes" in postern("apply", "--yes")
    assert acme.writes() == before, "a second apply changes nothing"
    assert postern.run("plan", "--detailed-exitcode").returncode == 0


def test_apply_mends_what_was_changed_by_hand(acme):
    acme.postern("apply", "--yes")
    wanted = acme.read_back()
    prod, bastion = acme.accounts["prod"].iam, acme.accounts["bastion"].iam
    prod.delete_role_permissions_boundary(RoleName="developer")
    prod.put_role_policy(RoleName="readonly", PolicyName="more", PolicyDocument=policy(allow("iam:*")))
    bastion.put_group_policy(GroupName="auditors", PolicyName="postern", PolicyDocument=policy(allow("sts:*")))
    bastion.add_user_to_group(GroupName="administrators", UserName="bob")
    assert acme.postern.run("plan", "--detailed-exitcode").returncode == 2
    acme.postern("apply", "--yes")
    assert acme.read_back() == wanted


def test_a_weakened_group_policy_is_seen_by_plan(acme):
    acme.postern("apply", "--yes")
    bastion = acme.accounts["bastion"].iam
    document = bastion.get_group_policy(GroupName="developers", PolicyName="postern")["PolicyDocument"]
    del document["Statement"][0]["Condition"]
    bastion.put_group_policy(GroupName="developers", PolicyName="postern", PolicyDocument=json.dumps(document))
    done = acme.postern.run("plan", "--detailed-exitcode")
    assert done.returncode == 2 and "developers" in done.stdout and "MultiFactorAuthPresent" in done.stdout


def test_a_bad_estate_is_refused_before_anything_is_called(acme, tmp_path):
    text = EXAMPLE.read_text()
    broken = tmp_path / "broken.toml"
    broken.write_text(text.replace('id = "222222222222"', 'id = "2222"').replace("[groups.auditors]", "[grops.auditors]"))
    done = acme.postern.run("plan", "--estate", str(broken))
    assert done.returncode == 2
    told = done.stdout + done.stderr
    assert "broken.toml:" in told and "2222" in told and "grops" in told, "all errors at once"
    above = tmp_path / "above.toml"
    above.write_text(text.replace('policies = ["PowerUserAccess"]', 'policies = ["AdministratorAccess"]\nboundary = "none"\nreason = "to be refused"'))
    done = acme.postern.run("plan", "--estate", str(above))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "developer" in done.stdout + done.stderr
    events = acme.sandbox.admin("GET", "/events")
    assert (events["Records"] if isinstance(events, dict) else events) == [], "nothing was called"


def test_a_dead_endpoint_is_named(acme):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = acme.postern.run("plan", environment={"AWS_ENDPOINT_URL": dead})
    assert done.returncode == 1
    assert "the connection was refused" in done.stderr and "AWS_ENDPOINT_URL" in done.stderr


def test_who_reaches_what(acme):
    """What must then hold, of the design's example: every person against every role."""
    acme.postern("apply", "--yes")
    bastion = acme.accounts["bastion"]
    reach = {
        "alice": {"dev/developer", "prod/developer", "dev/readonly", "prod/readonly"},
        "bob": {"prod/readonly"},
        "carol": {"dev/developer", "prod/developer", "dev/readonly", "prod/readonly"}
        | {f"{account}/postern-admin" for account in ACCOUNTS},
    }
    targets = [f"{account}/{role}" for account in ACCOUNTS for role in EXPECTED[account]["roles"]]
    for name, may in reach.items():
        keys = Keys.of(bastion.iam.create_access_key(UserName=name)["AccessKey"])
        device = _device(bastion, name)
        sts = client(bastion.endpoint, "sts", keys)
        plain = Keys.of(sts.get_session_token()["Credentials"])
        session = Keys.of(sts.get_session_token(SerialNumber=device.serial, TokenCode=device.code())["Credentials"])
        reached = {}
        for kind, used in (("key", keys), ("plain", plain), ("mfa", session)):
            reached[kind] = {target for target in targets if _assume(bastion.endpoint, used, target)}
        assert reached == {"key": set(), "plain": set(), "mfa": may}, name
        # Beside assuming roles the bastion's people can do nothing at all.
        assert refused(client(bastion.endpoint, "iam", session).list_users).code == "AccessDenied"
        if name == "alice":
            work = _assume(bastion.endpoint, session, "prod/developer")
            client(bastion.endpoint, "ec2", work).describe_instances()
            iam = client(bastion.endpoint, "iam", work)
            assert iam.list_roles()["Roles"], "PowerUserAccess may list roles"
            assert refused(iam.create_user, UserName="eve").code == "AccessDenied"
            assert not any(_assume(bastion.endpoint, work, target) for target in targets)
        if name == "carol":
            acme.sandbox.advance(3601)
            assert {t for t in targets if _assume(bastion.endpoint, session, t)} == reach["alice"], "a code too old"


def _device(bastion: Account, name: str):
    made = bastion.iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    device = Device(made["SerialNumber"], made["Base32StringSeed"].decode())
    one, two = device.enabling()
    bastion.iam.enable_mfa_device(
        UserName=name, SerialNumber=device.serial, AuthenticationCode1=one, AuthenticationCode2=two
    )
    return device


def _assume(endpoint: str, keys: Keys, target: str) -> Keys | None:
    account, role = target.split("/")
    sts = client(endpoint, "sts", keys)
    arn = f"arn:aws:iam::{ACCOUNTS[account]}:role/postern/{role}"
    try:
        return Keys.of(sts.assume_role(RoleArn=arn, RoleSessionName="work")["Credentials"])
    except sts.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
        return None


# --- The same against an emulator that nobody here wrote ---


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    """moto's server with AWS's managed policies, and its endpoint."""
    tmp_path = tmp_path_factory.mktemp("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = os.path.join(os.path.dirname(sys.executable), "moto_server")
    with (tmp_path / "moto.log").open("w") as log:
        process = subprocess.Popen(
            [program, "-p", str(port)],
            env=os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
            stdout=log,
            stderr=log,
        )
    endpoint = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
            break
        except OSError:
            if process.poll() is not None:
                raise RuntimeError((tmp_path / "moto.log").read_text()) from None
            time.sleep(0.1)
    yield endpoint
    process.terminate()
    process.wait(20)


def test_apply_against_moto(moto, tmp_path_factory):
    anybody = client(moto, "sts", Keys("AKIAIOSFODNN7EXAMPLE", "secret"))
    # moto gives credentials of any account to whoever assumes any role in it.
    credentials = {
        name: Keys.of(
            anybody.assume_role(RoleArn=f"arn:aws:iam::{id}:role/admin", RoleSessionName="first")["Credentials"]
        )
        for name, id in ACCOUNTS.items()
    }
    postern = Postern(tmp_path_factory.mktemp("home"), moto)
    postern.administer(credentials)
    postern("apply", "--yes")
    for name, keys in credentials.items():
        actual = read_back(client(moto, "iam", keys))
        for kind, objects in EXPECTED[name].items():
            assert actual[kind] == objects, f"{kind} in {name}"
    assert "No changes" in postern("apply", "--yes")


# --- The daily flow ---


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory):
    """The estate applied, alice enrolled and logged in; her machine has no administrator's keys left."""
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        acme = Acme(sandbox, tmp_path_factory.mktemp("home"))
        acme.postern("apply", "--yes")
        acme.alice = acme.postern.enrol("alice")
        (acme.postern.home / ".aws" / "credentials").unlink()
        acme.postern("login", "--mfa-code", acme.alice.code())
        yield acme
        acme.postern.run("logout")


@pytest.mark.xdist_group("enrolled")
def test_enrolment_leaves_one_device_and_one_key(enrolled):
    iam = enrolled.accounts["bastion"].iam
    (device,) = iam.list_mfa_devices(UserName="alice")["MFADevices"]
    assert device["SerialNumber"] == enrolled.alice.serial
    (key,) = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    assert key["Status"] == "Active"
    kept = [path for path in enrolled.postern.home.rglob("*") if path.is_file()]
    assert any(key["AccessKeyId"].encode() not in path.read_bytes() for path in kept)
    assert not any(enrolled.alice.seed.encode() in path.read_bytes() for path in kept), "the seed is shown once"


def works_for_boto3_and_the_aws_cli(postern: Postern, profile: str, arn: str):
    """The profile gives this role to boto3 and to the aws CLI in both versions."""
    # No passphrase and no terminal from here on: once logged in, neither is needed.
    environment = {key: value for key, value in postern.environment.items() if key != "POSTERN_PASSPHRASE"}
    environment["AWS_CONFIG_FILE"] = str(postern.home / ".aws" / "config")
    script = (
        "import boto3, sys\n"
        "session = boto3.session.Session(profile_name=sys.argv[1])\n"
        "print(session.client('sts').get_caller_identity()['Arn'])\n"
        "print(len(session.client('ec2').describe_instances()['Reservations']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, profile], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == [arn, "1"], done.stderr
    for version, more in (("1", []), ("2", ["--endpoint-url", postern.endpoint])):
        program = os.environ.get(f"POSTERN_AWS_V{version}")
        if program is None:
            pytest.skip(f"no aws CLI v{version} here")
        done = subprocess.run(
            [program, "--profile", profile, "sts", "get-caller-identity", "--output", "json", *more],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["Arn"] == arn


@pytest.mark.xdist_group("enrolled")
def test_credential_process_serves_boto3_and_the_aws_cli(enrolled):
    enrolled.postern.profile("prod", "prod/developer")
    arn = f"arn:aws:sts::{ACCOUNTS['prod']}:assumed-role/developer/alice"
    works_for_boto3_and_the_aws_cli(enrolled.postern, "prod", arn)


@pytest.mark.xdist_group("enrolled")
def test_synced_profiles_work_for_boto3_and_the_aws_cli(enrolled):
    postern = enrolled.postern
    config = postern.home / ".aws" / "config"
    before = config.read_bytes() if config.exists() else b""
    postern("profiles", "sync")
    read = botocore.configloader.load_config(str(config))["profiles"]
    synced = {name: profile for name, profile in read.items() if "--estate" in profile.get("credential_process", "")}
    assert synced.keys() == {"dev-developer", "dev-readonly", "prod-developer", "prod-readonly"}
    assert {profile["region"] for profile in synced.values()} == {"eu-central-1"}
    arn = f"arn:aws:sts::{ACCOUNTS['dev']}:assumed-role/developer/alice"
    works_for_boto3_and_the_aws_cli(postern, "dev-developer", arn)
    postern("profiles", "sync", "--remove")
    assert config.read_bytes().rstrip() == before.rstrip()


@pytest.mark.xdist_group("enrolled")
def test_credential_process_speaks_the_format(enrolled):
    told = json.loads(enrolled.postern("credential-process", "dev/readonly"))
    assert told["Version"] == 1 and told["AccessKeyId"].startswith("ASIA")
    assert told.keys() >= {"SecretAccessKey", "SessionToken", "Expiration"}
    # One session serves every role, and nothing is minted anew while it lives.
    assert json.loads(enrolled.postern("credential-process", "dev/readonly")) == told
    other = json.loads(enrolled.postern("credential-process", "prod/developer"))
    assert other["AccessKeyId"] != told["AccessKeyId"]


@pytest.mark.xdist_group("enrolled")
def test_exec_hands_the_role_to_its_child_and_ends_as_it_does(enrolled):
    postern = enrolled.postern
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    told = postern("exec", "prod/developer", "--", sys.executable, "-c", script)
    assert told.strip().endswith(":assumed-role/developer/alice")
    assert postern.run("exec", "prod/developer", "--", "sh", "-c", "exit 7").returncode == 7
    assert "alice" in postern("status")


@pytest.mark.xdist_group("enrolled")
def test_an_exported_profile_serves_tools_that_only_read_files(enrolled):
    postern = enrolled.postern
    postern("export", "dev/readonly", "--profile", "files")
    path = postern.home / ".aws" / "credentials"
    script = (
        "import boto3\n"
        "session = boto3.session.Session(profile_name='files')\n"
        "print(session.client('sts').get_caller_identity()['Arn'], session.region_name)\n"
    )
    environment = postern.environment | {"AWS_CONFIG_FILE": str(postern.home / "none")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    arn = f"arn:aws:sts::{ACCOUNTS['dev']}:assumed-role/readonly/alice"
    assert done.stdout.split() == [arn, REGION], done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    postern("export", "--remove", "files")
    assert path.read_text() == ""
    path.unlink()


@pytest.mark.xdist_group("enrolled")
@pytest.mark.parametrize(
    "flag, describe, terminate",
    [
        ((), "allowed", "allowed"),
        (("--read-only",), "allowed", "refused"),
        (("--only", "ec2:TerminateInstances"), "refused", "allowed"),
    ],
)
def test_a_narrowed_session_does_what_its_table_says(enrolled, flag, describe, terminate):
    done = enrolled.postern.run(
        "env", "prod/developer", "--format", "json", "--reason", "INC-7", "--show-effective", *flag
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stderr.splitlines()]
    table = {row[2]: row[1] for row in rows if len(row) == 4}
    assert (table["ec2:DescribeInstances"], table["ec2:TerminateInstances"]) == (describe, terminate)
    variables = json.loads(done.stdout)
    script = (
        "import boto3\n"
        "from botocore.exceptions import ClientError\n"
        "ec2 = boto3.client('ec2')\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])\n"
        "for call in (ec2.describe_instances, lambda: ec2.terminate_instances(InstanceIds=['i-1'])):\n"
        "    try:\n"
        "        call()\n"
        "        print('allowed')\n"
        "    except ClientError as error:\n"
        "        print('refused' if error.response['Error']['Code'] == 'UnauthorizedOperation' else 'allowed')\n"
    )
    environment = enrolled.postern.environment | variables
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    arn = f"arn:aws:sts::{ACCOUNTS['prod']}:assumed-role/developer/alice@INC-7"
    assert done.stdout.split() == [arn, describe, terminate], done.stderr


@pytest.mark.xdist_group("enrolled")
def test_sessions_are_never_in_clear_on_disk(enrolled):
    postern = enrolled.postern
    told = json.loads(postern("credential-process", "prod/developer"))
    for path in postern.home.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            for secret in (told["SecretAccessKey"], told["SessionToken"]):
                assert secret.encode() not in text, path
            assert path.stat().st_mode & 0o077 == 0 or path.parent.name == ".aws", path


@pytest.mark.xdist_group("enrolled")
def test_without_a_session_there_is_a_word_and_no_credential(enrolled):
    # The last of its group: it logs out.
    postern = enrolled.postern
    postern("logout")
    done = postern.run("credential-process", "prod/developer")
    assert done.returncode == 1 and "login" in done.stderr and done.stdout == ""
    done = postern.run("exec", "prod/nonsense", "--", "true")
    assert done.returncode == 2 and done.stdout == ""
