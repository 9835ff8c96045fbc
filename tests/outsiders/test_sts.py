"""STS by boto3: lifetimes, races, and who may assume what inside one account and across two."""

import concurrent.futures
import dataclasses
import datetime

from bastion import allow, deny, mfa_trust, new_person, policy, trust
from sandbox import Keys
from wire import refused


def seconds_left(answer: dict) -> float:
    return (answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.UTC)).total_seconds()


def test_lifetimes(world):
    w = world
    sts = w.alice.client("sts")
    # 6: 12 hours where nothing is said.
    assert abs(seconds_left(sts.get_session_token()) - 43_200) < 30
    assert abs(seconds_left(sts.get_session_token(DurationSeconds=129_600)) - 129_600) < 30
    # 6: root's sessions last an hour, and longer wishes are cut.
    root = w.client("sts", w.bastion.root)
    for wish in ({}, {"DurationSeconds": 43_200}):
        assert abs(seconds_left(root.get_session_token(**wish)) - 3_600) < 30
    role = w.client("sts", w.alice.mfa_session()).assume_role(RoleArn=w.developer, RoleSessionName="work")
    assert abs(seconds_left(role) - 3_600) < 30


def test_a_code_counts_once_however_many_race_for_it(world):
    device = world.alice.device
    clients = [world.alice.client("sts") for _ in range(8)]
    code = device.code()

    def attempt(sts) -> str:
        try:
            sts.get_session_token(SerialNumber=device.serial, TokenCode=code)
        except sts.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return "taken"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(attempt, clients))
    assert answers == ["AccessDenied"] * 7 + ["taken"]


def test_a_refused_code_is_not_spent(world):
    w = world
    device = w.alice.device
    code = device.code()
    # Right code, but for a role that is not there: 9.6 counts accepted codes only, and this one was accepted.
    refused(w.alice.client("sts").get_session_token, SerialNumber=device.serial, TokenCode=device.wrong_code())
    assert w.alice.client("sts").get_session_token(SerialNumber=device.serial, TokenCode=code)["Credentials"]


def test_a_long_term_key_with_a_session_token_is_refused(world):
    session = world.alice.plain_session()
    mixed = dataclasses.replace(world.alice.keys, token=session.token)
    assert refused(world.client("sts", mixed).get_caller_identity).code == "InvalidClientTokenId"


def test_inside_one_account(world):
    w = world
    bob = new_person(w.bastion, "bob", mfa=False)
    iam = w.bastion.iam
    iam.create_role(RoleName="by-name", AssumeRolePolicyDocument=trust(bob.arn))
    iam.create_role(RoleName="by-account", AssumeRolePolicyDocument=trust(w.bastion.arn("root")))
    # 6, Who may assume: named itself, the trust policy is enough; the account only delegates.
    w.assume(bob.keys, w.bastion.arn("role/by-name"))
    by_account = {"RoleArn": w.bastion.arn("role/by-account"), "RoleSessionName": "work"}
    assert refused(bob.client("sts").assume_role, **by_account).code == "AccessDenied"
    w.grant(bob, allow("sts:AssumeRole", w.bastion.arn("role/by-account")))
    w.assume(bob.keys, w.bastion.arn("role/by-account"))
    # An explicit Deny wins over being named.
    w.grant(bob, deny("sts:AssumeRole"))
    by_name = {"RoleArn": w.bastion.arn("role/by-name"), "RoleSessionName": "work"}
    assert refused(bob.client("sts").assume_role, **by_name).code == "AccessDenied"


def test_across_accounts_both_sides_must_allow(world):
    w = world
    bob = new_person(w.bastion, "bob", mfa=False)
    role = w.role("bobs", trust(bob.arn))
    assert refused(bob.client("sts").assume_role, RoleArn=role, RoleSessionName="work").code == "AccessDenied"
    w.grant(bob, allow("sts:AssumeRole", role))
    w.assume(bob.keys, role)


def test_chains_pass_identity_but_not_mfa(world):
    w = world
    inner = w.role("inner", trust(w.developer), "iam:ListUsers")
    w.prod.iam.put_role_policy(RoleName="developer", PolicyName="more", PolicyDocument=policy(allow("sts:AssumeRole")))
    outer = w.assume(w.alice.mfa_session())
    keys = w.assume(outer, inner, session="deeper")
    seen = w.client("sts", keys).get_caller_identity()
    assert seen["Arn"] == f"arn:aws:sts::{w.prod.id}:assumed-role/inner/deeper"
    w.client("iam", keys).list_users()
    locked = w.role("locked", mfa_trust(w.prod.arn("root")))
    assert refused(w.client("sts", keys).assume_role, RoleArn=locked, RoleSessionName="work").code == "AccessDenied"


def test_session_policies_intersect_and_never_add(world):
    w = world
    session = w.alice.mfa_session()
    narrowed = w.assume(session, Policy=policy(allow("s3:ListAllMyBuckets"), allow("iam:*")))
    assert w.client("s3", narrowed).list_buckets()["Buckets"]
    assert refused(w.client("ec2", narrowed).describe_instances).code == "UnauthorizedOperation"
    assert refused(w.client("iam", narrowed).list_users).code == "AccessDenied"
    by_arn = w.client("sts", session).assume_role(
        RoleArn=w.developer,
        RoleSessionName="work",
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"}],
    )
    assert by_arn["PackedPolicySize"] > 0
    keys = Keys.of(by_arn["Credentials"])
    w.client("ec2", keys).describe_instances()
    assert refused(w.client("s3", keys).list_buckets).code == "AccessDenied"


def test_access_key_info_tells_the_account_of_any_key(world):
    w = world
    w.grant(w.alice, allow("sts:GetAccessKeyInfo"))
    info = w.alice.client("sts").get_access_key_info
    assert info(AccessKeyId=w.prod.root.id)["Account"] == w.prod.id
    # 4.2: the documentation's example, by arithmetic alone.
    assert info(AccessKeyId="ASIAY34FZKBOKMUTVV7A")["Account"] == "609629065308"


def test_federation_tokens_are_the_intersection(world):
    w = world
    w.grant(w.alice, allow(["sts:GetFederationToken", "s3:ListAllMyBuckets", "iam:ListUsers"]))
    sts = w.alice.client("sts")
    narrowed = sts.get_federation_token(Name="guest", Policy=policy(allow(["s3:*", "iam:*"])))
    assert narrowed["FederatedUser"] == {
        "FederatedUserId": f"{w.bastion.id}:guest",
        "Arn": f"arn:aws:sts::{w.bastion.id}:federated-user/guest",
    }
    keys = Keys.of(narrowed["Credentials"])
    assert w.client("s3", keys).list_buckets()["Buckets"]
    # 6: no IAM, no STS but GetCallerIdentity.
    assert refused(w.client("iam", keys).list_users).code in ("AccessDenied", "InvalidClientTokenId")
    assert refused(w.client("sts", keys).get_session_token).code == "AccessDenied"
    assert w.client("sts", keys).get_caller_identity()["UserId"] == f"{w.bastion.id}:guest"
    nothing = Keys.of(sts.get_federation_token(Name="guest")["Credentials"])
    assert refused(w.client("s3", nothing).list_buckets).code == "AccessDenied"
    session = w.alice.plain_session()
    answer = refused(w.client("sts", session).get_federation_token, Name="guest")
    assert (answer.code, answer.message) == (
        "AccessDenied",
        "Cannot call GetFederationToken with session credentials",
    )
