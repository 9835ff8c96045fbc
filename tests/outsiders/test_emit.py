"""`postern emit`: what others make of the templates and modules is what `apply` makes."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from deploy import TERRAFORM, apply_module, create_stack, evaluated
from estate import EXPECTED, read_back
from postern import ACCOUNTS, EXAMPLE
from sandbox import REGION, Keys, client
from test_apply import acme, moto  # noqa: F401: fixtures

# The example with everything that an emitter writes in a way of its own.
MORE = EXAMPLE.read_text().replace(
    'policies = ["PowerUserAccess"]',
    'policies = ["PowerUserAccess", "job-function/ViewOnlyAccess", { file = "own.json" }]\n'
    'may_assume = ["arn:aws:iam::444444444444:role/deploy"]\ntags = { team = "core" }',
).replace('profile = "acme-bastion"', 'profile = "acme-bastion"\nalias = "acme-sign-in"\nsource_identity = true')
OWN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::a/$${aws:username}", "arn:aws:s3:::%{x}"],
            "Condition": {"Bool": {"aws:SecureTransport": True}, "NumericLessThan": {"s3:max-keys": 10}},
        }
    ],
}


def emit(world, kind: str, estate: str | None = None) -> tuple[dict[str, dict], str]:
    """What is emitted for each account, and what is said."""
    home = world.postern.home
    if estate is not None:
        (home / "own.json").write_text(json.dumps(OWN))
        (home / "postern.toml").write_text(estate)
        world.postern.environment["POSTERN_ESTATE"] = str(home / "postern.toml")
    done = world.postern.run("emit", kind, "--out", kind)
    assert done.returncode == 0, done.stderr
    files = {"cloudformation": "{}.template.json", "terraform": "{}/postern.tf.json"}[kind]
    return {name: json.loads((home / kind / files.format(name)).read_text()) for name in ACCOUNTS}, done.stderr


def carry_out_what_is_left(world, said: str):
    """Runs the commands for what the format cannot set, but for enrolment, as they were printed."""
    pattern = r"not in the \w+: (?P<part>.*) \((?P<accounts>.*)\)\n  (?P<command>aws .*)"
    ran = 0
    for found in re.finditer(pattern, said):
        for name in found["accounts"].split(", "):
            root = world.accounts[name].root
            command = shlex.split(found["command"].replace("ACCOUNT_ID", ACCOUNTS[name]))
            program = os.path.join(os.path.dirname(sys.executable), "aws")
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(world.postern.home),
                "NO_PROXY": "127.0.0.1",
                "AWS_ACCESS_KEY_ID": root.id,
                "AWS_SECRET_ACCESS_KEY": root.secret,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ENDPOINT_URL": world.postern.endpoint,
            }
            done = subprocess.run([program, *command[1:]], env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{command}: {done.stderr}"
            ran += 1
    return ran


def read_all(world) -> dict:
    everything = world.read_back()
    for name, account in world.accounts.items():
        everything[name]["alias"] = account.iam.list_account_aliases()["AccountAliases"]
    bastion = world.accounts["bastion"].iam
    passwords = bastion.get_account_password_policy()["PasswordPolicy"]
    # Off, said or not said.
    everything["passwords"] = {key: value for key, value in passwords.items() if value is not False}
    return everything


@pytest.fixture
def applied(own_sandbox, tmp_path_factory):
    """What `apply` makes of the estate with everything, in a sandbox that is reset afterwards."""

    def of(world, estate):
        emit(world, "cloudformation", estate)
        world.postern("apply", "--yes")
        everything = read_all(world)
        assert everything["prod"]["roles"]["developer"]["inline"]["own"]
        return everything

    return of


def test_templates_pass_cfn_lint(acme):  # noqa: F811
    for estate in (None, MORE):
        emit(acme, "cloudformation", estate)
        templates = sorted((acme.postern.home / "cloudformation").glob("*.template.json"))
        assert len(templates) == 3
        program = os.path.join(os.path.dirname(sys.executable), "cfn-lint")
        # Informational findings count, too.
        command = [program, "--include-checks", "I", "--regions", REGION, "--", *map(str, templates)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_example_deployed_from_templates_is_what_apply_makes(acme):  # noqa: F811
    templates, said = emit(acme, "cloudformation")
    # The bastion first; nothing in it needs the other accounts.
    for name, id in ACCOUNTS.items():
        create_stack(templates[name], acme.accounts[name].iam, id)
    assert carry_out_what_is_left(acme, said) == 3, "a password policy, and the tags of two boundaries"
    actual = acme.read_back()
    for name, expected in EXPECTED.items():
        for kind, objects in expected.items():
            assert actual[name][kind] == objects, f"{kind} in {name}"
    assert acme.postern.run("plan", "--detailed-exitcode").returncode == 0


def test_a_template_is_for_its_own_account_only(acme):  # noqa: F811
    templates, _ = emit(acme, "cloudformation")
    with pytest.raises(PermissionError):
        create_stack(templates["prod"], acme.accounts["dev"].iam, ACCOUNTS["dev"])


# Terraform cannot be installed from a package registry. Where it is not, the readers in postern-estate's own tests
# are all that evaluates its modules.
@pytest.mark.parametrize("kind", ["cloudformation", "terraform"] if TERRAFORM else ["cloudformation"])
def test_everything_deployed_is_what_apply_makes(kind, acme, applied, tmp_path_factory):  # noqa: F811
    wanted = applied(acme, MORE)
    acme.sandbox.admin("POST", "/reset")
    acme = type(acme)(acme.sandbox, tmp_path_factory.mktemp("second"))
    emitted, said = emit(acme, kind, MORE)
    for name, id in ACCOUNTS.items():
        iam = acme.accounts[name].iam
        if kind == "cloudformation":
            create_stack(emitted[name], iam, id)
        else:
            apply_module(evaluated(emitted[name], id, acme.postern.home / f"evaluated-{name}"), iam)
    carry_out_what_is_left(acme, said)
    assert read_all(acme) == wanted
    assert acme.postern.run("plan", "--detailed-exitcode").returncode == 0


def test_moto_deploys_the_templates(moto, acme):  # noqa: F811
    """moto's own CloudFormation. It makes no groups, memberships, attachments and no users' tags."""
    templates, _ = emit(acme, "cloudformation")
    anybody = client(moto, "sts", Keys("AKIAIOSFODNN7EXAMPLE", "secret"))
    for name, id in ACCOUNTS.items():
        arn = f"arn:aws:iam::{id}:role/admin"
        keys = Keys.of(anybody.assume_role(RoleArn=arn, RoleSessionName="first")["Credentials"])
        stacks = client(moto, "cloudformation", keys)
        body = json.dumps(templates[name])
        stacks.validate_template(TemplateBody=body)
        stacks.create_stack(StackName="postern", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        (stack,) = stacks.describe_stacks(StackName="postern")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        actual, expected = read_back(client(moto, "iam", keys)), EXPECTED[name]
        assert actual["roles"] == {role: made | {"attached": []} for role, made in expected["roles"].items()}
        assert actual["policies"] == {each: made | {"tags": {}} for each, made in expected["policies"].items()}
        assert actual["users"] == {
            user: made | {"groups": [], "tags": {}} for user, made in expected["users"].items()
        }


def test_no_secret_is_emitted(acme):  # noqa: F811
    """After enrolment there are keys and seeds: none of them is in what is emitted."""
    acme.postern("apply", "--yes")
    device = acme.postern.enrol("alice")
    for kind in ("cloudformation", "terraform"):
        emit(acme, kind)
        text = "".join(path.read_text() for path in (acme.postern.home / kind).rglob("*.json"))
        assert device.seed not in text and "AKIA" not in text
        assert "aws_iam_access_key" not in text and "virtual_mfa" not in text and "AccessKey" not in text
