"""STS: sessions, MFA codes, roles and chains, each refused as AWS refuses it."""

import re

from bastion import WITH_MFA, World, allow, deny, mfa_trust, new_person, policy, trust
from refusals import Table, check
from sandbox import Keys
from wire import Request, refused

TABLE = Table()
refusal = TABLE.refusal

INCOMPLETE_MFA = (
    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. "
)
FOREIGN_MFA = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user. "
)
WRONG_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
NOT_AUTHORIZED = "User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}"


def get_session(w: World, keys: Keys | None = None, **arguments):
    return refused(w.client("sts", keys or w.alice.keys).get_session_token, **arguments)


def assume(w: World, keys: Keys, role: str | None = None, **arguments):
    arguments = {"RoleArn": role or w.developer, "RoleSessionName": "work"} | arguments
    return refused(w.client("sts", keys).assume_role, **arguments)


def not_authorized(w: World, keys: Keys, role: str | None = None, user: str | None = None, **arguments):
    return assume(w, keys, role, **arguments), {"user": user or w.alice.arn, "role": role or w.developer}


# --- MFA codes ---


@refusal("6, MFA parameters", 403, "AccessDenied", INCOMPLETE_MFA)
def serial_without_code(w):
    return get_session(w, SerialNumber=w.alice.device.serial)


@refusal("6, MFA parameters", 403, "AccessDenied", INCOMPLETE_MFA)
def code_without_serial(w):
    return get_session(w, TokenCode=w.alice.device.code())


@refusal("6, MFA parameters", 403, "AccessDenied", WRONG_CODE)
def wrong_code(w):
    return get_session(w, SerialNumber=w.alice.device.serial, TokenCode=w.alice.device.wrong_code())


@refusal("6, MFA parameters", 403, "AccessDenied", WRONG_CODE)
def stale_code(w):
    device = w.alice.device
    return get_session(w, SerialNumber=device.serial, TokenCode=device.at(device.now() - 4))


@refusal("6, MFA parameters; 9.6", 403, "AccessDenied", WRONG_CODE)
def replayed_code(w):
    code, serial = w.alice.device.code(), w.alice.device.serial
    w.alice.client("sts").get_session_token(SerialNumber=serial, TokenCode=code)
    return get_session(w, SerialNumber=serial, TokenCode=code)


@refusal("9.6: one use across both calls", 403, "AccessDenied", WRONG_CODE)
def code_of_a_session_replayed_at_assume_role(w):
    code, serial = w.alice.device.code(), w.alice.device.serial
    w.alice.client("sts").get_session_token(SerialNumber=serial, TokenCode=code)
    return assume(w, w.alice.keys, SerialNumber=serial, TokenCode=code)


@refusal("9.6: enabling spends its codes", 403, "AccessDenied", WRONG_CODE)
def code_that_enabled_the_device(w):
    device = w.alice.new_device(enable=False)
    one, two = device.enabling()
    w.bastion.iam.enable_mfa_device(
        UserName="alice", SerialNumber=device.serial, AuthenticationCode1=one, AuthenticationCode2=two
    )
    return get_session(w, SerialNumber=device.serial, TokenCode=two)


@refusal("6, MFA parameters", 403, "AccessDenied", FOREIGN_MFA)
def foreign_device(w):
    bob = w.person("bob")
    return get_session(w, SerialNumber=bob.device.serial, TokenCode=bob.device.code())


@refusal("6, MFA parameters", 403, "AccessDenied", FOREIGN_MFA)
def device_of_another_account(w):
    eve = new_person(w.prod, "alice")
    return get_session(w, SerialNumber=eve.device.serial, TokenCode=eve.device.code())


@refusal("6, MFA parameters", 403, "AccessDenied", FOREIGN_MFA)
def unassigned_device(w):
    device = w.alice.new_device(enable=False)
    return get_session(w, SerialNumber=device.serial, TokenCode=device.at(device.now()))


