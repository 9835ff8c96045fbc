"""Authorization: what policies refuse, in the words that name the principal, action and reason."""

import datetime
import json
import re

from bastion import WITH_MFA, World, allow, deny, mfa_trust, new_person, policy
from refusals import Table, check
from sandbox import Keys
from wire import Request, refused

TABLE = Table()
refusal = TABLE.refusal

# Since January 2026 AWS names the managed policy that denies, inside one account (8.2).
POLICY_ARN = r"(: arn:aws:iam::\d{12}:policy/\S+)?"


def create_eve(w: World, keys: Keys):
    """iam:CreateUser in the bastion account, as the standard attempt."""
    return refused(w.client("iam", keys).create_user, UserName="eve")


def named(w: World, answer, user: str | None = None):
    return answer, {"user": user or w.alice.arn, "eve": w.bastion.arn("user/eve")}


@refusal(
    "8.2",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: iam:CreateUser on resource: {eve} "
    "because no identity-based policy allows the iam:CreateUser action",
)
def no_policy_allows(w):
    return named(w, create_eve(w, w.alice.keys))


@refusal(
    "8.2; an MFA session has the user's permissions and no more",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: iam:CreateUser on resource: {eve} "
    "because no identity-based policy allows the iam:CreateUser action",
)
def no_policy_allows_the_mfa_session(w):
    return named(w, create_eve(w, w.alice.mfa_session()))


@refusal(
    "8.2",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: iam:CreateUser on resource: {eve} "
    "with an explicit deny in an identity-based policy",
)
def explicit_deny(w):
    w.grant(w.alice, allow("*"), deny("iam:Create*"))
    return named(w, create_eve(w, w.alice.keys))


@refusal(
    "8.2; live evaluation",
    403,
    "AccessDenied",
    re.compile(
        r"User: arn:aws:iam::\d{12}:user/postern/alice is not authorized to perform: iam:CreateUser on resource: "
        r"arn:aws:iam::\d{12}:user/eve with an explicit deny in an identity-based policy" + POLICY_ARN
    ),
)
def explicit_deny_of_a_groups_managed_policy(w):
    w.grant(w.alice, allow("*"))
    w.client("iam", w.alice.keys).create_user(UserName="friend")
    made = w.bastion.iam.create_policy(PolicyName="stop", PolicyDocument=policy(deny("iam:CreateUser")))
    w.bastion.iam.attach_group_policy(GroupName="developers", PolicyArn=made["Policy"]["Arn"])
    return create_eve(w, w.alice.keys)


@refusal(
    "5: Deny with BoolIfExists false hits long-term keys",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: iam:CreateUser on resource: {eve} "
    "with an explicit deny in an identity-based policy",
)
def deny_unless_mfa_hits_the_long_term_key(w):
    without = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    w.grant(w.alice, allow("*"), deny("iam:*", Condition=without))
    w.client("iam", w.alice.mfa_session()).get_user()
    return named(w, create_eve(w, w.alice.keys))


@refusal(
    "5: Allow with Bool true fails for long-term keys",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: iam:CreateUser on resource: {eve} "
    "because no identity-based policy allows the iam:CreateUser action",
)
def allow_only_with_mfa(w):
    w.grant(w.alice, allow("iam:*", Condition=WITH_MFA))
    w.client("iam", w.alice.mfa_session()).create_user(UserName="friend")
    return named(w, create_eve(w, w.alice.keys))


def bounded(w: World, *statements: dict):
    """alice may everything, within a boundary of these statements."""
    made = w.bastion.iam.create_policy(PolicyName="boundary", PolicyDocument=policy(*statements))
    w.bastion.iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=made["Policy"]["Arn"])
    w.grant(w.alice, allow("*"))


@refusal(
    "8.2",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: iam:CreateUser on resource: {eve} "
    "because no permissions boundary allows the iam:CreateUser action",
)
def outside_the_boundary(w):
    bounded(w, allow("iam:Get*"))
    w.client("iam", w.alice.keys).get_user()
    return named(w, create_eve(w, w.alice.keys))


