"""Carries out emitted templates and modules with boto3, so that what they say can be read back from IAM.

moto's CloudFormation knows no groups, no memberships and no attached policies, and there is no provider
for Terraform here. So the values are those that CloudFormation's `Ref` and Terraform itself give, and
each resource is made by the calls that its documentation names.
"""

import json
import os
import re
import shutil
import subprocess

# --- CloudFormation ---


def references(value) -> set[str]:
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return {value["Ref"]}
        value = list(value.values())
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def _resolved(value, physical: dict):
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return physical[value["Ref"]]
        return {key: _resolved(each, physical) for key, each in value.items()}
    return [_resolved(each, physical) for each in value] if isinstance(value, list) else value


def create_stack(template: dict, iam, account: str):
    """Makes the resources, each behind those that it refers to, if the template is for this account."""
    for rule in template["Rules"].values():
        for assertion in rule["Assertions"]:
            accounts, here = assertion["Assert"]["Fn::Contains"]
            assert here == {"Ref": "AWS::AccountId"}
            if account not in accounts:
                raise PermissionError(assertion["AssertDescription"])
    physical, left = {}, dict(template["Resources"])
    while left:
        ready = [id for id, each in left.items() if references(each["Properties"]) <= physical.keys()]
        assert ready, f"a circle among {sorted(left)}"
        for id in ready:
            resource = left.pop(id)
            kind = resource["Type"].removeprefix("AWS::IAM::")
            physical[id] = _MAKE[kind](iam, _resolved(resource["Properties"], physical))


def _given(properties: dict, *names: str) -> dict:
    return {name: properties.pop(name) for name in names if name in properties}


def _managed_policy(iam, properties: dict) -> str:
    made = iam.create_policy(
        PolicyName=properties.pop("ManagedPolicyName"),
        PolicyDocument=json.dumps(properties.pop("PolicyDocument")),
        **_given(properties, "Path", "Description"),
    )
    assert not properties
    return made["Policy"]["Arn"]


def _grants(iam, kind: str, name: str, properties: dict):
    who = {f"{kind.title()}Name": name}
    for arn in properties.pop("ManagedPolicyArns", []):
        getattr(iam, f"attach_{kind}_policy")(**who, PolicyArn=arn)
    for policy in properties.pop("Policies", []):
        document = json.dumps(policy["PolicyDocument"])
        getattr(iam, f"put_{kind}_policy")(**who, PolicyName=policy["PolicyName"], PolicyDocument=document)
    assert not properties, f"nobody has read {properties}"


def _role(iam, properties: dict) -> str:
    trust = json.dumps(properties.pop("AssumeRolePolicyDocument"))
    known = ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags")
    name = properties.pop("RoleName")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **_given(properties, *known))
    _grants(iam, "role", name, properties)
    return name


def _group(iam, properties: dict) -> str:
    name = properties.pop("GroupName")
    iam.create_group(GroupName=name, **_given(properties, "Path"))
    _grants(iam, "group", name, properties)
    return name


def _user(iam, properties: dict) -> str:
    name = properties.pop("UserName")
    iam.create_user(UserName=name, **_given(properties, "Path", "PermissionsBoundary", "Tags"))
    _grants(iam, "user", name, properties)
    return name


def _members(iam, properties: dict) -> str:
    for user in properties["Users"]:
        iam.add_user_to_group(GroupName=properties["GroupName"], UserName=user)
    return f"{properties['GroupName']}-members"


_MAKE = {
    "ManagedPolicy": _managed_policy,
    "Role": _role,
    "Group": _group,
    "User": _user,
    "UserToGroupAddition": _members,
}

# --- Terraform ---

TERRAFORM = shutil.which("terraform")


