"""IAM: what is missing, doubled, too much, malformed or in use is refused in AWS's words.

All rows meet one furnished account; being refused, they leave it as it was.
"""

import json
import re

import pytest

from bastion import Device, allow, mfa_trust, new_person, policy, trust
from sandbox import Account
from wire import Request, refused

ANYTHING = policy(allow("s3:GetObject"))


def bulk(characters: int) -> str:
    """A valid policy of at least so many characters without white space."""
    return policy(allow(["s3:GetObject"], [f"arn:aws:s3:::bucket/{n:05}" for n in range(characters // 28 + 1)]))


@pytest.fixture(scope="module")
def furnished(sandbox) -> Account:
    """One account with something of everything in use."""
    account = sandbox.account()
    iam = account.iam
    iam.create_group(GroupName="developers")
    alice = new_person(account, "alice")
    iam.create_access_key(UserName="alice")
    iam.create_login_profile(UserName="alice", Password="Correct-Horse-9")
    iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=ANYTHING)
    iam.add_user_to_group(UserName="alice", GroupName="developers")
    account.alice = alice
    for name in ("attached", "inline", "keyed", "console", "member", "device", "tagged", "bare"):
        iam.create_user(UserName=name)
    versioned = iam.create_policy(PolicyName="versioned", PolicyDocument=ANYTHING)["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=versioned, PolicyDocument=ANYTHING)
    iam.attach_user_policy(UserName="attached", PolicyArn=versioned)
    # Reported before the keys.
    iam.create_access_key(UserName="attached")
    iam.put_user_policy(UserName="inline", PolicyName="own", PolicyDocument=ANYTHING)
    iam.create_access_key(UserName="keyed")
    iam.create_login_profile(UserName="console", Password="Correct-Horse-9")
    iam.add_user_to_group(UserName="member", GroupName="developers")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="device")["VirtualMFADevice"]
    device = Device(serial["SerialNumber"], serial["Base32StringSeed"].decode())
    one, two = device.enabling()
    iam.enable_mfa_device(
        UserName="device", SerialNumber=device.serial, AuthenticationCode1=one, AuthenticationCode2=two
    )
    iam.create_virtual_mfa_device(VirtualMFADeviceName="unassigned")
    iam.tag_user(UserName="tagged", Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(50)])
    iam.create_role(RoleName="developer", AssumeRolePolicyDocument=mfa_trust(account.arn("root")))
    iam.put_role_policy(RoleName="developer", PolicyName="own", PolicyDocument=ANYTHING)
    iam.create_role(RoleName="attached", AssumeRolePolicyDocument=mfa_trust(account.arn("root")))
    iam.attach_role_policy(RoleName="attached", PolicyArn=versioned)
    iam.create_group(GroupName="inline")
    iam.put_group_policy(GroupName="inline", PolicyName="own", PolicyDocument=ANYTHING)
    # Full to the quotas.
    for kind in ("user", "group", "role"):
        more = {"AssumeRolePolicyDocument": mfa_trust(account.arn("root"))} if kind == "role" else {}
        getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": "full"}, **more)
    for n in range(10):
        made = iam.create_policy(PolicyName=f"quota-{n}", PolicyDocument=ANYTHING)["Policy"]["Arn"]
        for kind in ("user", "group", "role"):
            getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": "full"}, PolicyArn=made)
        iam.create_group(GroupName=f"quota-{n}")
        iam.add_user_to_group(UserName="full", GroupName=f"quota-{n}")
    return account


AWS = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OWN = "arn:aws:iam::{account}:policy/"
NO_JSON = "Syntax errors in policy."


def put(document: str | dict) -> dict:
    """PutUserPolicy of this document."""
    text = document if isinstance(document, str) else json.dumps(document)
    return {"UserName": "bare", "PolicyName": "p", "PolicyDocument": text}


def statement(**changes) -> dict:
    """PutUserPolicy of a sound statement with these members changed; None takes one away."""
    whole = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | changes
    whole = {key: value for key, value in whole.items() if value is not None}
    return put({"Version": "2012-10-17", "Statement": [whole]})


def new_role(document: str) -> dict:
    return {"RoleName": "new", "AssumeRolePolicyDocument": document}


TAGS_51 = [{"Key": f"t{n}", "Value": "v"} for n in range(51)]
TWICE = [{"Key": "team", "Value": "a"}, {"Key": "TEAM", "Value": "b"}]
SAME_TWICE = [{"Key": "team", "Value": "a"}, {"Key": "team", "Value": "b"}]
LONG_KEY = [{"Key": "k" * 129, "Value": "v"}]
INVALID_CODES = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000001"}

# (source, boto3 method, its parameters, status, code, message). {account} stands for the account's id.
ROWS = [
    # --- missing ---
    ("11", "get_user", {"UserName": "nobody"}, 404, "NoSuchEntity", "The user with name nobody cannot be found."),
    ("11", "list_access_keys", {"UserName": "nobody"}, 404, "NoSuchEntity", "The user with name nobody cannot be found."),
    ("11", "delete_user", {"UserName": "nobody"}, 404, "NoSuchEntity", "The user with name nobody cannot be found."),
    ("11", "get_group", {"GroupName": "none"}, 404, "NoSuchEntity", "The group with name none cannot be found."),
    ("11", "get_role", {"RoleName": "none"}, 404, "NoSuchEntity", "The role with name none cannot be found."),
    ("11", "update_role", {"RoleName": "none"}, 404, "NoSuchEntity", "The role with name none cannot be found."),
    (
        *("11: the user is reported", "remove_user_from_group", {"UserName": "nobody", "GroupName": "none"}),
        *(404, "NoSuchEntity", "The user with name nobody cannot be found."),
    ),
    (
        *("11: the user is reported", "add_user_to_group", {"UserName": "nobody", "GroupName": "none"}),
        *(404, "NoSuchEntity", "The user with name nobody cannot be found."),
    ),
    (
        *("11", "add_user_to_group", {"UserName": "bare", "GroupName": "none"}),
        *(404, "NoSuchEntity", "The group with name none cannot be found."),
    ),
    (
        *("11", "get_user_policy", {"UserName": "bare", "PolicyName": "none"}),
        *(404, "NoSuchEntity", "The user policy with name none cannot be found."),
    ),
    (
        *("11", "delete_group_policy", {"GroupName": "developers", "PolicyName": "none"}),
        *(404, "NoSuchEntity", "The group policy with name none cannot be found."),
    ),
    (
        *("11", "get_role_policy", {"RoleName": "developer", "PolicyName": "none"}),
        *(404, "NoSuchEntity", "The role policy with name none cannot be found."),
    ),
    ("11", "delete_policy", {"PolicyArn": OWN + "none"}, 404, "NoSuchEntity", f"Policy {OWN}none was not found."),
    (
        *("11", "detach_user_policy", {"UserName": "bare", "PolicyArn": OWN + "none"}),
        *(404, "NoSuchEntity", f"Policy {OWN}none was not found."),
    ),
    (
        *("11", "attach_user_policy", {"UserName": "bare", "PolicyArn": OWN + "none"}),
        *(404, "NoSuchEntity", f"Policy {OWN}none does not exist or is not attachable."),
    ),
    (
        *("11", "list_entities_for_policy", {"PolicyArn": OWN + "none"}),
        *(404, "NoSuchEntity", f"Policy {OWN}none does not exist or is not attachable."),
    ),
    (
        *("11", "get_policy_version", {"PolicyArn": OWN + "versioned", "VersionId": "v9"}),
        *(404, "NoSuchEntity", f"Policy {OWN}versioned version v9 does not exist or is not attachable."),
    ),
    (
        *("11", "get_policy_version", {"PolicyArn": OWN + "none", "VersionId": "v1"}),
        *(404, "NoSuchEntity", f"Policy {OWN}none version v1 does not exist or is not attachable."),
    ),
    (
        *("11", "attach_user_policy", {"UserName": "bare", "PolicyArn": "longpolicynamebutnoarn"}),
        *(400, "ValidationError", "ARN longpolicynamebutnoarn is not valid."),
    ),
    (
        *("11", "put_user_permissions_boundary", {"UserName": "bare", "PermissionsBoundary": "longpolicynamebutnoarn"}),
        *(400, "InvalidInput", "ARN longpolicynamebutnoarn is not valid."),
    ),
    (
        *("11", "put_role_permissions_boundary", {"RoleName": "developer", "PermissionsBoundary": OWN + "none"}),
        *(404, "NoSuchEntity", f"Scope ARN: {OWN}none does not exist or is not attachable."),
    ),
    (
        *("11", "delete_access_key", {"UserName": "bare", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
        *(404, "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found."),
    ),
    (
        *("11", "get_login_profile", {"UserName": "bare"}),
        *(404, "NoSuchEntity", "Login Profile for User bare cannot be found."),
    ),
    (
        *("9.3", "deactivate_mfa_device", {"UserName": "bare", "SerialNumber": "arn:aws:iam::{account}:mfa/none"}),
        *(404, "NoSuchEntity", "MFA Device with serial number arn:aws:iam::{account}:mfa/none does not exist."),
    ),
    (
        *("13", "get_account_password_policy", {}),
        *(404, "NoSuchEntity", "The Password Policy with domain name {account} cannot be found."),
    ),
    (
        *("13", "delete_account_password_policy", {}),
        *(404, "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."),
    ),
    ("13", "get_credential_report", {}, 410, "ReportNotPresent", re.compile(".*")),
    # --- there already ---
    ("11; 4.5", "create_user", {"UserName": "alice"}, 409, "EntityAlreadyExists", "User with name alice already exists."),
    (
        *("11; 4.5: ignoring case", "create_user", {"UserName": "ALICE"}),
        *(409, "EntityAlreadyExists", "User with name ALICE already exists."),
    ),
    (
        *("11; 4.5", "create_group", {"GroupName": "Developers"}),
        *(409, "EntityAlreadyExists", "Group with name Developers already exists."),
    ),
    (
        *("11; 4.5", "create_role", {"RoleName": "DEVELOPER", "AssumeRolePolicyDocument": trust("*")}),
        *(409, "EntityAlreadyExists", "Role with name DEVELOPER already exists."),
    ),
    (
        *("11", "create_policy", {"PolicyName": "versioned", "PolicyDocument": ANYTHING}),
        *(409, "EntityAlreadyExists", "A policy called versioned already exists. Duplicate names are not allowed."),
    ),
    (
        *("11", "create_login_profile", {"UserName": "alice", "Password": "Correct-Horse-9"}),
        *(409, "EntityAlreadyExists", "Login Profile for user alice already exists."),
    ),
    (
        *("9.1", "create_virtual_mfa_device", {"VirtualMFADeviceName": "alice"}),
        *(409, "EntityAlreadyExists", "MFA device already exists."),
    ),
    (
        *("11", "update_user", {"UserName": "bare", "NewUserName": "Alice"}),
        *(409, "EntityAlreadyExists", "User with name Alice already exists."),
    ),
    # --- AWS's own policies ---
    ("11", "delete_policy", {"PolicyArn": AWS}, 403, "AccessDenied", "Cannot delete policies outside your own account."),
    (
        *("11", "delete_policy_version", {"PolicyArn": AWS, "VersionId": "v1"}),
        *(403, "AccessDenied", "Cannot delete policy versions for policies outside your own account."),
    ),
    (
        *("11", "set_default_policy_version", {"PolicyArn": AWS, "VersionId": "v1"}),
        *(403, "AccessDenied", "Cannot update policies outside your own account."),
    ),
    # --- MFA devices ---
    (
        "9.2: the user first",
        "enable_mfa_device",
        {"UserName": "nobody", "SerialNumber": "arn:aws:iam::{account}:mfa/alice"} | INVALID_CODES,
        *(404, "NoSuchEntity", "The user with name nobody cannot be found."),
    ),
    (
        "9.2: then the device",
        "enable_mfa_device",
        {"UserName": "bare", "SerialNumber": "arn:aws:iam::{account}:mfa/alice"} | INVALID_CODES,
        *(409, "EntityAlreadyExists", "MFA Device is already in use."),
    ),
    (
        "9.2: then the codes",
        "enable_mfa_device",
        {"UserName": "bare", "SerialNumber": "arn:aws:iam::{account}:mfa/unassigned"} | INVALID_CODES,
        *(403, "InvalidAuthenticationCode", "Authentication code for device is not valid."),
    ),
    (
        "9.3",
        "resync_mfa_device",
        {"UserName": "alice", "SerialNumber": "arn:aws:iam::{account}:mfa/alice"} | INVALID_CODES,
        *(403, "InvalidAuthenticationCode", "Authentication code for device is not valid."),
    ),
    (
        *("9.3", "delete_virtual_mfa_device", {"SerialNumber": "arn:aws:iam::{account}:mfa/alice"}),
        *(409, "DeleteConflict", re.compile(".+")),
    ),
    (
        *("4.4", "create_virtual_mfa_device", {"VirtualMFADeviceName": "new", "Path": "/team"}),
        *(400, "ValidationError"),
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
        "characters and/or / characters.",
    ),
    # --- quotas ---
    (
        *("10", "create_access_key", {"UserName": "alice"}),
        *(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"),
    ),
    (
        *("10", "add_user_to_group", {"UserName": "full", "GroupName": "developers"}),
        *(409, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"),
    ),
    (
        *("10", "attach_user_policy", {"UserName": "full", "PolicyArn": AWS}),
        *(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10"),
    ),
    (
        *("10", "attach_group_policy", {"GroupName": "full", "PolicyArn": AWS}),
        *(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerGroup: 10"),
    ),
    (
        *("10", "attach_role_policy", {"RoleName": "full", "PolicyArn": AWS}),
        *(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10"),
    ),
    (
        *("10", "create_policy_version", {"PolicyArn": OWN + "versioned", "PolicyDocument": ANYTHING}),
        *(409, "LimitExceeded"),
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    ),
    (
        *("10", "create_policy", {"PolicyName": "big", "PolicyDocument": bulk(6144)}),
        *(409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144"),
    ),
    (
        *("10", "put_user_policy", {"UserName": "bare", "PolicyName": "big", "PolicyDocument": bulk(2048)}),
        *(409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user bare"),
    ),
    (
        *("10: the sum", "put_user_policy", {"UserName": "alice", "PolicyName": "more", "PolicyDocument": bulk(1950)}),
        *(409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user alice"),
    ),
    (
        *("10", "put_group_policy", {"GroupName": "developers", "PolicyName": "big", "PolicyDocument": bulk(5120)}),
        *(409, "LimitExceeded", "Maximum policy size of 5120 bytes exceeded for group developers"),
    ),
    (
        *("10", "put_role_policy", {"RoleName": "developer", "PolicyName": "big", "PolicyDocument": bulk(10240)}),
        *(409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role developer"),
    ),
    (
        "7 and 10",
        "create_role",
        new_role(policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"] * 130})),
        *(409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"),
    ),
    ("10", "tag_user", {"UserName": "bare", "Tags": TAGS_51}, 400, "ValidationError", re.compile(r"1 validation error .*'tags' .*50")),
    (
        *("10", "tag_user", {"UserName": "tagged", "Tags": [{"Key": "one-more", "Value": "v"}]}),
        *(409, "LimitExceeded", "The number of tags has reached the maximum limit."),
    ),
    (
        *("10", "create_user", {"UserName": "new", "Tags": TWICE}),
        *(400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
    ),
    (
        *("10", "create_policy", {"PolicyName": "new", "PolicyDocument": ANYTHING, "Tags": SAME_TWICE}),
        *(400, "InvalidInput", "Duplicate tag keys found."),
    ),
    # --- in use ---
    (
        *("12: policies before keys", "delete_user", {"UserName": "attached"}),
        *(409, "DeleteConflict", "Cannot delete entity, must detach all policies first."),
    ),
    (
        *("12", "delete_user", {"UserName": "inline"}),
        *(409, "DeleteConflict", "Cannot delete entity, must delete policies first."),
    ),
    (
        *("12", "delete_user", {"UserName": "keyed"}),
        *(409, "DeleteConflict", "Cannot delete entity, must delete access keys first."),
    ),
    (
        *("12", "delete_user", {"UserName": "console"}),
        *(409, "DeleteConflict", "Cannot delete entity, must delete login profile first."),
    ),
    (
        *("12", "delete_user", {"UserName": "member"}),
        *(409, "DeleteConflict", "Cannot delete entity, must remove users from group first."),
    ),
    (
        *("12", "delete_user", {"UserName": "device"}),
        *(409, "DeleteConflict", "Cannot delete entity, must delete MFA device first."),
    ),
    (
        *("12", "delete_role", {"RoleName": "attached"}),
        *(409, "DeleteConflict", "Cannot delete entity, must detach all policies first."),
    ),
    (
        *("12", "delete_role", {"RoleName": "developer"}),
        *(409, "DeleteConflict", "Cannot delete entity, must delete policies first."),
    ),
    (
        *("12", "delete_group", {"GroupName": "developers"}),
        *(409, "DeleteConflict", "Cannot delete entity, must remove users from group first."),
    ),
    (
        *("12", "delete_group", {"GroupName": "inline"}),
        *(409, "DeleteConflict", "Cannot delete entity, must delete policies first."),
    ),
    (
        *("12", "delete_policy", {"PolicyArn": OWN + "versioned"}),
        *(409, "DeleteConflict", "Cannot delete a policy attached to entities."),
    ),
    (
        *("12", "delete_policy_version", {"PolicyArn": OWN + "versioned", "VersionId": "v1"}),
        *(409, "DeleteConflict", "Cannot delete the default version of a policy."),
    ),
    # --- documents ---
    ("7", "put_user_policy", put("{not json"), 400, "MalformedPolicyDocument", NO_JSON),
    ("7", "put_user_policy", put({"Version": "2012-10-17", "Statement": []}), 400, "MalformedPolicyDocument", NO_JSON),
    ("7", "put_user_policy", statement(Effekt="Allow"), 400, "MalformedPolicyDocument", NO_JSON),
    ("7", "put_user_policy", statement(Effect="Perhaps"), 400, "MalformedPolicyDocument", NO_JSON),
    ("7", "put_user_policy", statement(NotAction="s3:*"), 400, "MalformedPolicyDocument", NO_JSON),
    ("7", "put_user_policy", statement(Condition={"Roughly": {"a:b": "c"}}), 400, "MalformedPolicyDocument", NO_JSON),
    ("7", "put_user_policy", statement(Effect="allow"), 400, "MalformedPolicyDocument", "The policy failed legacy parsing"),
    (
        *("7", "put_user_policy", statement(Resource="arn:aws:s3::b")),
        *(400, "MalformedPolicyDocument", "The policy failed legacy parsing"),
    ),
    (
        *("7", "put_user_policy", put({"Statement": [allow("s3:GetObject")]})),
        *(400, "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."),
    ),
    (
        *("7", "put_user_policy", put({"Version": "2008-10-17", "Statement": [allow("s3:GetObject")]})),
        *(400, "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."),
    ),
    (
        *("7", "put_user_policy", statement(Action=None)),
        *(400, "MalformedPolicyDocument", "Policy statement must contain actions."),
    ),
    (
        *("7", "put_user_policy", statement(Resource=None)),
        *(400, "MalformedPolicyDocument", "Policy statement must contain resources."),
    ),
    (
        *("7", "put_user_policy", statement(Principal="*")),
        *(400, "MalformedPolicyDocument", "Policy document should not specify a principal."),
    ),
    (
        *("7", "put_user_policy", statement(Action="GetObject")),
        *(400, "MalformedPolicyDocument", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ),
    (
        *("7", "put_user_policy", statement(Action="a a:b")),
        *(400, "MalformedPolicyDocument", "Vendor a a is not valid"),
    ),
    (
        *("7", "put_user_policy", statement(Action="s3:Get:Object")),
        *(400, "MalformedPolicyDocument", "Actions/Condition can contain only one colon."),
    ),
    (
        *("7", "put_user_policy", statement(Resource="bucket")),
        *(400, "MalformedPolicyDocument", 'Resource bucket must be in ARN format or "*".'),
    ),
    (
        *("7", "put_user_policy", statement(Resource="arn:nope:s3:::b")),
        *(400, "MalformedPolicyDocument", 'Partition "nope" is not valid for resource "arn:nope:s3:::b".'),
    ),
    (
        "7",
        "put_user_policy",
        put({"Version": "2012-10-17", "Statement": [allow("s3:*", Sid="A"), allow("ec2:*", Sid="A")]}),
        *(400, "MalformedPolicyDocument", "Statement IDs (SID) in a single policy must be unique."),
    ),
    ("7", "create_role", new_role("{not json"), 400, "MalformedPolicyDocument", "This policy contains invalid Json"),
    (
        *("7", "create_role", new_role(policy({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}))),
        *(400, "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."),
    ),
    (
        "7",
        "create_role",
        new_role(policy({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"})),
        *(400, "MalformedPolicyDocument", "Has prohibited field Resource"),
    ),
    (
        *("7", "create_role", new_role(trust("arn:aws:iam::{account}:user/nobody"))),
        *(400, "MalformedPolicyDocument"),
        'Invalid principal in policy: "AWS":"arn:aws:iam::{account}:user/nobody"',
    ),
    # --- parameters ---
    ("1.10", "list_users", {"Marker": "nonsense"}, 400, "ValidationError", "Invalid Marker."),
    ("1.10", "list_users", {"MaxItems": 0}, 400, "ValidationError", re.compile(r"1 validation error .*'maxItems' .*greater than or equal to 1")),
    ("1.10", "list_users", {"MaxItems": 1001}, 400, "ValidationError", re.compile(r"1 validation error .*'maxItems' .*less than or equal to 1000")),
    ("1.10", "list_users", {"PathPrefix": "team/"}, 400, "ValidationError", re.compile(".*'?pathPrefix'?.*")),
    (
        *("1.9: IAM does not echo the value", "tag_user", {"UserName": "bare", "Tags": LONG_KEY}),
        *(400, "ValidationError"),
        "1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must have length less than or equal to 128",
    ),
    (
        *("1.9", "untag_user", {"UserName": "bare", "TagKeys": ["k" * 129]}),
        *(400, "ValidationError"),
        "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have length less than or equal to 128, Member must have length greater than or equal to 1, "
        r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]",
    ),
    ("1.9", "create_user", {"UserName": "a b"}, 400, "ValidationError", re.compile(".*userName.*")),
    (
        *("11", "create_login_profile", {"UserName": "bare", "Password": "short"}),
        *(400, "PasswordPolicyViolation", "Password does not conform to the account password policy."),
    ),
]


def fill(value, account: str):
    """{account} in any text below `value`."""
    if isinstance(value, str):
        return value.replace("{account}", account)
    if isinstance(value, dict):
        return {key: fill(each, account) for key, each in value.items()}
    return [fill(each, account) for each in value] if isinstance(value, list) else value


@pytest.mark.xdist_group("furnished")
@pytest.mark.parametrize("row", ROWS, ids=[f"{n}-{row[1]}-{row[4]}" for n, row in enumerate(ROWS)])
def test_is_refused(furnished, row):
    source, method, parameters, status, code, message = row
    answer = refused(getattr(furnished.iam, method), **fill(parameters, furnished.id))
    told = f"{answer.status} {answer.code}: {answer.message!r} ({source})"
    assert (answer.status, answer.code) == (status, code), told
    if isinstance(message, re.Pattern):
        assert message.fullmatch(answer.message), f"{told} is not {message.pattern}"
    else:
        assert answer.message == fill(message, furnished.id), told


@pytest.mark.xdist_group("furnished")
def test_no_such_operation(furnished):
    answer = Request(furnished.endpoint, furnished.root, service="iam", action="NoSuchThing").sign().send()
    # 1.8
    assert (answer.status, answer.code) == (400, "InvalidAction")
    assert answer.message == "Could not find operation NoSuchThing for version 2010-05-08"


@pytest.mark.xdist_group("furnished")
def test_two_codes_must_be_consecutive(furnished):
    iam, device = furnished.iam, None
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="consecutive")["VirtualMFADevice"]
    device = Device(made["SerialNumber"], made["Base32StringSeed"].decode())
    now = device.now()
    call = {"UserName": "bare", "SerialNumber": device.serial}
    for one, two in ((now, now), (now, now - 1), (now - 1, now + 1)):
        codes = {"AuthenticationCode1": device.at(one), "AuthenticationCode2": device.at(two)}
        # 9.2
        assert refused(iam.enable_mfa_device, **call, **codes).code == "InvalidAuthenticationCode"
    iam.delete_virtual_mfa_device(SerialNumber=device.serial)
