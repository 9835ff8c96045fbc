"""Random but realistic policy cases: every layer, every operator, every kind of principal.

What AWS does not document is left out (house rules: facts on the policy engine, silences): multivalued
keys without a set operator, text that is no number, variables in NotResource,
lists for NotPrincipal that name only half of a principal.
"""

import random

HOME, ABROAD, STRANGER = "111111111111", "222222222222", "333333333333"
USER = f"arn:aws:iam::{HOME}:user/alice"
OTHER = f"arn:aws:iam::{HOME}:user/eng/bob"
ROLE = f"arn:aws:iam::{HOME}:role/dev"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/dev/s1"
FEDERATED = f"arn:aws:sts::{HOME}:federated-user/fred"
ROOT = f"arn:aws:iam::{HOME}:root"
SERVICE = "lambda.amazonaws.com"
NOBODY = "*"
PEOPLE = [USER, OTHER, ROLE, SESSION, FEDERATED]

# Action, resources (with the account to be filled in), whether the service takes resource policies.
OPERATIONS = [
    ("s3:GetObject", ["arn:aws:s3:::bucket/key.txt", "arn:aws:s3:::bucket/home/alice/x:y"], True),
    ("s3:ListBucket", ["arn:aws:s3:::bucket", "arn:aws:s3:::logs"], True),
    ("s3:ListAllMyBuckets", ["*"], False),
    ("sqs:SendMessage", ["arn:aws:sqs:eu-west-1:{}:orders", "arn:aws:sqs:us-east-1:{}:jobs"], True),
    ("sns:Publish", ["arn:aws:sns:eu-west-1:{}:topic"], True),
    ("kms:Decrypt", ["arn:aws:kms:eu-west-1:{}:key/1234abcd-12ab-34cd-56ef-1234567890ab"], True),
    ("sts:AssumeRole", ["arn:aws:iam::{}:role/target", "arn:aws:iam::{}:role/team/target2"], True),
    ("secretsmanager:GetSecretValue", ["arn:aws:secretsmanager:eu-west-1:{}:secret:db-AbCdEf"], True),
    ("dynamodb:GetItem", ["arn:aws:dynamodb:eu-west-1:{}:table/Thread"], True),
    ("lambda:InvokeFunction", ["arn:aws:lambda:eu-west-1:{}:function:fn"], True),
    ("ec2:StartInstances", ["arn:aws:ec2:eu-west-1:{}:instance/i-1234567890abcdef0"], False),
    ("ec2:DescribeInstances", ["*"], False),
    ("iam:CreateUser", ["arn:aws:iam::{}:user/eve", "arn:aws:iam::{}:user/eng/eve"], False),
]

