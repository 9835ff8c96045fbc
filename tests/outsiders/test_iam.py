"""IAM's write side by boto3: every operation the sandbox has, and the shapes of its answers."""

import base64
import csv
import datetime
import io
import json
import time

import pytest

from bastion import Device, allow, deny, mfa_trust, new_person, policy, trust
from sandbox import Account, Keys, client
from wire import Request, refused

DOCUMENT = policy(allow("s3:GetObject"))
# White space is the author's and comes back as it was.
SPACED = '{ "Version":"2012-10-17",\n\t"Statement" : [ {"Effect":"Allow","Action":"s3:*","Resource":"*"} ] }'


@pytest.fixture
def account(sandbox) -> Account:
    return sandbox.account()


@pytest.fixture
def iam(account):
    return account.iam


def names(answer: dict, kind: str) -> list[str]:
    return [each[f"{kind}Name"] for each in answer[f"{kind}s"]]


def test_users(account, iam):
    tags = [{"Key": "team", "Value": "red"}, {"Key": "Cost", "Value": ""}]
    made = iam.create_user(UserName="Alice", Path="/a/b/", Tags=tags)["User"]
    assert made["Arn"] == account.arn("user/a/b/Alice")
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    assert abs((datetime.datetime.now(datetime.UTC) - made["CreateDate"]).total_seconds()) < 60
    assert made["Tags"] == tags and "PasswordLastUsed" not in made and "PermissionsBoundary" not in made
    # 4.5: names ignore case, and keep it.
    assert iam.get_user(UserName="alice")["User"]["UserName"] == "Alice"
    # 13: ListUsers has no tags.
    (listed,) = iam.list_users()["Users"]
    assert "Tags" not in listed and listed["UserId"] == made["UserId"]
    iam.tag_user(UserName="Alice", Tags=[{"Key": "TEAM", "Value": "blue"}])
    assert {"Key": "TEAM", "Value": "blue"} in iam.list_user_tags(UserName="Alice")["Tags"]
    iam.untag_user(UserName="Alice", TagKeys=["team", "nothing"])
    assert iam.list_user_tags(UserName="Alice")["Tags"] == [{"Key": "Cost", "Value": ""}]
    key = iam.create_access_key(UserName="Alice")["AccessKey"]
    iam.update_user(UserName="Alice", NewUserName="bob", NewPath="/c/")
    # 12: a rename keeps id and keys, and the key's metadata follows.
    renamed = iam.get_user(UserName="bob")["User"]
    assert (renamed["UserId"], renamed["Arn"]) == (made["UserId"], account.arn("user/c/bob"))
    (metadata,) = iam.list_access_keys(UserName="bob")["AccessKeyMetadata"]
    assert (metadata["UserName"], metadata["AccessKeyId"]) == ("bob", key["AccessKeyId"])
    assert client(account.endpoint, "sts", Keys.of(key)).get_caller_identity()["Arn"] == renamed["Arn"]
    iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="bob")
    assert iam.list_users()["Users"] == []


def test_paging_and_path_prefixes(account, iam):
    for number in range(7):
        iam.create_user(UserName=f"user-{number}", Path="/even/" if number % 2 == 0 else "/odd/")
    seen, marker = [], {}
    while True:
        page = iam.list_users(MaxItems=3, **marker)
        assert len(page["Users"]) <= 3
        seen += names(page, "User")
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert sorted(seen) == [f"user-{number}" for number in range(7)]
    assert "Marker" not in page
    assert len(iam.list_users(PathPrefix="/even/")["Users"]) == 4
    assert len(iam.list_users(PathPrefix="/ev")["Users"]) == 4
    assert iam.list_users(PathPrefix="/none/")["Users"] == []