@refusal("6, MFA parameters", 403, "AccessDenied", FOREIGN_MFA)
def deactivated_device(w):
    device = w.alice.device
    w.bastion.iam.deactivate_mfa_device(UserName="alice", SerialNumber=device.serial)
    return get_session(w, SerialNumber=device.serial, TokenCode=device.code())


@refusal("6, MFA parameters", 403, "AccessDenied", FOREIGN_MFA)
def unknown_device(w):
    return get_session(w, SerialNumber=w.bastion.arn("mfa/nobody"), TokenCode="123456")


@refusal(
    "6, MFA parameters",
    400,
    "ValidationError",
    "1 validation error detected: Value '12345' at 'tokenCode' failed to satisfy constraint: "
    "Member must have length greater than or equal to 6",
)
def five_digits(w):
    return get_session(w, SerialNumber=w.alice.device.serial, TokenCode="12345")


# --- GetSessionToken and what its sessions may not do ---


@refusal("6, GetSessionToken", 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
def session_from_a_session(w):
    return get_session(w, w.alice.plain_session())


@refusal("6, GetSessionToken", 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
def session_from_an_mfa_session(w):
    return get_session(w, w.alice.mfa_session())


@refusal("6, GetSessionToken", 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
def session_from_a_role(w):
    return get_session(w, w.assume(w.alice.mfa_session()))


@refusal(
    "6 and 1.9",
    400,
    "ValidationError",
    "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
    "Member must have value greater than or equal to 900",
)
def session_too_short(w):
    return get_session(w, DurationSeconds=899)


@refusal(
    "6 and 1.9",
    400,
    "ValidationError",
    "1 validation error detected: Value '129601' at 'durationSeconds' failed to satisfy constraint: "
    "Member must have value less than or equal to 129600",
)
def session_too_long(w):
    return get_session(w, DurationSeconds=129_601)


@refusal(
    "6, restrictions of GetSessionToken: not AccessDenied",
    403,
    "InvalidClientTokenId",
    re.compile(r"The security token included in the request is invalid\.?"),
)
def iam_from_a_session_without_mfa(w):
    w.grant(w.alice, allow("iam:*"))
    w.client("iam", w.alice.keys).get_user()
    return refused(w.client("iam", w.alice.plain_session()).get_user)


# --- AssumeRole: who may ---


@refusal("6, Denied (N1: the MFA keys are absent)", 403, "AccessDenied", NOT_AUTHORIZED)
def stolen_key_without_mfa(w):
    return not_authorized(w, w.alice.keys)


@refusal("6, Denied (N2: present and false)", 403, "AccessDenied", NOT_AUTHORIZED)
def stolen_key_with_a_session_without_mfa(w):
    return not_authorized(w, w.alice.plain_session())


@refusal("6, Denied: the trust policy alone refuses", 403, "AccessDenied", NOT_AUTHORIZED)
def trust_demands_mfa_where_the_caller_may_all(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    return not_authorized(w, w.alice.plain_session())


@refusal("6, Denied: the caller's side alone refuses", 403, "AccessDenied", NOT_AUTHORIZED)
def trusted_and_with_mfa_but_without_permission(w):
    carol = new_person(w.bastion, "carol")
    return not_authorized(w, carol.mfa_session(), user=carol.arn)


@refusal("6, role missing looks the same", 403, "AccessDenied", NOT_AUTHORIZED)
def role_missing(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    return not_authorized(w, w.alice.mfa_session(), role=w.prod.arn("role/postern/missing"))


@refusal("6, account missing looks the same", 403, "AccessDenied", NOT_AUTHORIZED)
def account_missing(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    return not_authorized(w, w.alice.mfa_session(), role="arn:aws:iam::000000000042:role/developer")


@refusal("4.4: the path belongs to the ARN", 403, "AccessDenied", NOT_AUTHORIZED)
def role_without_its_path(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    return not_authorized(w, w.alice.mfa_session(), role=w.prod.arn("role/developer"))


@refusal("5: a role session carries no MFA", 403, "AccessDenied", NOT_AUTHORIZED)
def role_session_before_an_mfa_condition(w):
    other = w.sandbox.account()
    role = other.iam.create_role(RoleName="inner", AssumeRolePolicyDocument=mfa_trust(w.prod.arn("root")))
    arn = role["Role"]["Arn"]
    w.prod.iam.put_role_policy(
        RoleName="developer", PolicyName="more", PolicyDocument=policy(allow("sts:AssumeRole"))
    )
    session = f"arn:aws:sts::{w.prod.id}:assumed-role/developer/work"
    return not_authorized(w, w.assume(w.alice.mfa_session()), role=arn, user=session)


@refusal("5: absent is not false", 403, "AccessDenied", NOT_AUTHORIZED)
def bool_false_does_not_match_a_long_term_key(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    without = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    role = w.role("odd", trust(w.bastion.arn("root"), Condition=without))
    # A session without MFA has the key, present and false, and may.
    w.assume(w.alice.plain_session(), role)
    return not_authorized(w, w.alice.keys, role=role)


@refusal("5, traps: Null false only proves a temporary credential", 403, "AccessDenied", NOT_AUTHORIZED)
def null_condition_refuses_the_long_term_key(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    present = {"Null": {"aws:MultiFactorAuthPresent": "false"}}
    role = w.role("odd", trust(w.bastion.arn("root"), Condition=present))
    w.assume(w.alice.plain_session(), role)
    return not_authorized(w, w.alice.keys, role=role)


@refusal("5: MultiFactorAuthAge counts from the code", 403, "AccessDenied", NOT_AUTHORIZED, own_sandbox=True)
def mfa_too_old(w):
    w.grant(w.alice, allow("sts:AssumeRole"))
    fresh = {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    role = w.role("admin", trust(w.bastion.arn("root"), Condition=WITH_MFA | fresh))
    session = w.alice.mfa_session()
    w.assume(session, role)
    w.sandbox.advance(3601)
    w.assume(session)
    return not_authorized(w, session, role=role)


@refusal("6, Who may assume: an explicit Deny wins", 403, "AccessDenied", NOT_AUTHORIZED)
def explicit_deny_on_the_callers_side(w):
    w.grant(w.alice, deny("sts:AssumeRole"))
    return not_authorized(w, w.alice.mfa_session())


@refusal("6, ExternalId", 403, "AccessDenied", NOT_AUTHORIZED)
def wrong_external_id(w):
    role = third_party(w)
    w.assume(w.alice.keys, role, ExternalId="four-swallows")
    return not_authorized(w, w.alice.keys, role=role, ExternalId="five-swallows")


@refusal("6, ExternalId", 403, "AccessDenied", NOT_AUTHORIZED)
def missing_external_id(w):
    return not_authorized(w, w.alice.keys, role=third_party(w))


def third_party(w: World) -> str:
    w.grant(w.alice, allow("sts:AssumeRole"))
    condition = {"StringEquals": {"sts:ExternalId": "four-swallows"}}
    return w.role("audited", trust(w.bastion.arn("root"), Condition=condition))


@refusal("6, AssumeRole", 403, "AccessDenied", "Roles may not be assumed by root accounts.")
def root_assumes_a_role(w):
    return assume(w, w.bastion.root)


@refusal("7: a user reborn is another user", 403, "AccessDenied", NOT_AUTHORIZED)
def reborn_user(w):
    bob = w.person("bob", mfa=False)
    w.grant(bob, allow("sts:AssumeRole"))
    role = w.role("bobs", trust(bob.arn))
    w.assume(bob.keys, role)
    iam = w.bastion.iam
    iam.delete_user_policy(UserName="bob", PolicyName="extra")
    iam.delete_access_key(UserName="bob", AccessKeyId=bob.keys.id)
    iam.remove_user_from_group(UserName="bob", GroupName="developers")
    iam.delete_user(UserName="bob")
    again = w.person("bob", mfa=False)
    w.grant(again, allow("sts:AssumeRole"))
    assert again.arn == bob.arn and again.user_id != bob.user_id
    return not_authorized(w, again.keys, role=role, user=again.arn)


# --- AssumeRole: durations and chains ---

CHAINED = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."


@refusal("6, Chaining: GetSessionToken counts", 400, "ValidationError", CHAINED)
def mfa_session_asks_for_more_than_an_hour(w):
    role = w.role("long", mfa_trust(w.bastion.arn("root")), MaxSessionDuration=43_200)
    w.grant(w.alice, allow("sts:AssumeRole"))
    return assume(w, w.alice.mfa_session(), role, DurationSeconds=3601)


@refusal("6, Chaining", 400, "ValidationError", CHAINED)
def role_session_asks_for_more_than_an_hour(w):
    inner = w.role("inner", trust(w.prod.arn("root")), MaxSessionDuration=43_200)
    w.prod.iam.put_role_policy(
        RoleName="developer", PolicyName="more", PolicyDocument=policy(allow("sts:AssumeRole"))
    )
    return assume(w, w.assume(w.alice.mfa_session()), inner, DurationSeconds=3601)


@refusal(
    "6, AssumeRole",
    400,
    "ValidationError",
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
)
def above_the_roles_maximum(w):
    return assume(
        w, w.alice.keys, DurationSeconds=3601, SerialNumber=w.alice.device.serial, TokenCode=w.alice.device.code()
    )


@refusal(
    "6, AssumeRole",
    400,
    "ValidationError",
    "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
    "Member must have value greater than or equal to 900",
)
def role_session_too_short(w):
    return assume(w, w.alice.keys, DurationSeconds=899)


@refusal(
    "6, AssumeRole",
    400,
    "ValidationError",
    "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: "
    "Member must have value less than or equal to 43200",
)
def role_session_too_long(w):
    return assume(w, w.alice.keys, DurationSeconds=43_201)


# --- AssumeRole: its other parameters ---


@refusal("6, AssumeRole", 400, "ValidationError", "nothing-valid-in-here is invalid")
def role_arn_is_no_arn(w):
    return assume(w, w.alice.keys, "nothing-valid-in-here")


@refusal(
    "1.9",
    400,
    "ValidationError",
    "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
    r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
)
def session_name_with_a_colon(w):
    return assume(w, w.alice.keys, RoleSessionName="Session1:2")


@refusal("6 and 1.9", 400, "ValidationError", re.compile(r"1 validation error detected: Value .*roleSessionName.* Member must not be null"))
def session_name_missing(w):
    return Request(w.endpoint, w.alice.keys, action="AssumeRole", parameters={"RoleArn": w.developer}).sign().send()


def open_role(w: World) -> str:
    """One that alice's bare key may assume, and nothing beyond that."""
    w.grant(w.alice, allow("sts:AssumeRole"))
    return w.role("open", trust(w.bastion.arn("root")))


@refusal(
    "6, Tags",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: sts:TagSession on resource: {role}",
)
def tags_without_permission(w):
    return not_authorized(w, w.alice.keys, open_role(w), Tags=[{"Key": "team", "Value": "red"}])


@refusal(
    "6, SourceIdentity",
    403,
    "AccessDenied",
    "User: {user} is not authorized to perform: sts:SetSourceIdentity on resource: {role}",
)
def source_identity_without_permission(w):
    return not_authorized(w, w.alice.keys, open_role(w), SourceIdentity="alice")


@refusal(
    "6, Tags",
    400,
    "InvalidParameterValue",
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
)
def session_tags_twice(w):
    tags = [{"Key": "team", "Value": "red"}, {"Key": "TEAM", "Value": "blue"}]
    return assume(w, w.alice.keys, open_role(w), Tags=tags)


@refusal(
    "6, Tags",
    400,
    "InvalidParameterValue",
    "The specified transitive tag key must be included in the requested tags.",
)
def transitive_key_without_tag(w):
    tags = [{"Key": "team", "Value": "red"}]
    return assume(w, w.alice.keys, open_role(w), Tags=tags, TransitiveTagKeys=["cost"])


@refusal("6, Policy", 400, "MalformedPolicyDocument", re.compile(r".+"))
def session_policy_is_no_json(w):
    return assume(w, w.alice.keys, open_role(w), Policy="{not json")


@refusal(
    "1.8",
    400,
    "InvalidAction",
    "Could not find operation NoSuchThing for version 2011-06-15",
)
def no_such_operation(w):
    return Request(w.endpoint, w.alice.keys, action="NoSuchThing").sign().send()


@TABLE.parametrize()
def test_is_refused(case, request):
    check(case, request)


# --- What must pass beside all that ---


def test_the_mfa_session_serves_every_role_until_it_ends(own_world):
    w = own_world
    other = w.role("other", mfa_trust(w.bastion.arn("root")), "ec2:DescribeInstances")
    w.grant(w.alice, allow("sts:AssumeRole", Condition=WITH_MFA))
    session = w.alice.mfa_session()
    for role in (w.developer, other, w.developer):
        w.client("ec2", w.assume(session, role)).describe_instances()
    w.sandbox.advance(43_000)
    w.client("ec2", w.assume(session)).describe_instances()


def test_assume_role_directly_with_a_code_gives_more_than_an_hour(world):
    w = world
    role = w.role("long", mfa_trust(w.bastion.arn("root")), MaxSessionDuration=43_200)
    w.grant(w.alice, allow("sts:AssumeRole", Condition=WITH_MFA))
    answer = w.alice.client("sts").assume_role(
        RoleArn=role,
        RoleSessionName="work",
        DurationSeconds=43_200,
        SerialNumber=w.alice.device.serial,
        TokenCode=w.alice.device.code(),
    )
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{w.prod.id}:assumed-role/long/work"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    assert "PackedPolicySize" not in answer


def test_deactivating_the_key_does_not_end_its_sessions(world):
    session = world.alice.mfa_session()
    world.bastion.iam.update_access_key(
        UserName="alice", AccessKeyId=world.alice.keys.id, Status="Inactive"
    )
    world.client("ec2", world.assume(session)).describe_instances()


def test_get_session_token_ignores_policies(world):
    w = world
    w.grant(w.alice, deny("*"))
    assert w.alice.plain_session().token
    # GetCallerIdentity, too, is allowed under an explicit Deny.
    assert w.alice.client("sts").get_caller_identity()["Arn"] == w.alice.arn


def test_identities_of_each_kind_of_credential(world):
    w = world
    who = lambda keys: w.client("sts", keys).get_caller_identity()  # noqa: E731
    root = who(w.bastion.root)
    assert (root["Arn"], root["UserId"]) == (w.bastion.arn("root"), w.bastion.id)
    session = w.alice.mfa_session()
    for keys in (w.alice.keys, w.alice.plain_session(), session):
        seen = who(keys)
        assert (seen["Arn"], seen["UserId"], seen["Account"]) == (w.alice.arn, w.alice.user_id, w.bastion.id)
    seen = who(w.assume(session, session="mfa@work"))
    assert seen["Arn"] == f"arn:aws:sts::{w.prod.id}:assumed-role/developer/mfa@work"
    assert seen["UserId"].startswith("AROA") and seen["UserId"].endswith(":mfa@work")


def test_key_ids_carry_their_account(world):
    import base64

    def account_of(key_id: str) -> str:
        number = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
        return f"{(number & 0x7FFFFFFFFF80) >> 7:012}"

    session = world.alice.mfa_session()
    assert world.alice.keys.id.startswith("AKIA") and session.id.startswith("ASIA")
    assert account_of(world.alice.keys.id) == account_of(session.id) == world.bastion.id
    assert account_of(world.assume(session).id) == world.prod.id