BOOLEANS = {"aws:MultiFactorAuthPresent", "aws:SecureTransport", "aws:ViaAWSService"}
ADDRESSES = {"aws:SourceIp"}
NUMBERS = {"aws:MultiFactorAuthAge", "s3:max-keys"}
DATES = {"aws:CurrentTime", "aws:TokenIssueTime", "aws:EpochTime"}
ARNS = {"aws:PrincipalArn", "aws:SourceArn"}
SETS = {"aws:TagKeys", "aws:PrincipalOrgPaths"}
VALUES = {
    "aws:MultiFactorAuthPresent": ["true", "false"],
    "aws:SecureTransport": ["true", "false"],
    "aws:ViaAWSService": ["true", "false"],
    "aws:SourceIp": ["203.0.113.5", "10.1.2.3", "2001:db8::1", "203.0.113.255", "192.0.2.0"],
    "aws:MultiFactorAuthAge": ["10", "3600", "86400"],
    "aws:CurrentTime": ["2026-02-17T12:00:00Z", "2025-01-01T00:00:00Z", "2026-02-17T13:00:00+01:00"],
    "aws:TokenIssueTime": ["2026-02-17T11:00:00Z"],
    "aws:EpochTime": ["1771329600", "1735689600"],
    "aws:PrincipalArn": [USER, ROLE, f"arn:aws:iam::{HOME}:role/team/dev"],
    "aws:SourceArn": [f"arn:aws:sns:eu-west-1:{HOME}:topic", "arn:aws:s3:::bucket"],
    "aws:TagKeys": [["a"], ["a", "b"], ["a", "b", "c"], [], ["A"]],
    "aws:PrincipalOrgPaths": [["o-abc/r-1/ou-1/"], ["o-abc/r-1/ou-1/", "o-abc/r-1/ou-2/"]],
    "aws:username": ["alice", "bob", "Alice"],
    "aws:userid": ["AIDACKCEVSQ6C2EXAMPLE", "AROAEXAMPLE:s1"],
    "aws:PrincipalTag/team": ["red", "bucket", "blue", "é", "e\u0301", "a.b", "axb", "(a|b)+", "", "${aws:username}", "*"],
    "aws:PrincipalOrgID": ["o-abc", "o-xyz"],
    "aws:RequestTag/env": ["prod", "dev"],
}
# Keys that one action alone has.
OWN_VALUES = {
    "s3:ListBucket": {"s3:prefix": ["", "home/", "home/alice/", "logs/"], "s3:max-keys": ["10", "100"]},
    "sts:AssumeRole": {"sts:ExternalId": ["12345", "54321"], "sts:RoleSessionName": ["alice", "bob"]},
    "kms:Decrypt": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]},
}
STRINGS = [
    "red", "a", "o-abc/r-1/ou-1/", "zzz", "${aws:username}", "${aws:PrincipalTag/team}", "x-${aws:username}",
    "${aws:PrincipalTag/none}", "${aws:PrincipalTag/none, 'red'}", "${*}", "x${?}", "home/${aws:username}/",
    "${AWS:UserName}", "${aws:username", "$aws:username", "é", "a.b", "(a|b)+", "",
]
SCP_FULL = {"name": "full", "policy": {"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}


class Cases:
    """An endless row of cases, the same for the same seed."""

    def __init__(self, seed: int):
        self.seed = seed
        self.random = random.Random(seed)
        self.number = 0

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def one(self, values):
        return self.random.choice(values)

    def some(self, make, most=3):
        if self.chance(0.02):
            return []
        return make() if self.chance(0.6) else [make() for _ in range(self.random.randint(1, most))]

    def action_pattern(self, action: str) -> str:
        service, name = action.split(":")
        return self.one([
            action, action, "*", f"{service}:*", f"{service}:{name[:3]}*", f"{service}:?{name[1:]}",
            f"{service}:*{name[-4:]}", f"{service.upper()}:{name.lower()}", f"{service}:{name}X", "ec2:*", "s3:Put*",
        ])  # fmt: skip

    def resource_pattern(self, resource: str) -> str:
        patterns = ["*", "*", resource, resource, "arn:aws:s3:::bucket/home/${aws:username}/*",
                    "arn:aws:s3:::${aws:PrincipalTag/team}/*", "arn:aws:s3:::bucket/${*}"]
        if resource != "*":
            arn, partition, service, region, account, name = resource.split(":", 5)
            head = f"{arn}:{partition}:{service}:{region}:{account}:"
            patterns += [head + "*", head + name[:-1] + "?", head + name + "x", head + name[:-2] + "*",
                         f"arn:aws:{service}:*:*:{name}" if region else resource,
                         f"arn:aws:{service}:*:{name}" if region else resource,
                         f"arn:aws:{service}:{region}:*:{name}" if account else resource]
        return self.one(patterns)

    def condition(self, values: dict) -> tuple:
        key = self.one(list(values))
        suffix = "IfExists" if self.chance(0.25) else ""
        front = ""
        if key in SETS:
            front = self.one(["ForAllValues:", "ForAnyValue:"])
        elif self.chance(0.05):
            front = "ForAnyValue:"
        written = key if self.chance(0.85) else self.one([key.lower(), key.replace("aws:", "AWS:")])
        if self.chance(0.15) and not front:
            return "Null", written, self.one(["true", "false"])
        numeric = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
        if key in BOOLEANS:
            return f"{front}Bool{suffix}", written, self.one(["true", "false", True, False])
        if key in ADDRESSES:
            networks = ["203.0.113.0/24", "10.0.0.0/8", "0.0.0.0/0", "203.0.113.5", "2001:db8::/32", "::/0",
                        "10.1.2.3/32", "192.0.2.0/31"]
            return front + self.one(["IpAddress", "NotIpAddress"]) + suffix, written, self.some(lambda: self.one(networks))
        if key in NUMBERS:
            numbers = ["10", "3600", 3600, "86400", "10.0", "-1", "100"]
            return f"{front}Numeric{self.one(numeric)}{suffix}", written, self.some(lambda: self.one(numbers))
        if key in DATES:
            dates = ["2026-02-17T12:00:00Z", "1771329600", "2025-06-01T00:00:00Z", "2026-02-17T11:00:00Z", 1735689600]
            return f"{front}Date{self.one(numeric)}{suffix}", written, self.some(lambda: self.one(dates), 2)
        if key in ARNS and self.chance(0.7):
            arns = [USER, ROLE, "arn:aws:iam::*:role/*", f"arn:aws:iam::{HOME}:*", "arn:aws:sns:*:*:topic",
                    f"arn:aws:iam::{HOME}:user/${{aws:username}}", "arn:aws:s3:::b?cket",
                    f"arn:aws:iam::{HOME}:user/${{aws:PrincipalTag/none}}"]
            operator = self.one(["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"])
            return front + operator + suffix, written, self.some(lambda: self.one(arns))
        known = [value for given in values[key] for value in (given if isinstance(given, list) else [given])]
        text = lambda: self.one(known + known + STRINGS)
        like = lambda: (lambda t: self.one([t, t[:2] + "*", "*" + t[-2:], "?" + t[1:], "*", "a*"]))(self.one(known))
        plain = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"]
        if self.chance(0.6):
            return front + self.one(plain) + suffix, written, self.some(text)
        either = lambda: like() if self.chance(0.7) else text()
        return front + self.one(["StringLike", "StringNotLike"]) + suffix, written, self.some(either)

    def conditions(self, values: dict) -> dict:
        found: dict = {}
        for _ in range(self.one([0, 0, 1, 1, 1, 2])):
            operator, key, wanted = self.condition(values)
            if self.chance(0.05):
                operator = self.one([operator.lower(), operator.upper()])
            keys = found.setdefault(operator, {})
            if key.lower() not in (known.lower() for known in keys):
                keys[key] = wanted
        return found

    def statement(self, about, deny: float, principal=None, not_action=True) -> dict:
        action, resource, values = about
        statement = {"Effect": "Deny" if self.chance(deny) else "Allow"}
        if principal is not None:
            statement |= principal(statement["Effect"])
        element = "NotAction" if not_action and self.chance(0.1) else "Action"
        statement[element] = self.some(lambda: self.action_pattern(action))
        if action != "sts:AssumeRole" or principal is None:
            if self.chance(0.08):
                literal = lambda: self.resource_pattern(resource).replace("${", "#{")
                statement["NotResource"] = self.some(literal)
            else:
                statement["Resource"] = self.some(lambda: self.resource_pattern(resource))
        conditions = self.conditions(values)
        if conditions:
            statement["Condition"] = conditions
        return statement

    def policy(self, about, deny=0.25, principal=None) -> dict:
        number = 0 if self.chance(0.02) else self.random.randint(1, 3)
        statements = [self.statement(about, deny, principal) for _ in range(number)]
        version = self.one(["2012-10-17"] * 12 + ["2008-10-17", None])
        return ({"Version": version} if version else {}) | {"Statement": statements}

    def principal(self, effect: str) -> dict:
        if effect == "Deny" and self.chance(0.12):
            return {"NotPrincipal": self.one([{"AWS": [USER, ROOT]}, {"AWS": [SESSION, ROLE, ROOT]}])}
        named = ["*", {"AWS": "*"}, {"AWS": USER}, {"AWS": OTHER}, {"AWS": ROLE}, {"AWS": SESSION}, {"AWS": ROOT},
                 {"AWS": HOME}, {"AWS": f"arn:aws:iam::{STRANGER}:root"}, {"AWS": [USER, ROLE]}, {"AWS": FEDERATED},
                 {"AWS": [STRANGER, HOME]}, {"Service": SERVICE}, {"Service": [SERVICE], "AWS": [OTHER]}]
        return {"Principal": self.one(named)}

    def organization(self, about, control) -> list:
        return [{"orgIdentifier": f"level-{number}", "policies": control(about, number)}
                for number in range(self.random.randint(1, 2))]

    def scp(self, about, number) -> list:
        policies = [SCP_FULL] if self.chance(0.8) else []
        if self.chance(0.6) or not policies:
            policies.append({"name": f"scp-{number}", "policy": self.policy(about, deny=0.5)})
        return policies

    def rcp(self, about, number) -> list:
        statement = self.statement(about, 1.0, lambda _: {"Principal": "*"}, not_action=False)
        statement["Action"] = self.some(lambda: self.one([about[0], about[0].split(":")[0] + ":*", "s3:Put*"]))
        statement.setdefault("Resource", "*") if "NotResource" not in statement else None
        return [{"name": f"rcp-{number}", "policy": {"Version": "2012-10-17", "Statement": [statement]}}]

    def next(self) -> dict:
        action, resources, has_policy = self.one(OPERATIONS)
        account = self.one([HOME, HOME, HOME, ABROAD])
        resource = self.one(resources).format(account)
        if resource == "*":
            account = HOME
        principal = self.one([USER, USER, *PEOPLE, SESSION, ROOT, SERVICE, NOBODY])
        values = VALUES | OWN_VALUES.get(action, {})
        about = (action, resource, values)
        case = {
            "id": f"{self.seed}-{self.number}",
            "request": {
                "principal": principal, "action": action, "resource": {"arn": resource, "accountId": account},
                "context": {key: self.one(given) for key, given in values.items() if self.chance(0.5)},
            },
            "identityPolicies": [],
        }  # fmt: skip
        self.number += 1
        if principal in PEOPLE:
            case["identityPolicies"] = [
                {"name": f"identity-{number}", "policy": self.policy(about)} for number in range(self.one([0, 1, 1, 1, 2]))
            ]
            if self.chance(0.2):
                case["permissionBoundaryPolicies"] = [{"name": "boundary", "policy": self.policy(about, 0.15)}]
            if principal in (ROLE, SESSION, FEDERATED) and self.chance(0.35):
                case["sessionPolicy"] = self.policy(about, 0.15)
        needs_policy = action.startswith(("sts:", "kms:")) or principal in (SERVICE, NOBODY)
        if has_policy and self.chance(0.9 if needs_policy else 0.5):
            case["resourcePolicy"] = self.policy(about, principal=self.principal)
        if principal not in (SERVICE, NOBODY) and self.chance(0.2):
            case["serviceControlPolicies"] = self.organization(about, self.scp)
        if self.chance(0.12):
            case["resourceControlPolicies"] = self.organization(about, self.rcp)
        return case
