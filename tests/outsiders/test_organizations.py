"""AWS Organizations by boto3 and the aws CLI: the tree, service control policies, and whom they bind.

Codes are those of the Organizations API Reference; the texts of denials those of the IAM User Guide,
Troubleshoot access denied error messages.
"""

import json

import pytest

from bastion import allow, deny, policy
from sandbox import Keys, Sandbox, client
from test_flow import aws  # noqa: F401  a fixture
from wire import refused

SCP = "SERVICE_CONTROL_POLICY"


class Tree:
    """Two accounts, one of which manages an organization of both."""

    def __init__(self, sandbox: Sandbox):
        self.endpoint = sandbox.endpoint
        self.management, self.member = sandbox.account("management"), sandbox.account("member")
        body = {"management": self.management.id, "accounts": [self.member.id]}
        self.made = sandbox.admin("POST", "/organization", body)
        self.api = client(sandbox.endpoint, "organizations", self.management.root)

    def policy(self, name: str, content: str) -> str:
        made = self.api.create_policy(Name=name, Description="", Type=SCP, Content=content)
        return made["Policy"]["PolicySummary"]["Id"]

    def admin(self) -> Keys:
        """A user of the member account who may do everything."""
        iam = self.member.iam
        iam.create_user(UserName="admin")
        iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=policy(allow("*")))
        return Keys.of(iam.create_access_key(UserName="admin")["AccessKey"])


@pytest.fixture
def tree(sandbox) -> Tree:
    return Tree(sandbox)


def test_an_organization_from_nothing(sandbox):
    account = sandbox.account("alone")
    api = client(sandbox.endpoint, "organizations", account.root)
    assert refused(api.describe_organization).code == "AWSOrganizationsNotInUseException"
    made = api.create_organization(FeatureSet="ALL")["Organization"]
    assert made["MasterAccountId"] == account.id
    assert made["Arn"] == f"arn:aws:organizations::{account.id}:organization/{made['Id']}"
    root = api.list_roots()["Roots"][0]
    assert root["PolicyTypes"] == []
    assert refused(api.attach_policy, PolicyId="p-FullAWSAccess", TargetId=root["Id"]).code == (
        "PolicyTypeNotEnabledException"
    )
    enabled = api.enable_policy_type(RootId=root["Id"], PolicyType=SCP)["Root"]
    assert enabled["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    attached = api.list_policies_for_target(TargetId=account.id, Filter=SCP)["Policies"]
    assert [found["Name"] for found in attached] == ["FullAWSAccess"]
    api.delete_organization()


def test_paginators_see_the_whole_tree(tree):
    root = tree.made["root"]
    units = {
        tree.api.create_organizational_unit(ParentId=root, Name=f"unit-{n:02}")["OrganizationalUnit"]["Id"]
        for n in range(25)
    }
    pages = tree.api.get_paginator("list_organizational_units_for_parent").paginate(ParentId=root)
    assert {unit["Id"] for page in pages for unit in page["OrganizationalUnits"]} == units
    accounts = tree.api.list_accounts()["Accounts"]
    assert {account["Id"] for account in accounts} == {tree.management.id, tree.member.id}
    assert {account["Name"] for account in accounts} == {"management", "member"}
    unit = min(units)
    tree.api.move_account(AccountId=tree.member.id, SourceParentId=root, DestinationParentId=unit)
    assert tree.api.list_parents(ChildId=tree.member.id)["Parents"][0]["Id"] == unit
    assert refused(tree.api.delete_organizational_unit, OrganizationalUnitId=unit).code == (
        "OrganizationalUnitNotEmptyException"
    )


def test_a_policy_binds_users_root_and_sessions_of_members_only(tree):
    admin = tree.admin()
    session = Keys.of(client(tree.endpoint, "sts", admin).get_session_token()["Credentials"])
    guard = tree.policy("no-regions", policy(deny("ec2:DescribeRegions")))
    tree.api.attach_policy(PolicyId=guard, TargetId=tree.made["root"])
    for keys in (admin, session, tree.member.root):
        answer = refused(client(tree.endpoint, "ec2", keys).describe_regions)
        assert (answer.status, answer.code) == (403, "UnauthorizedOperation")
        assert "with an explicit deny in a service control policy" in answer.message
    assert client(tree.endpoint, "ec2", tree.management.root).describe_regions()["Regions"]
    tree.api.detach_policy(PolicyId=guard, TargetId=tree.made["root"])
    assert client(tree.endpoint, "ec2", admin).describe_regions()["Regions"]
    tree.api.delete_policy(PolicyId=guard)


def test_members_see_little_and_cannot_leave_where_it_is_forbidden(tree):
    member = client(tree.endpoint, "organizations", tree.member.root)
    assert member.describe_organization()["Organization"]["MasterAccountId"] == tree.management.id
    answer = refused(member.list_accounts)
    assert (answer.code, answer.message) == (
        "AccessDeniedException",
        "You don't have permissions to access this resource.",
    )
    stay = tree.policy("stay", policy(deny("organizations:LeaveOrganization")))
    tree.api.attach_policy(PolicyId=stay, TargetId=tree.member.id)
    assert refused(member.leave_organization).code == "AccessDeniedException"
    tree.api.detach_policy(PolicyId=stay, TargetId=tree.member.id)
    member.leave_organization()
    assert refused(member.describe_organization).code == "AWSOrganizationsNotInUseException"


def test_limits_come_with_their_reasons(tree):
    def reason(call, **arguments) -> str:
        with pytest.raises(tree.api.exceptions.ConstraintViolationException) as refusal:
            call(**arguments)
        return refusal.value.response["Reason"]

    content = policy(deny("s3:*"))
    for n in range(4):
        tree.api.attach_policy(PolicyId=tree.policy(f"guard-{n}", content), TargetId=tree.member.id)
    fifth = tree.policy("fifth", content)
    full = reason(tree.api.attach_policy, PolicyId=fifth, TargetId=tree.member.id)
    assert full == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    large = policy(*[deny("s3:*", f"arn:aws:s3:::{n:03}-{'x' * 200}") for n in range(20)])
    assert len(large) > 5_120
    too_large = reason(tree.api.create_policy, Name="large", Description="", Type=SCP, Content=large)
    assert too_large == "POLICY_CONTENT_LIMIT_EXCEEDED"


def test_organizations_by_the_aws_cli(aws, tree):  # noqa: F811
    root = tree.management.root
    organizations = lambda *arguments: aws(root, "organizations", *arguments)  # noqa: E731
    made = organizations(
        "create-policy", "--name", "stay", "--description", "x", "--type", SCP,
        "--content", policy(deny("organizations:LeaveOrganization")), "--tags", "Key=a,Value=b",
    )  # fmt: skip
    summary = made["Policy"]["PolicySummary"]
    organizations("attach-policy", "--policy-id", summary["Id"], "--target-id", tree.member.id)
    targets = organizations("list-targets-for-policy", "--policy-id", summary["Id"])["Targets"]
    assert [(target["TargetId"], target["Type"]) for target in targets] == [(tree.member.id, "ACCOUNT")]
    tags = organizations("list-tags-for-resource", "--resource-id", summary["Id"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    words = aws.refusal(tree.member.root, "organizations", "leave-organization")
    assert "(AccessDeniedException)" in words and summary["Arn"] in words
    described = organizations("describe-policy", "--policy-id", summary["Id"])["Policy"]
    assert json.loads(described["Content"])["Statement"][0]["Action"] == "organizations:LeaveOrganization"