def test_groups_and_membership(account, iam):
    made = iam.create_group(GroupName="Developers", Path="/postern/")["Group"]
    assert made["Arn"] == account.arn("group/postern/Developers") and made["GroupId"].startswith("AGPA")
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="developers", UserName=name)
    # Twice is once.
    iam.add_user_to_group(GroupName="developers", UserName="bob")
    assert sorted(user["UserName"] for user in iam.get_group(GroupName="developers")["Users"]) == ["alice", "bob"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="bob")["Groups"]] == ["Developers"]
    iam.remove_user_from_group(GroupName="Developers", UserName="bob")
    iam.update_group(GroupName="Developers", NewGroupName="makers", NewPath="/x/")
    renamed = iam.get_group(GroupName="makers")
    assert renamed["Group"]["GroupId"] == made["GroupId"] and renamed["Group"]["Arn"] == account.arn("group/x/makers")
    assert names(iam.list_groups(), "Group") == ["makers"]
    iam.remove_user_from_group(GroupName="makers", UserName="alice")
    iam.delete_group(GroupName="makers")


def test_roles(account, iam):
    document = mfa_trust(account.arn("root"))
    boundary = iam.create_policy(PolicyName="cap", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    made = iam.create_role(
        RoleName="developer",
        Path="/postern/",
        AssumeRolePolicyDocument=document,
        Description="for work",
        MaxSessionDuration=7200,
        PermissionsBoundary=boundary,
        Tags=[{"Key": "postern:managed", "Value": "acme"}],
    )["Role"]
    # 13: CreateRole leaves these out even if given.
    assert not {"MaxSessionDuration", "Description", "RoleLastUsed"} & made.keys()
    assert made["RoleId"].startswith("AROA") and made["Arn"] == account.arn("role/postern/developer")
    assert made["AssumeRolePolicyDocument"] == json.loads(document)
    seen = iam.get_role(RoleName="developer")["Role"]
    assert (seen["MaxSessionDuration"], seen["Description"], seen["RoleLastUsed"]) == (7200, "for work", {})
    assert seen["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": boundary,
    }
    (listed,) = iam.list_roles(PathPrefix="/postern/")["Roles"]
    assert listed["MaxSessionDuration"] == 7200
    assert not {"RoleLastUsed", "Tags", "PermissionsBoundary"} & listed.keys()
    # Members left out stay as they are.
    iam.update_role(RoleName="developer", MaxSessionDuration=3600)
    seen = iam.get_role(RoleName="developer")["Role"]
    assert (seen["MaxSessionDuration"], seen["Description"]) == (3600, "for work")
    told = iam.update_role_description(RoleName="developer", Description="for play")["Role"]
    assert told["Description"] == "for play"
    iam.update_assume_role_policy(RoleName="developer", PolicyDocument=trust(account.id))
    # 7: a bare account id is shown as its root.
    shown = iam.get_role(RoleName="developer")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": account.arn("root")}
    iam.tag_role(RoleName="developer", Tags=[{"Key": "more", "Value": "1"}])
    iam.untag_role(RoleName="developer", TagKeys=["postern:managed"])
    assert iam.list_role_tags(RoleName="developer")["Tags"] == [{"Key": "more", "Value": "1"}]
    iam.delete_role_permissions_boundary(RoleName="developer")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="developer")["Role"]
    iam.put_role_permissions_boundary(RoleName="developer", PermissionsBoundary=boundary)
    iam.delete_role(RoleName="developer")


def test_every_account_is_born_with_two_service_linked_roles(account, iam):
    # 13
    assert {role["RoleName"]: role["Path"] for role in iam.list_roles()["Roles"]} == {
        "AWSServiceRoleForSupport": "/aws-service-role/support.amazonaws.com/",
        "AWSServiceRoleForTrustedAdvisor": "/aws-service-role/trustedadvisor.amazonaws.com/",
    }
    assert refused(iam.delete_role, RoleName="AWSServiceRoleForSupport").status in (400, 403, 409)