@refusal(
    "8.2",
    403,
    "AccessDenied",
    re.compile(r"User: .* iam:CreateUser on resource: .* with an explicit deny in a permissions boundary" + POLICY_ARN),
)
def denied_by_the_boundary(w):
    bounded(w, allow("*"), deny("iam:CreateUser"))
    return create_eve(w, w.alice.keys)


def admin_session(w: World, *statements: dict) -> Keys:
    """A role in prod that may everything, in a session narrowed to these statements."""
    role = w.role("admin", mfa_trust(w.bastion.arn("root")), "*")
    w.grant(w.alice, allow("sts:AssumeRole"))
    return w.assume(w.alice.mfa_session(), role, Policy=policy(*statements))


@refusal(
    "8.2",
    403,
    "AccessDenied",
    re.compile(
        r"User: arn:aws:sts::\d{12}:assumed-role/admin/work is not authorized to perform: iam:CreateUser on resource: "
        r"arn:aws:iam::\d{12}:user/eve because no session policy allows the iam:CreateUser action"
    ),
)
def outside_the_session_policy(w):
    keys = admin_session(w, allow("iam:List*"))
    w.client("iam", keys).list_users()
    return create_eve(w, keys)


@refusal(
    "8.2",
    403,
    "AccessDenied",
    re.compile(r"User: .* iam:CreateUser on resource: .* with an explicit deny in a session policy"),
)
def denied_by_the_session_policy(w):
    return create_eve(w, admin_session(w, allow("*"), deny("iam:CreateUser")))


@refusal(
    "8.2: the session's ARN for roles",
    403,
    "AccessDenied",
    re.compile(
        r"User: arn:aws:sts::\d{12}:assumed-role/developer/work is not authorized to perform: iam:CreateUser on "
        r"resource: arn:aws:iam::\d{12}:user/eve because no identity-based policy allows the iam:CreateUser action"
    ),
)
def iam_write_from_the_role(w):
    return create_eve(w, w.assume(w.alice.mfa_session()))


@refusal(
    "14, revoking role sessions: AWSRevokeOlderSessions",
    403,
    "UnauthorizedOperation",
    re.compile(r".* ec2:DescribeInstances with an explicit deny in an identity-based policy"),
)
def revoked_by_token_issue_time(w):
    keys = w.assume(w.alice.mfa_session())
    w.client("ec2", keys).describe_instances()
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    older = {"DateLessThan": {"aws:TokenIssueTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    w.prod.iam.put_role_policy(
        RoleName="developer",
        PolicyName="AWSRevokeOlderSessions",
        PolicyDocument=policy(deny("*", Condition=older)),
    )
    return refused(w.client("ec2", keys).describe_instances)


@refusal(
    "8.1",
    403,
    "UnauthorizedOperation",
    "You are not authorized to perform this operation. User: {user} is not authorized to perform: "
    "ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action",
)
def ec2_with_the_bare_key(w):
    return named(w, refused(w.client("ec2", w.alice.keys).describe_instances))


@refusal(
    "8.1",
    403,
    "UnauthorizedOperation",
    re.compile(r"You are not authorized to perform this operation\. User: .* ec2:DescribeRegions because no .*"),
)
def ec2_regions_with_the_mfa_session(w):
    return refused(w.client("ec2", w.alice.mfa_session()).describe_regions)


@refusal("8.1", 403, "AccessDenied", re.compile(r"Access Denied|User: .* s3:ListAllMyBuckets because no .*"))
def s3_with_the_bare_key(w):
    return refused(w.client("s3", w.alice.keys).list_buckets)


@refusal("8.5", 400, "ValidationError", "Must specify userName when calling with non-User credentials")
def get_user_without_a_name_from_a_role(w):
    role = w.role("admin", mfa_trust(w.bastion.arn("root")), "*")
    w.grant(w.alice, allow("sts:AssumeRole"))
    return refused(w.client("iam", w.assume(w.alice.mfa_session(), role)).get_user)


@refusal(
    "8.6",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key AKIAIOSFODNN7EXAMPLE",
)
def last_use_of_an_unknown_key(w):
    w.grant(w.alice, allow("*"))
    return named(
        w, refused(w.client("iam", w.alice.keys).get_access_key_last_used, AccessKeyId="AKIAIOSFODNN7EXAMPLE")
    )


@TABLE.parametrize()
def test_is_refused(case, request):
    check(case, request)


# --- On what resource a call is authorised (8.4) ---


def test_device_calls_are_authorised_on_user_or_device(world):
    w = world
    bob = new_person(w.bastion, "bob", mfa=False)
    w.grant(
        bob,
        allow(["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"], w.bastion.arn("mfa/bob")),
        allow(["iam:EnableMFADevice", "iam:ListMFADevices", "iam:DeactivateMFADevice"], bob.arn),
    )
    iam = bob.client("iam")
    assert refused(iam.create_virtual_mfa_device, VirtualMFADeviceName="alice").code == "AccessDenied"
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="bob")["VirtualMFADevice"]["SerialNumber"]
    assert iam.list_mfa_devices()["MFADevices"] == []
    assert refused(iam.list_mfa_devices, UserName="alice").code == "AccessDenied"
    iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_policy_variables_name_the_caller(world):
    w = world
    bob = new_person(w.bastion, "bob", mfa=False)
    w.grant(bob, allow("iam:*AccessKey*", f"arn:aws:iam::{w.bastion.id}:user/${{aws:username}}"))
    iam = bob.client("iam")
    assert [key["AccessKeyId"] for key in iam.list_access_keys()["AccessKeyMetadata"]] == [bob.keys.id]
    assert refused(iam.list_access_keys, UserName="alice").code == "AccessDenied"