def evaluated(module: dict, account: str, directory) -> dict[str, dict]:
    """The resources as Terraform sees them, every expression evaluated, by address.

    Each becomes a `terraform_data`, which Terraform carries in itself, with the same arguments.
    """
    stand_ins, address = {}, {}
    for kind, named in module["resource"].items():
        for name, arguments in named.items():
            stand_in = f"r{len(stand_ins)}"
            address[stand_in] = f"{kind}.{name}"
            stand_ins[f"{kind}.{name}"] = (stand_in, dict(arguments))
            if kind == "aws_iam_policy":
                arn = f"arn:aws:iam::{account}:policy{arguments['path']}{arguments['name']}"
                stand_ins[f"{kind}.{name}"][1]["arn"] = arn

    def renamed(value):
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [renamed(each) for each in value]
        if isinstance(value, str) and (found := re.fullmatch(r"\$\{(aws_[a-z_]+\.[\w-]+)\.(\w+)\}", value)):
            return f"${{terraform_data.{stand_ins[found[1]][0]}.input.{found[2]}}}"
        return value

    resources = {stand_in: {"input": renamed(arguments)} for stand_in, arguments in stand_ins.values()}
    body = {"locals": module.get("locals", {}), "resource": {"terraform_data": resources}}
    directory.mkdir()
    (directory / "main.tf.json").write_text(json.dumps(body))
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TF_CLI_CONFIG_FILE": os.devnull}
    environment["CHECKPOINT_DISABLE"] = "1"

    def terraform(*arguments: str) -> str:
        done = subprocess.run(
            [TERRAFORM, *arguments], cwd=directory, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("init", "-input=false", "-no-color")
    terraform("apply", "-auto-approve", "-input=false", "-no-color")
    shown = json.loads(terraform("show", "-json"))["values"]["root_module"]["resources"]
    return {address[each["name"]]: each["values"]["output"] for each in shown}


def apply_module(resources: dict[str, dict], iam):
    """Makes the resources with the calls of the provider."""

    def each(kind: str):
        return [arguments for address, arguments in resources.items() if address.split(".")[0] == f"aws_iam_{kind}"]

    def tags(arguments: dict) -> dict:
        return {"Tags": [{"Key": key, "Value": value} for key, value in arguments.get("tags", {}).items()]}

    def boundary(arguments: dict) -> dict:
        arn = arguments.get("permissions_boundary")
        return {"PermissionsBoundary": arn} if arn else {}

    for alias in each("account_alias"):
        iam.create_account_alias(AccountAlias=alias["account_alias"])
    for policy in each("account_password_policy"):
        words = {key: "".join(word.title() for word in key.split("_")) for key in policy}
        iam.update_account_password_policy(**{words[key]: value for key, value in policy.items()})
    for made in each("policy"):
        iam.create_policy(PolicyName=made["name"], Path=made["path"], PolicyDocument=made["policy"], **tags(made))
    for made in each("role"):
        iam.create_role(
            RoleName=made["name"],
            Path=made["path"],
            AssumeRolePolicyDocument=made["assume_role_policy"],
            MaxSessionDuration=made["max_session_duration"],
            **tags(made),
            **boundary(made),
        )
    for made in each("group"):
        iam.create_group(GroupName=made["name"], Path=made["path"])
    for made in each("user"):
        iam.create_user(UserName=made["name"], Path=made["path"], **tags(made), **boundary(made))
    for kind in ("role", "group", "user"):
        who = f"{kind.title()}Name"
        for made in each(f"{kind}_policy"):
            put = getattr(iam, f"put_{kind}_policy")
            put(**{who: made[kind]}, PolicyName=made["name"], PolicyDocument=made["policy"])
        for made in each(f"{kind}_policy_attachment"):
            getattr(iam, f"attach_{kind}_policy")(**{who: made[kind]}, PolicyArn=made["policy_arn"])
        # What is exclusive is complete: the provider takes everything else away.
        for made in each(f"{kind}_policies_exclusive"):
            found = getattr(iam, f"list_{kind}_policies")(**{who: made[f"{kind}_name"]})["PolicyNames"]
            assert sorted(made["policy_names"]) == sorted(found)
        for made in each(f"{kind}_policy_attachments_exclusive"):
            found = getattr(iam, f"list_attached_{kind}_policies")(**{who: made[f"{kind}_name"]})
            assert sorted(made["policy_arns"]) == sorted(each["PolicyArn"] for each in found["AttachedPolicies"])
    for made in each("group_membership"):
        for user in made["users"]:
            iam.add_user_to_group(GroupName=made["group"], UserName=user)