def test_a_trusted_user_is_stored_by_id(account, iam):
    bob = new_person(account, "bob", mfa=False)
    iam.create_role(RoleName="bobs", AssumeRolePolicyDocument=trust(bob.arn))
    shown = lambda: iam.get_role(RoleName="bobs")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]  # noqa: E731
    assert shown()["Principal"] == {"AWS": bob.arn}
    iam.update_user(UserName="bob", NewUserName="robert")
    assert shown()["Principal"] == {"AWS": account.arn("user/robert")}
    iam.delete_access_key(UserName="robert", AccessKeyId=bob.keys.id)
    iam.delete_user(UserName="robert")
    # 7: the trust is dead, and a new user of the same name is not trusted.
    assert shown()["Principal"] == {"AWS": bob.user_id}
    iam.create_user(UserName="robert")
    assert shown()["Principal"] == {"AWS": bob.user_id}
    dead = iam.get_role(RoleName="bobs")["Role"]["AssumeRolePolicyDocument"]
    again = refused(iam.update_assume_role_policy, RoleName="bobs", PolicyDocument=json.dumps(dead))
    assert again.code == "MalformedPolicyDocument" and again.message.startswith("Invalid principal in policy")


def test_managed_policies_and_versions(account, iam):
    tags = [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]
    made = iam.create_policy(
        PolicyName="cap", Path="/postern/", PolicyDocument=SPACED, Description="the cap", Tags=tags
    )["Policy"]
    arn = made["Arn"]
    assert arn == account.arn("policy/postern/cap") and made["PolicyId"].startswith("ANPA")
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["IsAttachable"]) == ("v1", 0, True)
    # 13: the tags in the order given, never the description.
    assert made["Tags"] == tags and "Description" not in made
    seen = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (seen["Description"], seen["Tags"]) == ("the cap", tags)
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT, SetAsDefault=True)["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", True) and "Document" not in second
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in versions] == [("v2", True), ("v1", False)]
    assert all("Document" not in version for version in versions)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(SPACED)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    # A number is never used again.
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)["PolicyVersion"]["VersionId"] == "v3"
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "c", "Value": "3"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a", "b"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "c", "Value": "3"}]
    assert [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    assert iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"] == []
    iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy(PolicyArn=arn)


def test_attachments(account, iam):
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="developers")
    iam.create_role(RoleName="developer", AssumeRolePolicyDocument=trust(account.id))
    own = iam.create_policy(PolicyName="own", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    power = "arn:aws:iam::aws:policy/PowerUserAccess"
    for kind, name in (("user", "alice"), ("group", "developers"), ("role", "developer")):
        who = {f"{kind.title()}Name": name}
        for arn in (own, power, own):
            getattr(iam, f"attach_{kind}_policy")(**who, PolicyArn=arn)
        attached = getattr(iam, f"list_attached_{kind}_policies")(**who)["AttachedPolicies"]
        assert sorted(each["PolicyName"] for each in attached) == ["PowerUserAccess", "own"]
    entities = iam.list_entities_for_policy(PolicyArn=own)
    assert [e["UserName"] for e in entities["PolicyUsers"]] == ["alice"]
    assert [e["GroupName"] for e in entities["PolicyGroups"]] == ["developers"]
    assert [e["RoleName"] for e in entities["PolicyRoles"]] == ["developer"]
    assert entities["PolicyUsers"][0]["UserId"].startswith("AIDA")
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=own)
    seen = iam.get_policy(PolicyArn=own)["Policy"]
    assert (seen["AttachmentCount"], seen["PermissionsBoundaryUsageCount"]) == (3, 1)
    iam.delete_user_permissions_boundary(UserName="alice")
    for kind, name in (("user", "alice"), ("group", "developers"), ("role", "developer")):
        getattr(iam, f"detach_{kind}_policy")(**{f"{kind.title()}Name": name}, PolicyArn=own)
    iam.delete_policy(PolicyArn=own)


def test_inline_policies(account, iam):
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="developers")
    iam.create_role(RoleName="developer", AssumeRolePolicyDocument=trust(account.id))
    for kind, name in (("user", "alice"), ("group", "developers"), ("role", "developer")):
        who = {f"{kind.title()}Name": name}
        put, get, listed, delete = (
            getattr(iam, verb)
            for verb in (f"put_{kind}_policy", f"get_{kind}_policy", f"list_{kind}_policies", f"delete_{kind}_policy")
        )
        put(**who, PolicyName="b", PolicyDocument=SPACED)
        put(**who, PolicyName="a", PolicyDocument=DOCUMENT)
        put(**who, PolicyName="b", PolicyDocument=SPACED)
        assert get(**who, PolicyName="b")["PolicyDocument"] == json.loads(SPACED)
        assert sorted(listed(**who)["PolicyNames"]) == ["a", "b"]
        delete(**who, PolicyName="a")
        assert listed(**who)["PolicyNames"] == ["b"]


