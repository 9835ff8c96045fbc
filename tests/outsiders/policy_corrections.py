"""Where iam-simulate 0.1.173 departs from AWS's documentation, and the same cases written around it.

A correction rewrites a case so that it means the same by the documentation and no longer touches the error:
then iam-simulate must agree with us on the rewritten case, and we with ourselves. So a disagreement is only
put down to an error if nothing but that error explains it.
"""

import copy
import ipaddress
import re
from datetime import datetime, timezone

from policy_cases import FEDERATED, HOME, ROLE, ROOT, SESSION

# AWS Organizations User Guide, Resource control policies: the services that have them.
RCP_SERVICES = {"s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "dynamodb", "logs", "cognito-idp",
                "cognito-identity"}  # fmt: skip
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def documents(case):
    """Every policy document of a case."""
    for named in case["identityPolicies"] + case.get("permissionBoundaryPolicies", []):
        yield named["policy"]
    for member in ("serviceControlPolicies", "resourceControlPolicies"):
        for level in case.get(member, []):
            yield from (named["policy"] for named in level["policies"])
    yield from (case[member] for member in ("sessionPolicy", "resourcePolicy") if member in case)


def statements(document):
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def conditions(case, version=None):
    """Every (operator in lower case, key, values) with a way to set the values anew."""
    for document in documents(case):
        if version in (None, document.get("Version", "2008-10-17")):
            for statement in statements(document):
                for operator, keys in statement.get("Condition", {}).items():
                    for key in list(keys):
                        yield operator.lower(), key, keys


def rewrite(case, change, version=None, when=lambda operator: True):
    """Changes each value of each condition; a change may answer with several values."""
    for operator, key, keys in conditions(case, version):
        if when(operator):
            given = keys[key] if isinstance(keys[key], list) else [keys[key]]
            changed = [new for value in given for new in change(value)]
            if changed != given:
                keys[key] = changed


def service(case):
    return case["request"]["action"].split(":")[0].lower()


def e1_variables_of_2008(case):
    """E1: expands `${…}` in a policy of Version 2008-10-17, where it is literal text."""
    for document in documents(case):
        if document.get("Version", "2008-10-17") == "2008-10-17":
            for statement in statements(document):
                text = lambda value: value.replace("${", "#{") if isinstance(value, str) else value
                for element in ("Resource", "NotResource"):
                    if element in statement:
                        value = statement[element]
                        statement[element] = [text(v) for v in value] if isinstance(value, list) else text(value)
                for keys in statement.get("Condition", {}).values():
                    for key, value in keys.items():
                        keys[key] = [text(v) for v in value] if isinstance(value, list) else text(value)


def e2_variables_without_value(case):
    """E2: a negated operator does not match a variable without a value, though everything is unlike it."""
    present = {key.lower() for key, value in case["request"]["context"].items() if isinstance(value, str)}

    def change(value):
        names = re.findall(r"\$\{([^},]+)\}", str(value))
        missing = any(name not in "*?$" and name.lower() not in present for name in names)
        return ["arn:aws:none:::none" if str(value).startswith("arn:") else "#none"] if missing else [value]

    rewrite(case, change, "2012-10-17", lambda operator: "not" in operator)


def e3_all_addresses(case):
    """E3: `0.0.0.0/0` contains nothing but 0.0.0.0."""
    halves = ["0.0.0.0/1", "128.0.0.0/1"]
    rewrite(case, lambda value: halves if value == "0.0.0.0/0" else [value])


def e4_bare_addresses(case):
    """E4: a bare IPv4 address is not taken for a /32 where the request comes by IPv6."""

    def change(value):
        try:
            return [f"{ipaddress.IPv4Address(value)}/32"]
        except ValueError:
            return [value]

    rewrite(case, change, None, lambda operator: "ipaddress" in operator)


