"""What an account holds, read back by boto3 as plain data; and what acme.toml must make of three."""

import json

from postern import ACCOUNTS

TAGS = {"postern:managed": "acme"}
READ = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def normal(document):
    """A policy document with what has no meaning taken out: order in lists, one value or a list of it."""
    if isinstance(document, dict):
        return {key: normal(value) for key, value in document.items()}
    if isinstance(document, list):
        values = sorted((normal(value) for value in document), key=lambda value: json.dumps(value, sort_keys=True))
        return values[0] if len(values) == 1 else values
    return str(document).lower() if isinstance(document, bool) else str(document)


def _pages(iam, operation: str, key: str, **arguments) -> list:
    return [each for page in iam.get_paginator(operation).paginate(**arguments) for each in page[key]]


def _tags(tags: list) -> dict:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _policies(iam, kind: str, name: str) -> dict:
    """Inline documents and attached ARNs of a user, group or role."""
    who = {f"{kind.title()}Name": name}
    inline = getattr(iam, f"list_{kind}_policies")(**who)["PolicyNames"]
    get = getattr(iam, f"get_{kind}_policy")
    attached = getattr(iam, f"list_attached_{kind}_policies")(**who)["AttachedPolicies"]
    return {
        "inline": {each: normal(get(**who, PolicyName=each)["PolicyDocument"]) for each in inline},
        "attached": sorted(each["PolicyArn"] for each in attached),
    }


def _boundary(described: dict) -> str | None:
    return described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")


def read_back(iam) -> dict:
    """All that an estate is about. Service-linked roles, which AWS makes, are passed over."""
    users, roles = {}, {}
    for listed in _pages(iam, "list_users", "Users"):
        name = listed["UserName"]
        user = iam.get_user(UserName=name)["User"]
        groups = iam.list_groups_for_user(UserName=name)["Groups"]
        users[name] = _policies(iam, "user", name) | {
            "path": user["Path"],
            "tags": _tags(user.get("Tags", [])),
            "boundary": _boundary(user),
            "groups": sorted(group["GroupName"] for group in groups),
        }
    for listed in _pages(iam, "list_roles", "Roles"):
        if listed["Path"].startswith("/aws-service-role/"):
            continue
        role = iam.get_role(RoleName=listed["RoleName"])["Role"]
        roles[role["RoleName"]] = _policies(iam, "role", role["RoleName"]) | {
            "path": role["Path"],
            "trust": normal(role["AssumeRolePolicyDocument"]),
            "tags": _tags(role.get("Tags", [])),
            "boundary": _boundary(role),
            "session": role["MaxSessionDuration"],
        }
    groups = {
        group["GroupName"]: _policies(iam, "group", group["GroupName"]) | {"path": group["Path"]}
        for group in _pages(iam, "list_groups", "Groups")
    }
    policies = {}
    for policy in _pages(iam, "list_policies", "Policies", Scope="Local"):
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        policies[policy["PolicyName"]] = {
            "path": policy["Path"],
            "document": normal(version["PolicyVersion"]["Document"]),
            "tags": _tags(iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"]),
        }
    return {"users": users, "groups": groups, "roles": roles, "policies": policies}


# --- What acme.toml says (the worked example of the design) ---


def _role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNTS[account]}:role/postern/{name}"


def _group(*roles: str) -> dict:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AssumeDeclaredRolesWithMfa",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": list(roles),
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
            },
            {"Sid": "StartSession", "Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"},
        ],
    }
    return {"path": "/postern/", "inline": {"postern": normal(document)}, "attached": []}


def _user(*groups: str) -> dict:
    empty = {"inline": {}, "attached": [], "boundary": None, "path": "/postern/", "tags": TAGS}
    return empty | {"groups": sorted(groups)}


def _role(account: str, policy: str, *people: str, admin: bool = False) -> dict:
    condition = {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "ArnEquals": {
            "aws:PrincipalArn": [f"arn:aws:iam::{ACCOUNTS['bastion']}:user/postern/{name}" for name in people]
        },
    }
    if admin:
        condition["NumericLessThan"] = {"aws:MultiFactorAuthAge": "3600"}
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS['bastion']}:root"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    return {
        "path": "/postern/",
        "trust": normal({"Version": "2012-10-17", "Statement": [statement]}),
        "inline": {},
        "attached": [policy],
        "tags": TAGS,
        "boundary": None if admin else f"arn:aws:iam::{ACCOUNTS[account]}:policy/postern/postern-cap",
        "session": 3600,
    }


_CAP = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Work",
            "Effect": "Allow",
            "Resource": "*",
            "NotAction": [
                *("iam:*", "organizations:*", "account:*", "sso:*", "sso-directory:*", "identitystore:*"),
                *("sts:AssumeRole*", "sts:AssumeRoot", "sts:GetFederationToken"),
                *("cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail"),
                *("cloudtrail:PutEventSelectors", "config:DeleteConfigurationRecorder"),
                *("config:StopConfigurationRecorder", "guardduty:DeleteDetector", "guardduty:UpdateDetector"),
                "access-analyzer:DeleteAnalyzer",
            ],
        },
        {
            "Sid": "Look",
            "Effect": "Allow",
            "Resource": "*",
            "Action": [
                *("iam:Get*", "iam:List*", "iam:GenerateCredentialReport"),
                *("iam:GenerateServiceLastAccessedDetails", "iam:Simulate*"),
                *("iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole"),
                *("organizations:Describe*", "organizations:List*", "account:Get*", "account:List*"),
                *("sso:Describe*", "sso:List*", "sso:Get*"),
            ],
        },
    ],
}


def _working_account(name: str, *readers: str) -> dict:
    return {
        "users": {},
        "groups": {},
        "policies": {"postern-cap": {"path": "/postern/", "document": normal(_CAP), "tags": TAGS}},
        "roles": {
            "developer": _role(name, POWER, "alice", "carol"),
            "readonly": _role(name, READ, *readers),
            "postern-admin": _role(name, ADMIN, "carol", admin=True),
        },
    }


EXPECTED = {
    "bastion": {
        "users": {
            "alice": _user("developers"),
            "bob": _user("auditors"),
            "carol": _user("developers", "administrators"),
        },
        "groups": {
            "developers": _group(
                *(_role_arn(account, role) for account in ("dev", "prod") for role in ("developer", "readonly"))
            ),
            "auditors": _group(_role_arn("prod", "readonly")),
            "administrators": _group(*(_role_arn(account, "postern-admin") for account in ACCOUNTS)),
        },
        "policies": {},
        "roles": {"postern-admin": _role("bastion", ADMIN, "carol", admin=True)},
    },
    "prod": _working_account("prod", "alice", "bob", "carol"),
    "dev": _working_account("dev", "alice", "carol"),
}