def test_documents_come_back_byte_for_byte(account, iam):
    import urllib.parse

    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=SPACED)
    ask = {"UserName": "alice", "PolicyName": "own"}
    answer = Request(account.endpoint, account.root, service="iam", action="GetUserPolicy", parameters=ask)
    body = answer.sign().send().body
    encoded = body.split("<PolicyDocument>")[1].split("</PolicyDocument>")[0]
    # 1.6: percent-encoded by RFC 3986, the text as it was stored.
    assert urllib.parse.unquote(encoded) == SPACED and "{" not in encoded and "+" not in encoded


def test_access_keys_and_their_last_use(account, iam):
    bob = new_person(account, "bob", mfa=False)
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=policy(allow("iam:GetUser")))
    last = lambda: iam.get_access_key_last_used(AccessKeyId=bob.keys.id)  # noqa: E731
    # 13: never used.
    assert last()["UserName"] == "bob"
    assert last()["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    bob.client("iam").get_user()
    used = last()["AccessKeyLastUsed"]
    assert used["ServiceName"] == "iam" and "LastUsedDate" in used
    second = iam.create_access_key(UserName="bob")["AccessKey"]
    assert second["Status"] == "Active" and len(second["SecretAccessKey"]) == 40
    iam.update_access_key(UserName="bob", AccessKeyId=second["AccessKeyId"], Status="Inactive")
    listed = {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName="bob")["AccessKeyMetadata"]}
    assert listed == {bob.keys.id: "Active", second["AccessKeyId"]: "Inactive"}
    iam.update_access_key(UserName="bob", AccessKeyId=second["AccessKeyId"], Status="Active")
    assert client(account.endpoint, "sts", Keys.of(second)).get_caller_identity()["Arn"] == bob.arn
    # 8.5: without a name the call means the caller.
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=policy(allow("iam:*AccessKey*")))
    assert len(bob.client("iam").list_access_keys()["AccessKeyMetadata"]) == 2


def test_login_profiles(account, iam):
    iam.create_user(UserName="alice")
    made = iam.create_login_profile(UserName="alice", Password="Correct-Horse-9", PasswordResetRequired=True)
    assert made["LoginProfile"]["PasswordResetRequired"] is True
    # 11: too soon after its creation; a short wait is the client's part.
    for _ in range(50):
        try:
            iam.update_login_profile(UserName="alice", PasswordResetRequired=False)
            break
        except iam.exceptions.EntityTemporarilyUnmodifiableException:
            time.sleep(0.2)
    seen = iam.get_login_profile(UserName="alice")["LoginProfile"]
    assert seen["UserName"] == "alice" and not seen.get("PasswordResetRequired")
    iam.delete_login_profile(UserName="alice")
    assert refused(iam.get_login_profile, UserName="alice").status == 404