def e5_epochs(case):
    """E5: mixes up seconds since 1970 and ISO 8601."""

    def iso(value):
        if re.fullmatch(r"\d+", str(value)):
            return datetime.fromtimestamp(int(value), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return value

    rewrite(case, lambda value: [iso(value)], None, lambda operator: "date" in operator)
    # The key is compared as text, too: only dates are rewritten where no other operator looks at it.
    others = {key.lower() for operator, key, _ in conditions(case) if "date" not in operator and operator != "null"}
    context = case["request"]["context"]
    if "aws:EpochTime" in context and "aws:epochtime" not in others:
        context["aws:EpochTime"] = iso(context["aws:EpochTime"])


def e6_escapes(case):
    """E6: leaves `${*}`, `${?}` and `${$}` as they are in StringEquals."""
    plain = lambda value: [re.sub(r"\$\{([*?$])\}", r"\1", value) if isinstance(value, str) else value]
    rewrite(case, plain, "2012-10-17", lambda operator: "string" in operator and "like" not in operator)


def e7_named_sessions(case):
    """E7: a silent session policy limits what a resource policy of the same account grants to the session
    itself, or to everyone narrowed by aws:PrincipalArn."""
    principal = case["request"]["principal"]
    if case["request"]["resource"]["accountId"] != HOME:
        return
    for statement in statements(case.get("resourcePolicy", {"Statement": []})):
        named = statement.get("Principal")
        everyone = named in ("*", {"AWS": "*"}) and "aws:principalarn" in str(statement.get("Condition")).lower()
        itself = isinstance(named, dict) and principal in (SESSION, FEDERATED) and principal in named.get("AWS", [])
        if "sessionPolicy" in case and statement["Effect"] == "Allow" and (everyone or itself):
            # Named by the user or role instead, who is bound by session policies, it must not matter that
            # the policy is silent; so it is made to speak.
            allowed = copy.deepcopy(statement)
            for element in ("Principal", "Sid"):
                allowed.pop(element, None)
            allowed.setdefault("Resource", "*") if "NotResource" not in allowed else None
            case["sessionPolicy"]["Statement"] = [*statements(case["sessionPolicy"]), allowed]


def e8_federated_users(case):
    """E8: a federated user without a session policy has the user's permissions."""
    if case["request"]["principal"] == FEDERATED and "sessionPolicy" not in case:
        nothing = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": f"arn:aws:iam::{HOME}:user/nobody"}
        case["sessionPolicy"] = {"Version": "2012-10-17", "Statement": [nothing]}


def root_users(case):
    """Policy evaluation logic: all requests are denied "with the exception of the AWS account root user"."""
    if case["request"]["principal"] == ROOT:
        case["identityPolicies"] = [{"name": "root", "policy": {"Version": "2012-10-17", "Statement": [EVERYTHING]}}]


def rcps_of_other_services(case):
    """RCPs apply to a few services; iam-simulate applies them to all."""
    if service(case) not in RCP_SERVICES:
        case.pop("resourceControlPolicies", None)


def not_principal(case):
    """NotPrincipal spares who is named together with the account; iam-simulate spares the whole account."""
    principal = case["request"]["principal"]
    for statement in statements(case.get("resourcePolicy", {"Statement": []})):
        spared = statement.get("NotPrincipal", {}).get("AWS", [principal])
        # A role's ARN as the caller stands for a session of it, which is not the one that is spared.
        if principal not in spared or (principal == ROLE and SESSION in spared):
            del statement["NotPrincipal"]
            statement["Principal"] = "*"


def running_wildcards(case):
    """Resource: the `*` that ends a segment "can expand to match beyond the colon boundaries"."""
    change = lambda value: re.sub(r"^(arn:aws:[a-z0-9]+:\*):([^:*]+)$", r"\1:*:\2", value)
    longer = lambda value: re.sub(r"^(arn:aws:[a-z0-9]+:\*):(?!\d{12}:)([^:*]+:[^:*]+)$", r"\1:*:\2", value)
    for document in documents(case):
        for statement in statements(document):
            for element in ("Resource", "NotResource"):
                if element in statement:
                    given = statement[element] if isinstance(statement[element], list) else [statement[element]]
                    statement[element] = [longer(change(value)) for value in given]


def boundaries_in_trust(case):
    """Update a role trust policy: "If a permissions boundary is set for the user, then it must allow the
    sts:AssumeRole action". By another page it need not; ours takes the stricter one."""
    request = case["request"]
    is_user = ":user/" in request["principal"]
    if is_user and service(case) == "sts" and "permissionBoundaryPolicies" in case and "resourcePolicy" in case:
        # As role sessions named by their role are treated: both must allow.
        boundary = case["permissionBoundaryPolicies"][0]["policy"]
        case["serviceControlPolicies"] = case.get("serviceControlPolicies", []) + [
            {"orgIdentifier": "boundary", "policies": [{"name": "boundary", "policy": copy.deepcopy(boundary)}]}
        ]


CORRECTIONS = [
    e1_variables_of_2008, e2_variables_without_value, e3_all_addresses, e4_bare_addresses, e5_epochs, e6_escapes,
    e8_federated_users, e7_named_sessions, root_users, rcps_of_other_services, not_principal,
    running_wildcards, boundaries_in_trust,
]  # fmt: skip


def ruled_out(case) -> bool:
    """What a kind of credential may not call whatever its policies say; iam-simulate does not know."""
    principal, action = case["request"]["principal"], case["request"]["action"]
    root = principal == ROOT and action == "sts:AssumeRole"
    return root or (principal == FEDERATED and service(case) in ("sts", "iam"))


def corrected(case) -> tuple:
    """The case written around every error, and the names of the corrections that changed it."""
    changed, names = copy.deepcopy(case), []
    for correction in CORRECTIONS:
        before = copy.deepcopy(changed)
        correction(changed)
        if changed != before:
            names.append(correction.__name__)
    return changed, names