def test_session_tags_and_source_identity_reach_the_policies(world):
    w = world
    may = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    w.grant(w.alice, allow(may))
    statement = {"Effect": "Allow", "Principal": {"AWS": w.bastion.arn("root")}, "Action": may}
    role = w.role("tagged", policy(statement))
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "alice"}}
    w.prod.iam.put_role_policy(
        RoleName="tagged", PolicyName="work", PolicyDocument=policy(allow("ec2:*", Condition=condition))
    )
    red, blue = ([{"Key": "team", "Value": value}] for value in ("red", "blue"))
    answer = w.alice.client("sts").assume_role(
        RoleArn=role, RoleSessionName="work", Tags=red, SourceIdentity="alice"
    )
    assert answer["SourceIdentity"] == "alice" and answer["PackedPolicySize"] > 0
    w.client("ec2", Keys.of(answer["Credentials"])).describe_instances()
    for other in ({"Tags": blue, "SourceIdentity": "alice"}, {"Tags": red}, {"SourceIdentity": "alice"}):
        keys = w.assume(w.alice.keys, role, **other)
        assert refused(w.client("ec2", keys).describe_instances).code == "UnauthorizedOperation"


# --- What is not built is never faked ---


def test_what_the_sandbox_lacks_is_said_by_name(world):
    # Not an answer of AWS: the sandbox's own, for an operation that it does not have.
    answer = Request(
        world.endpoint,
        world.bastion.root,
        service="ec2",
        action="CreateVpc",
        parameters={"CidrBlock": "10.0.0.0/16"},
    ).sign().send()
    assert answer.status == 501 and "CreateVpc" in answer.body


def test_what_the_sandbox_lacks_is_authenticated_first(world):
    stranger = Keys("AKIAIOSFODNN7EXAMPLE", "secret")
    answer = Request(world.endpoint, stranger, service="ec2", action="CreateVpc").sign().send()
    assert (answer.status, answer.code) == (401, "AuthFailure")


def test_events_record_calls_and_denials(world):
    w = world
    create_eve(w, w.alice.keys)
    events = w.sandbox.admin("GET", "/events")
    records = events["Records"] if isinstance(events, dict) else events
    mine = [e for e in records if "alice" in json.dumps(e.get("userIdentity", {})) and w.bastion.id in json.dumps(e)]
    assert any(e["eventName"] == "CreateUser" and e.get("errorCode") == "AccessDenied" for e in mine)
    assert not any(w.alice.keys.secret in json.dumps(e) for e in records)