def test_mfa_devices(account, iam):
    iam.create_user(UserName="alice")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/team/")["VirtualMFADevice"]
    assert made["SerialNumber"] == account.arn("mfa/team/phone")
    assert made["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    seed = made["Base32StringSeed"].decode()
    assert len(seed) == 64 and base64.b32decode(seed)
    device = Device(made["SerialNumber"], seed)
    (listed,) = iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
    assert listed["SerialNumber"] == device.serial and not {"Base32StringSeed", "User"} & listed.keys()
    one, two = device.enabling()
    iam.enable_mfa_device(
        UserName="alice", SerialNumber=device.serial, AuthenticationCode1=one, AuthenticationCode2=two
    )
    (assigned,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned["User"]["UserName"] == "alice" and assigned["EnableDate"]
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    (of_alice,) = iam.list_mfa_devices(UserName="alice")["MFADevices"]
    assert (of_alice["UserName"], of_alice["SerialNumber"]) == ("alice", device.serial)
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=device.serial)
    assert iam.list_mfa_devices(UserName="alice")["MFADevices"] == []
    iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []


def test_resync_mfa_device(account, iam):
    bob = new_person(account, "bob")
    device = bob.device
    one, two = device.at(device.now()), device.at(device.now() + 1)
    iam.resync_mfa_device(
        UserName="bob", SerialNumber=device.serial, AuthenticationCode1=one, AuthenticationCode2=two
    )
    # Resynchronising spends its codes like enabling does (9.6).
    again = refused(bob.client("sts").get_session_token, SerialNumber=device.serial, TokenCode=two)
    assert again.code == "AccessDenied"


def test_a_user_has_up_to_eight_devices(account, iam):
    bob = new_person(account, "bob")
    for _ in range(7):
        bob.new_device()
    for device in (bob.devices[0], bob.devices[7]):
        bob.client("sts").get_session_token(SerialNumber=device.serial, TokenCode=device.code())
    with pytest.raises(iam.exceptions.LimitExceededException):
        bob.new_device()


def test_account_alias(account, iam):
    alias = f"acme-{account.id}"
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_password_policy(account, iam):
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True)
    seen = iam.get_account_password_policy()["PasswordPolicy"]
    # 13: members left out take their defaults, and some appear only when set.
    assert (seen["MinimumPasswordLength"], seen["RequireSymbols"], seen["RequireNumbers"]) == (14, True, False)
    assert seen["AllowUsersToChangePassword"] is False and "PasswordReusePrevention" not in seen
    iam.update_account_password_policy(MaxPasswordAge=90, PasswordReusePrevention=24)
    seen = iam.get_account_password_policy()["PasswordPolicy"]
    assert (seen["MinimumPasswordLength"], seen["RequireSymbols"], seen["ExpirePasswords"]) == (6, False, True)
    assert (seen["MaxPasswordAge"], seen["PasswordReusePrevention"]) == (90, 24)
    iam.delete_account_password_policy()
    assert refused(iam.get_account_password_policy).status == 404


def test_account_summary(account, iam):
    before = iam.get_account_summary()["SummaryMap"]
    # 13: every key that AWS answers with.
    assert before["AccessKeysPerUserQuota"] == 2 and before["AssumeRolePolicySizeQuota"] == 2048
    assert before["GroupsPerUserQuota"] == 10 and before["GlobalEndpointTokenVersion"] == 1
    assert before["PolicySizeQuota"] == 6144 and before["UsersQuota"] == 5000 and before["RolesQuota"] == 1000
    assert (before["Users"], before["Groups"], before["Policies"], before["Roles"]) == (0, 0, 0, 2)
    new_person(account, "bob")
    iam.create_group(GroupName="g")
    after = iam.get_account_summary()["SummaryMap"]
    assert (after["Users"], after["Groups"], after["MFADevices"], after["MFADevicesInUse"]) == (1, 1, 1, 1)


