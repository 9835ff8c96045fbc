"""The way to AWS through a company's proxy, with AWS's own host names and no endpoint set anywhere."""

import subprocess
import sys

import pytest

from company_proxy import ODD, PASSWORD, CompanyProxy
from postern import ACCOUNTS, Postern
from sandbox import Keys, client
from test_apply import moto  # noqa: F401 (a fixture): it answers under whatever name it is called

STS = "CONNECT sts.eu-central-1.amazonaws.com:443"


@pytest.fixture(scope="module")
def keys(moto) -> dict[str, Keys]:  # noqa: F811
    """A role's credentials in each of the example's accounts."""
    anybody = client(moto, "sts", Keys("AKIAIOSFODNN7EXAMPLE", "secret"))

    def of(account: str) -> Keys:
        role = f"arn:aws:iam::{account}:role/admin"
        return Keys.of(anybody.assume_role(RoleArn=role, RoleSessionName="first")["Credentials"])

    return {name: of(account) for name, account in ACCOUNTS.items()}


@pytest.fixture(scope="module")
def office(moto, keys, tmp_path_factory):  # noqa: F811
    """A machine on which no endpoint is set, in a network with a proxy."""
    with CompanyProxy(tmp_path_factory.mktemp("proxy"), moto) as proxy:
        postern = Postern(tmp_path_factory.mktemp("home"), moto)
        postern.administer(keys)
        (postern.home / ".aws" / "config").write_text(
            f"[profile hop]\nrole_arn = arn:aws:iam::{ACCOUNTS['dev']}:role/developer\nsource_profile = acme-prod\n"
            "region = eu-central-1\n"
        )
        environment = postern.environment
        del environment["AWS_ENDPOINT_URL"], environment["NO_PROXY"]
        environment |= {"HTTPS_PROXY": proxy.url(), "AWS_CA_BUNDLE": str(proxy.authority)}
        environment |= keys["prod"].environment() | {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
        yield postern, proxy


@pytest.fixture
def asked(office):
    """The requests that reach the proxy during a test, which finds it open."""
    _, proxy = office
    proxy.asked.clear()
    proxy.closed = False
    yield proxy.asked
    proxy.closed = False


def test_every_call_goes_by_the_proxy(office, asked):
    postern, _ = office
    # The three ways to a client: a command's own, the daily flow's, and that of set-up.
    assert ACCOUNTS["prod"] in postern("whoami")
    assert set(asked) == {STS}
    asked.clear()
    told = postern("exec", "hop", "--", sys.executable, "-c", "import os; print(os.environ['AWS_ACCESS_KEY_ID'])")
    assert told.startswith("ASIA") and set(asked) == {STS}
    asked.clear()
    assert postern.run("plan", "--detailed-exitcode").returncode == 2
    assert set(asked) == {STS, "CONNECT iam.amazonaws.com:443"}


def test_a_bundle_may_hold_what_is_no_certificate(office, asked, tmp_path):
    postern, proxy = office
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(ODD + proxy.authority.read_bytes())
    assert ACCOUNTS["prod"] in postern("whoami", environment={"AWS_CA_BUNDLE": str(bundle)})
    assert set(asked) == {STS}


def test_boto3_takes_the_same_way(office, asked):
    """The control: the same variables mean the same to AWS's own SDK."""
    postern, _ = office
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    done = subprocess.run(
        [sys.executable, "-c", script], env=postern.environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == ACCOUNTS["prod"], done.stderr
    assert set(asked) == {STS}


def test_plain_requests_go_to_the_proxy_whole(office, asked):
    postern, proxy = office
    plain = {"AWS_ENDPOINT_URL": "http://aws.example.test", "HTTP_PROXY": proxy.url()}
    assert ACCOUNTS["prod"] in postern("whoami", environment=plain)
    assert asked == ["POST http://aws.example.test/"]
    # Small letters go before, as for AWS's tools.
    plain["http_proxy"] = proxy.url("wrong")
    done = postern.run("whoami", environment=plain)
    assert done.returncode == 1 and "wants a user name and password" in done.stderr, done.stderr
    asked.clear()
    done = postern.run("whoami", environment=plain | {"NO_PROXY": ".example.test"})
    assert done.returncode == 1 and asked == [] and "proxy" not in done.stderr, done.stderr


def test_what_is_here_needs_no_proxy(office, asked):
    postern, proxy = office
    dead = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    here = {"AWS_ENDPOINT_URL": postern.endpoint}
    assert ACCOUNTS["prod"] in postern("whoami", environment=dead | here)
    assert asked == []


@pytest.mark.parametrize(
    "change, said",
    [
        ({"HTTPS_PROXY": "wrong"}, "the proxy wants a user name and password, or others than it was given"),
        ({"HTTPS_PROXY": "closed"}, "the proxy makes no connection to there"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "the connection was refused"),
        ({"AWS_CA_BUNDLE": ""}, "no TLS connection could be agreed on"),
    ],
    ids=["password", "closed", "dead", "certificate"],
)
def test_the_proxy_is_named_when_it_is_in_the_way(office, asked, change, said):
    postern, proxy = office
    proxy.closed = change.get("HTTPS_PROXY") == "closed"
    urls = {"wrong": proxy.url("guess"), "closed": proxy.url()}
    change = {name: urls.get(value, value) for name, value in change.items()}
    done = postern.run("whoami", environment=change)
    told = " ".join(done.stderr.split())
    assert done.returncode == 1 and said in told, done.stderr
    assert "by way of the proxy http://127.0.0.1:" in told and "(HTTPS_PROXY)" in told, done.stderr
    assert "NO_PROXY" in told and "guess" not in told and PASSWORD not in told, done.stderr


def test_what_cannot_be_used_is_said_before_the_call(office, asked):
    postern, _ = office
    for change, said in (
        ({"HTTPS_PROXY": "socks5://u:secret@p:1080"}, "HTTPS_PROXY names a proxy of another kind"),
        ({"AWS_CA_BUNDLE": "/nonexistent.pem"}, "AWS_CA_BUNDLE names `/nonexistent.pem`"),
    ):
        done = postern.run("whoami", environment=change)
        assert done.returncode == 2 and said in done.stderr and "secret" not in done.stderr, done.stderr
    assert asked == []
