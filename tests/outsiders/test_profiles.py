"""Profiles of ~/.aws as postern and as botocore resolve them, on random files with every oddity that people write."""

import collections
import json
import os
import pathlib
import re
import subprocess

import pytest

from profile_cases import Cases
from profile_oracle import Oracle
from sandbox import postern_binary

# More by hand: POSTERN_PROFILE_CASES=100000 POSTERN_PROFILE_SEED=7 ./test outsiders
COUNT = int(os.environ.get("POSTERN_PROFILE_CASES", "1000"))
SEED = int(os.environ.get("POSTERN_PROFILE_SEED", "1"))

# What AWS takes for the values that are passed on to it.
TAKEN = {
    "RoleArn": r"arn:aws[a-z-]*:iam::\d{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    "ExternalId": r"[\w+=,.@:\\/-]{2,1224}",
    "SerialNumber": r"[\w+=/:,.@-]{9,256}",
    "RoleSessionName": r"[\w+=,.@-]{2,64}",
    "region": r"[a-z]{2}(-[a-z]+)+-\d",
    "id": r"A[KS]IA[A-Z2-7]{12,124}",
    "secret": r"[!-~]{1,256}",
    "token": r"[!-~]+",
}


def ours(cases: list) -> list:
    driver = pathlib.Path(postern_binary()).with_name("examples") / "resolve"
    assert driver.exists(), f"no driver at {driver}: cargo build -p postern-broker --example resolve"
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    found = subprocess.run([driver], input=lines, capture_output=True, text=True, timeout=600)
    answers = [json.loads(line) for line in found.stdout.split("\n") if line]
    assert len(answers) == len(cases), found.stderr
    return answers


def is_taken(answer: dict) -> bool:
    """Whether AWS could take all that botocore would send."""
    settings = {"region": answer.get("region"), "endpoint_url": answer.get("endpoint_url")}
    for part in (settings, answer.get("source", {}), *answer.get("roles", [])):
        for name, value in part.items():
            if name == "DurationSeconds" and value is not None and not 900 <= value <= 43200:
                return False
            # A key with others indented below it is no text at all.
            if isinstance(value, dict):
                return False
            if name in TAKEN and value is not None and not re.fullmatch(TAKEN[name], value, re.ASCII):
                return False
    return True


def deliberate(our: dict, their: dict) -> str | None:
    """The rule by which two different answers are as they should be."""
    has_none = their.get("source", {}).get("kind") == "machine" or "none" in their.get("error", ())
    crashes = {error for error in their.get("error", ()) if error.startswith("crash")}
    if "error" not in our:
        return None
    if crashes and our["error"] in ("value", "half"):
        return "botocore crashes, postern says why"
    if has_none and our["error"] == "none":
        return "botocore falls back to the machine's metadata service"
    if has_none and "has `aws_secret_access_key` without" in our["text"]:
        return "a secret without its id is called so, where botocore sees no credentials"
    if our["error"] == "value" and not is_taken(their):
        return "a value that AWS would refuse is refused before the call"
    return None


def disagreement(our: dict, their: dict) -> str | None:
    if "names" in our and our["names"] != their.get("names"):
        return "names"
    if "error" in our or "error" in their:
        return None if our.get("error") in their.get("error", ()) else "error"
    return next((part for part in ("source", "roles", "region", "endpoint_url") if our[part] != their[part]), None)


# Who says which MFA device goes with the call for role R, whose credentials come from profile S.
R, S = "arn:aws:iam::111111111111:mfa/r", "arn:aws:iam::111111111111:mfa/s"
MFA_SERIALS = [
    ("the role only", {"r": R}, R),
    ("its source only", {"s": S}, None),
    ("default only", {"default": S}, None),
    ("both, the same", {"r": R, "s": R}, R),
    ("both, different", {"r": R, "s": S}, R),
]


@pytest.fixture
def oracle(tmp_path):
    with Oracle(tmp_path) as stopped_up:
        yield stopped_up


def test_random_profiles_resolve_as_botocore_resolves_them(oracle, capsys):
    source = Cases(SEED)
    cases = [source.next() for _ in range(COUNT)]
    rules, kinds, wrong = collections.Counter(), collections.Counter(), []
    for case, our in zip(cases, ours(cases)):
        their = oracle.resolve(case)
        kinds[our.get("error") or f"{our['source']['kind']} + {len(our['roles'])}"] += 1
        part = disagreement(our, their)
        rule = part and part != "names" and deliberate(our, their)
        if rule:
            rules[rule] += 1
        elif part:
            wrong.append(f"{part}: {json.dumps(case)}\nours   {our}\ntheirs {their}")
    assert not wrong, f"{len(wrong)} of {COUNT} (seed {SEED}) differ, such as\n" + "\n\n".join(wrong[:3])
    with capsys.disabled():
        print(f"\n{COUNT} pairs of profile files (seed {SEED}), all as botocore but for {dict(rules)}")
        print(f"what came out: {dict(kinds.most_common())}")
    # The generator must reach both ends, chains too, and only few cases may need a rule.
    assert COUNT < 1000 or {"keys + 0", "keys + 1", "process + 1", "loop", "syntax", "both"} <= set(kinds)
    assert sum(rules.values()) < COUNT // 3


@pytest.mark.parametrize(("serials", "expected"), [row[1:] for row in MFA_SERIALS], ids=[row[0] for row in MFA_SERIALS])
def test_the_mfa_device_is_that_of_the_roles_own_section(oracle, serials, expected):
    bodies = {
        "default": "",
        "r": "role_arn = arn:aws:iam::222222222222:role/R\nsource_profile = s\n",
        "s": "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n",
    }
    serial = {name: f"mfa_serial = {serials[name]}\n" if name in serials else "" for name in bodies}
    config = "".join(f"[profile {name}]\n{body}{serial[name]}" for name, body in bodies.items())
    case = {"config": config, "credentials": "", "profile": "r"}
    (our,), their = ours([case]), oracle.resolve(case)
    assert disagreement(our, their) is None
    assert [role["SerialNumber"] for role in our["roles"]] == [expected]