def test_account_authorization_details(account, iam):
    bob = new_person(account, "bob", mfa=False)
    iam.create_group(GroupName="developers")
    iam.put_group_policy(GroupName="developers", PolicyName="postern", PolicyDocument=DOCUMENT)
    iam.add_user_to_group(GroupName="developers", UserName="bob")
    cap = iam.create_policy(PolicyName="cap", PolicyDocument=SPACED)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=cap, PolicyDocument=DOCUMENT, SetAsDefault=True)
    iam.create_role(RoleName="developer", AssumeRolePolicyDocument=trust(account.id), PermissionsBoundary=cap)
    iam.attach_role_policy(RoleName="developer", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")

    whole = {"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [], "Policies": []}
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2})
    for page in pages:
        for key, found in whole.items():
            found += page[key]
    (user,) = whole["UserDetailList"]
    assert user["UserId"] == bob.user_id and user["GroupList"] == ["developers"]
    # 13: absent when empty, the others present.
    assert "UserPolicyList" not in user and user["AttachedManagedPolicies"] == [] and user["Tags"] == []
    (group,) = whole["GroupDetailList"]
    (inline,) = group["GroupPolicyList"]
    assert (inline["PolicyName"], inline["PolicyDocument"]) == ("postern", json.loads(DOCUMENT))
    role = {each["RoleName"]: each for each in whole["RoleDetailList"]}["developer"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == cap
    assert "MaxSessionDuration" not in role and role["RolePolicyList"] == []
    assert [p["PolicyName"] for p in role["AttachedManagedPolicies"]] == ["ReadOnlyAccess"]
    documents = {
        policy["PolicyName"]: {v["VersionId"]: v["Document"] for v in policy["PolicyVersionList"]}
        for policy in whole["Policies"]
    }
    assert documents["cap"] == {"v1": json.loads(SPACED), "v2": json.loads(DOCUMENT)}
    assert "ReadOnlyAccess" in documents
    only_users = iam.get_account_authorization_details(Filter=["User"])
    assert only_users["UserDetailList"] and not only_users["RoleDetailList"] and not only_users["Policies"]
    local = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])
    assert [policy["PolicyName"] for policy in local["Policies"]] == ["cap"]


def test_credential_report(account, iam):
    bob = new_person(account, "bob")
    iam.create_login_profile(UserName="bob", Password="Correct-Horse-9")
    assert refused(iam.get_credential_report).status == 410
    states = []
    for _ in range(50):
        states.append(iam.generate_credential_report()["State"])
        if states[-1] == "COMPLETE":
            break
        time.sleep(0.1)
    assert states[-1] == "COMPLETE" and states[0] in ("STARTED", "COMPLETE")
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert list(rows[0])[:4] == ["user", "arn", "user_creation_time", "password_enabled"]
    assert list(rows[0])[-1] == "cert_2_last_rotated" and len(rows[0]) == 22
    root, row = rows
    assert (root["user"], root["password_enabled"]) == ("<root_account>", "not_supported")
    assert (row["user"], row["arn"], row["mfa_active"], row["access_key_1_active"]) == ("bob", bob.arn, "true", "true")
    assert (row["password_enabled"], row["password_last_used"]) == ("true", "no_information")
    assert (row["access_key_2_active"], row["access_key_2_last_rotated"]) == ("false", "N/A")


def last_accessed(iam, arn: str, **granularity) -> dict:
    job = iam.generate_service_last_accessed_details(Arn=arn, **granularity)["JobId"]
    for _ in range(50):
        report = iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)
        if report["JobStatus"] != "IN_PROGRESS":
            break
        time.sleep(0.1)
    assert report["JobStatus"] == "COMPLETED" and not report["IsTruncated"]
    return report


