"""The bastion world of the design, built with boto3: people, groups, MFA devices, roles."""

import json
import time
from dataclasses import dataclass, field

import pyotp

from sandbox import Account, Keys, Sandbox, client

STEP = 30


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more) -> dict:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def trust(principal: str, **more) -> str:
    """A trust policy for sts:AssumeRole."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return policy(statement | more)


def mfa_trust(principal: str) -> str:
    return trust(principal, Condition=WITH_MFA)


@dataclass
class Device:
    """A virtual MFA device and the authenticator app that holds its seed.

    A code counts once, and the server takes those of the previous, this and the next 30 s. Enabling
    spends the previous and this one, so that one more code is left at once; a test that needs
    more gives its person another device instead of waiting.
    """

    serial: str
    seed: str
    spent: int = 0

    def at(self, step: int) -> str:
        return pyotp.TOTP(self.seed).at(step * STEP)

    @staticmethod
    def now() -> int:
        """This step's number, not taken in its last seconds: a code must still count on arrival."""
        if time.time() % STEP > STEP - 2.5:
            time.sleep(STEP - time.time() % STEP + 0.1)
        return int(time.time()) // STEP

    def enabling(self) -> tuple[str, str]:
        now = self.now()
        self.spent = now
        return self.at(now - 1), self.at(now)

    def code(self) -> str:
        """A code that was not used yet."""
        step = max(self.now() - 1, self.spent + 1)
        if step > self.now() + 1:
            raise AssertionError("this device has no fresh code: give the person another one")
        self.spent = step
        return self.at(step)

    def wrong_code(self) -> str:
        """Six digits that are no code of this device anywhere near now."""
        near = {self.at(self.now() + offset) for offset in range(-20, 21)}
        return next(f"{n:06}" for n in range(1_000_000) if f"{n:06}" not in near)


@dataclass
class Person:
    """A user with one access key."""

    account: Account
    name: str
    keys: Keys
    arn: str
    user_id: str
    devices: list[Device] = field(default_factory=list)

    @property
    def device(self) -> Device:
        return self.devices[0]

    def client(self, service: str, keys: Keys | None = None):
        return client(self.account.endpoint, service, keys or self.keys)

    def new_device(self, enable: bool = True, name: str | None = None) -> Device:
        made = self.account.iam.create_virtual_mfa_device(
            VirtualMFADeviceName=name or f"{self.name}-{len(self.devices)}"
        )["VirtualMFADevice"]
        device = Device(made["SerialNumber"], made["Base32StringSeed"].decode())
        if enable:
            one, two = device.enabling()
            self.account.iam.enable_mfa_device(
                UserName=self.name,
                SerialNumber=device.serial,
                AuthenticationCode1=one,
                AuthenticationCode2=two,
            )
        self.devices.append(device)
        return device

    def plain_session(self, **more) -> Keys:
        """GetSessionToken without MFA: what every thief of a key has (N2)."""
        return Keys.of(self.client("sts").get_session_token(**more)["Credentials"])

    def mfa_session(self, **more) -> Keys:
        """GetSessionToken with the next code of the first device."""
        answer = self.client("sts").get_session_token(
            SerialNumber=self.device.serial, TokenCode=self.device.code(), **more
        )
        return Keys.of(answer["Credentials"])


def assume(endpoint: str, keys: Keys, role_arn: str, session: str = "work", **more) -> Keys:
    answer = client(endpoint, "sts", keys).assume_role(RoleArn=role_arn, RoleSessionName=session, **more)
    return Keys.of(answer["Credentials"])


def new_person(account: Account, name: str, mfa: bool = True, **more) -> Person:
    user = account.iam.create_user(UserName=name, **more)["User"]
    keys = Keys.of(account.iam.create_access_key(UserName=name)["AccessKey"])
    person = Person(account, name, keys, user["Arn"], user["UserId"])
    if mfa:
        person.new_device(name=name)
    return person


class World:
    """A bastion account and a production account, alice with MFA, and a role for her."""

    def __init__(self, sandbox: Sandbox):
        self.sandbox = sandbox
        self.endpoint = sandbox.endpoint
        self.bastion = sandbox.account()
        self.prod = sandbox.account()
        self.developer = self.prod.arn("role/postern/developer")
        iam = self.bastion.iam
        iam.create_group(GroupName="developers", Path="/postern/")
        iam.put_group_policy(
            GroupName="developers",
            PolicyName="postern",
            PolicyDocument=policy(
                allow("sts:AssumeRole", self.developer, Condition=WITH_MFA) | {"Sid": "AssumeDeclaredRolesWithMfa"},
                allow("sts:GetSessionToken") | {"Sid": "StartSession"},
            ),
        )
        self.alice = self.person("alice")
        self.role("developer", mfa_trust(self.bastion.arn("root")), "ec2:Describe*", "s3:ListAllMyBuckets")

    def person(self, name: str, mfa: bool = True) -> Person:
        """A user under /postern/, in the group of developers."""
        person = new_person(self.bastion, name, mfa, Path="/postern/")
        self.bastion.iam.add_user_to_group(GroupName="developers", UserName=name)
        return person

    def role(self, name: str, trust_policy: str, *actions: str, **more) -> str:
        """A role in prod that may do these actions on everything."""
        made = self.prod.iam.create_role(
            RoleName=name, Path="/postern/", AssumeRolePolicyDocument=trust_policy, **more
        )
        if actions:
            self.prod.iam.put_role_policy(
                RoleName=name, PolicyName="work", PolicyDocument=policy(allow(list(actions)))
            )
        return made["Role"]["Arn"]

    def grant(self, person: Person, *statements: dict, name: str = "extra"):
        """An inline policy of the person's own."""
        self.bastion.iam.put_user_policy(
            UserName=person.name, PolicyName=name, PolicyDocument=policy(*statements)
        )

    def client(self, service: str, keys: Keys):
        return client(self.endpoint, service, keys)

    def assume(self, keys: Keys, role_arn: str | None = None, **more) -> Keys:
        return assume(self.endpoint, keys, role_arn or self.developer, **more)
