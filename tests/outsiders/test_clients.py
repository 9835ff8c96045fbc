"""Every client by every way out: a role that demands MFA, and one that is two roles away."""

import pytest

from bastion import World, allow, policy, trust
from clients import CLIENTS
from postern import Postern
from sandbox import REGION, Sandbox, client
from test_serve import Serving
from wire import refused

# `developer` demands MFA; only `developer` may assume `deep`.
TARGETS = ("developer", "deep")


class Machine:
    """A machine with profiles and no estate, its person logged in for the day."""

    def __init__(self, world: World, home):
        self.account = world.prod.id
        deep = world.role("deep", trust(world.developer), "ec2:Describe*")
        world.prod.iam.put_role_policy(
            RoleName="developer", PolicyName="on", PolicyDocument=policy(allow("sts:AssumeRole", deep))
        )
        self.postern = Postern(home, world.endpoint)
        del self.postern.environment["POSTERN_ESTATE"]
        keys, device = world.alice.keys, world.alice.device
        self.keys = keys
        (home / ".aws" / "credentials").write_text(
            f"[alice]\naws_access_key_id = {keys.id}\naws_secret_access_key = {keys.secret}\n"
        )
        (home / ".aws" / "config").write_text(
            f"[profile developer]\nrole_arn = {world.developer}\nsource_profile = alice\n"
            f"mfa_serial = {device.serial}\nrole_session_name = alice\nregion = {REGION}\n"
            f"[profile deep]\nrole_arn = {deep}\nsource_profile = developer\n"
            f"role_session_name = alice\nregion = {REGION}\n"
        )
        for target in TARGETS:
            self.postern.profile(f"tool-{target}", target)
        self.postern("login", "deep", "--mfa-code", device.code())

    def arn(self, role: str) -> str:
        return f"arn:aws:sts::{self.account}:assumed-role/{role}/alice"

    def by_process(self, target: str) -> dict[str, str]:
        """The surroundings of a program whose profile asks `postern credential-process`."""
        files = {
            "AWS_CONFIG_FILE": str(self.postern.home / ".aws" / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.postern.home / ".aws" / "credentials"),
            "AWS_PROFILE": f"tool-{target}",
        }
        surroundings = self.postern.environment | files
        # Once logged in, it is not needed.
        del surroundings["POSTERN_PASSPHRASE"]
        return surroundings


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield Machine(World(sandbox), tmp_path_factory.mktemp("home"))


@pytest.mark.xdist_group("clients")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CLIENTS)
def test_by_credential_process(machine, name, target):
    assert CLIENTS[name](machine.by_process(target)) == machine.arn(target)


@pytest.mark.xdist_group("clients")
@pytest.mark.parametrize("dialect", ["ecs", "imds"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CLIENTS)
def test_by_an_endpoint(machine, name, target, dialect):
    with Serving(machine.postern, dialect, target) as serving:
        assert CLIENTS[name](serving.surroundings()) == machine.arn(target)


@pytest.mark.xdist_group("clients")
def test_without_postern_these_roles_are_out_of_reach(machine):
    """The control of all above: neither the key in the file nor a guess at the endpoint's token gives a role."""
    role = f"arn:aws:iam::{machine.account}:role/postern/developer"
    sts = client(machine.postern.endpoint, "sts", machine.keys)
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="alice").code == "AccessDenied"
    with Serving(machine.postern, "ecs", "developer") as serving:
        wrong = serving.surroundings() | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "x" * 43}
        with pytest.raises(AssertionError):
            CLIENTS["boto3"](wrong)