def test_service_last_accessed(account, iam):
    bob = new_person(account, "bob")
    document = policy(allow("s3:*"), allow("ec2:Describe*"), allow("sns:Publish"))
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document)
    client(account.endpoint, "s3", bob.keys).list_buckets()
    client(account.endpoint, "ec2", bob.keys).describe_instances()
    # Refused, and an attempt all the same.
    assert refused(client(account.endpoint, "ec2", bob.keys).stop_instances, InstanceIds=["i-1"]).status == 403

    report = last_accessed(iam, bob.arn, Granularity="ACTION_LEVEL")
    assert report["JobType"] == "ACTION_LEVEL" and report["JobCompletionDate"] >= report["JobCreationDate"]
    services = {each["ServiceNamespace"]: each for each in report["ServicesLastAccessed"]}
    assert list(services) == sorted(services) and {"ec2", "s3", "sns"} <= set(services)
    s3, sns = services["s3"], services["sns"]
    assert (s3["ServiceName"], s3["TotalAuthenticatedEntities"]) == ("Amazon S3", 1)
    assert s3["LastAuthenticatedEntity"] == bob.arn and s3["LastAuthenticatedRegion"] == "eu-central-1"
    assert sns["TotalAuthenticatedEntities"] == 0 and "LastAuthenticated" not in sns
    tracked = {each["ActionName"]: each for each in s3["TrackedActionsLastAccessed"]}
    assert tracked["ListAllMyBuckets"]["LastAccessedEntity"] == bob.arn
    assert tracked["CreateBucket"] == {"ActionName": "CreateBucket"} and "GetObject" not in tracked
    assert "TrackedActionsLastAccessed" not in sns

    by_service = last_accessed(iam, bob.arn)
    assert by_service["JobType"] == "SERVICE_LEVEL"
    assert not any("TrackedActionsLastAccessed" in each for each in by_service["ServicesLastAccessed"])

    iam.create_group(GroupName="team")
    iam.put_group_policy(GroupName="team", PolicyName="p", PolicyDocument=document)
    iam.add_user_to_group(GroupName="team", UserName="bob")
    job = iam.generate_service_last_accessed_details(Arn=account.arn("group/team"))["JobId"]
    iam.get_service_last_accessed_details(JobId=job)
    seen = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="s3")
    (entity,) = seen["EntityDetailsList"]
    assert (entity["EntityInfo"]["Name"], entity["EntityInfo"]["Type"]) == ("bob", "USER")
    assert entity["LastAuthenticated"] == s3["LastAuthenticated"]

    nobody = refused(iam.generate_service_last_accessed_details, Arn=account.arn("role/nobody"))
    assert (nobody.status, nobody.code) == (404, "NoSuchEntity")
    assert nobody.message == "The role with name nobody cannot be found."
    assert refused(iam.get_service_last_accessed_details, JobId="0" * 36).code == "NoSuchEntity"


def test_aws_managed_policies_have_their_real_documents(account, iam):
    def document(name: str) -> dict:
        arn = f"arn:aws:iam::aws:policy/{name}"
        seen = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=seen["DefaultVersionId"])
        return version["PolicyVersion"]["Document"]

    assert document("AdministratorAccess")["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    # 14
    power = document("PowerUserAccess")["Statement"]
    assert set(power[0]["NotAction"]) == {"iam:*", "organizations:*", "account:*"}
    assert "iam:ListRoles" in power[1]["Action"] and "iam:PassRole" not in power[1]["Action"]
    assert document("AWSDenyAll")["Statement"][0]["Effect"] == "Deny"
    assert document("job-function/ViewOnlyAccess") and document("SecurityAudit") and document("IAMFullAccess")
    # As an emulator that nobody here wrote knows them.
    paginator = iam.get_paginator("list_policies").paginate(Scope="AWS")
    ours = {policy["Arn"]: policy for page in paginator for policy in page["Policies"]}
    assert len(ours) >= 100 and all(arn.startswith("arn:aws:iam::aws:policy/") for arn in ours)


def test_change_password(account, iam):
    bob = new_person(account, "bob", mfa=False)
    iam.create_login_profile(UserName="bob", Password="Correct-Horse-9")
    change = {"OldPassword": "Correct-Horse-9", "NewPassword": "Battery-Staple-8"}
    assert refused(bob.client("iam").change_password, **change).status in (400, 403, 409)
    iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/IAMUserChangePassword")
    wrong = change | {"OldPassword": "Wrong-Horse-9"}
    assert refused(bob.client("iam").change_password, **wrong).status in (400, 403, 409)
    bob.client("iam").change_password(**change)


def test_policy_changes_bind_at_once(account, iam):
    bob = new_person(account, "bob", mfa=False)
    ask = bob.client("iam").list_groups
    assert refused(ask).code == "AccessDenied"
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.add_user_to_group(GroupName="readers", UserName="bob")
    assert names(ask(), "Group") == ["readers"]
    own = iam.create_policy(PolicyName="own", PolicyDocument=policy(deny("iam:ListGroups")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="bob", PolicyArn=own)
    assert refused(ask).code == "AccessDenied"
    iam.create_policy_version(PolicyArn=own, PolicyDocument=policy(deny("iam:ListUsers")), SetAsDefault=True)
    assert names(ask(), "Group") == ["readers"]
