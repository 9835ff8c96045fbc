"""The estate file's JSON Schema, judged by another validator: what it takes and what it refuses."""

import datetime
import json
import pathlib
import re
import subprocess
import tomllib

import jsonschema
import pytest

from sandbox import postern_binary

HERE = pathlib.Path(__file__).parent
PAGE = (HERE.parent.parent / "docs" / "estate-file.md").read_text()
FULL = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1)

LEAST = """version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
"""

# Pieces behind the least that can stand in a file: the parser refuses each for its form.
REFUSED = [
    'colour = "blue"',
    'alias = "A"',
    'alias = "a--b"',
    'session = "1d"',
    'self_service = "yes"',
    'source_ip = "10.0.0.0/8"',
    "source_ip = []",
    'source_ip = ["office"]',
    'resource = "x"',
    'endpoint_url = "ftp://x"',
    "[bastion.password_policy]\nminimum_length = 5",
    "[bastion.password_policy]\nminimum = 5",
    "[accounts.dev]",
    '[accounts.dev]\nid = "1"',
    "[accounts.dev]\nid = 333333333333",
    '[accounts."a b"]\nid = "333333333333"',
    '[roles.a]\naccounts = []\npolicies = []',
    '[roles.a]\naccounts = "dev"\npolicies = []',
    '[roles.a]\naccounts = "*"',
    '[roles.a]\naccounts = "*"\npolicies = [{ path = "x" }]',
    '[roles.a]\naccounts = "*"\npolicies = [""]',
    '[roles.a]\naccounts = "*"\npolicies = []\nboundary = "other"',
    '[roles.a]\naccounts = "*"\npolicies = []\ntags = { a = 1 }',
    '[roles.a]\naccounts = "*"\npolicies = []\nallow_iam = " "',
    '[groups.a]\nroles = ["developer"]',
    "[groups.a]",
    '[people.alice]\ngroup = "x"',
    "[people]\nalice = []",
    '[administrators]\nalso = [{ arn = "arn:aws:iam::222222222222:role/x" }]',
    '[administrators]\nalso = ["x"]',
    '[break_glass]\npeople = ["alice"]\naccounts = "*"',
    '[break_glass]\npeople = ["alice", "bob"]',
    '[third_parties.x]\naccount = "999999999999"\nroles = ["*/*"]',
    '[third_parties.x]\naccount = "999999999999"\nexternal_id = "a"\nroles = ["*/*"]',
    '[third_parties.x]\naccount = "999999999999"\nexternal_id = "ab*"\nroles = ["*/*"]',
    '[third_parties.x]\naccount = "999999999999"\nexternal_id = "abc"\nroles = []',
    '[[exceptions]]\nrule = "G10"\nprincipal = "arn:aws:iam::222222222222:root"\nreason = "x"',
    '[[exceptions]]\nrule = "G1"\nprincipal = "arn:aws:iam::222222222222:root"\nreason = "x"\nuntil = 2027-01-01',
    '[[exceptions]]\nrule = "G10"\nprincipal = "arn:aws:iam::222222222222:root"\nreason = "x"\nuntil = "soon"',
]


def as_json(value):
    """TOML as an editor hands it to a validator: days are texts."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


@pytest.fixture(scope="module")
def validator():
    text = subprocess.run([postern_binary(), "schema"], capture_output=True, check=True, text=True).stdout
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def errors(validator, text):
    return [error.message for error in validator.iter_errors(as_json(tomllib.loads(text)))]


def check(tmp_path, text):
    """What the parser says of a file."""
    path = tmp_path / "postern.toml"
    path.write_text(text)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "artifacts.json").write_text(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    )
    command = [postern_binary(), "--estate", str(path), "estate", "check"]
    return subprocess.run(command, capture_output=True, check=False, text=True)


@pytest.mark.parametrize("text", [LEAST, FULL, (HERE / "acme.toml").read_text()], ids=["least", "full", "acme"])
def test_sound_files_pass_both(validator, tmp_path, text):
    assert errors(validator, text) == []
    ended = check(tmp_path, text)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("piece", REFUSED)
def test_what_the_schema_refuses_the_parser_refuses_too(validator, tmp_path, piece):
    text = LEAST + piece + "\n"
    assert errors(validator, text)
    ended = check(tmp_path, text)
    assert ended.returncode == 2, ended.stderr


@pytest.mark.parametrize("key", ["version", "name", "region"])
def test_what_must_stand_there_must_stand_there(validator, tmp_path, key):
    text = "".join(line for line in LEAST.splitlines(keepends=True) if not line.startswith(key))
    assert errors(validator, text)
    assert check(tmp_path, text).returncode == 2


def test_every_key_has_its_sentence(validator):
    def walk(schema, at):
        for name, inner in schema.get("properties", {}).items():
            assert inner.get("description"), f"{at}.{name}"
            walk(inner, f"{at}.{name}")
            walk(inner.get("additionalProperties") or {}, f"{at}.{name}.*") if isinstance(
                inner.get("additionalProperties"), dict
            ) else None
            walk(inner.get("items", {}), f"{at}.{name}[]")

    walk(validator.schema, "")
