"""The way to AWS through a company's proxy, with AWS's own host names and no endpoint set anywhere."""

import json
import subprocess
import sys

import pytest

from company_proxy import PASSWORD, CompanyProxy
from postern import ACCOUNTS
from sandbox import Sandbox
from test_apply import Acme

STS = "CONNECT sts.eu-central-1.amazonaws.com:443"


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """Alice's machine: no endpoint is set, and the network has a proxy."""
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        acme = Acme(sandbox, tmp_path_factory.mktemp("home"))
        acme.postern("apply", "--yes")
        device = acme.postern.enrol("alice")
        with CompanyProxy(tmp_path_factory.mktemp("proxy"), sandbox.endpoint) as proxy:
            environment = acme.postern.environment
            del environment["AWS_ENDPOINT_URL"], environment["NO_PROXY"]
            environment |= {"HTTPS_PROXY": proxy.url(), "AWS_CA_BUNDLE": str(proxy.authority)}
            acme.postern("login", "--mfa-code", device.code())
            yield acme.postern, proxy


@pytest.fixture
def asked(office):
    """The requests that reach the proxy during a test, which finds it open."""
    _, proxy = office
    proxy.asked.clear()
    proxy.closed = False
    yield proxy.asked
    proxy.closed = False


@pytest.fixture
def keys(office, asked) -> dict[str, str]:
    """Credentials in the environment, for calls of `whoami`."""
    postern, _ = office
    given = json.loads(postern("credential-process", "prod/developer"))
    asked.clear()
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_REGION": "eu-central-1",
    }


def test_every_call_goes_by_the_proxy(office, asked):
    postern, _ = office
    told = postern("exec", "dev/readonly", "--", sys.executable, "-c", "import os; print(os.environ['AWS_REGION'])")
    assert told == "eu-central-1\n" and set(asked) == {STS}
    asked.clear()
    assert "No changes" in postern("plan")
    assert set(asked) == {STS, "CONNECT iam.amazonaws.com:443"}


def test_boto3_takes_the_same_way(office, asked, keys):
    """The control: the same variables mean the same to AWS's own SDK."""
    postern, _ = office
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    done = subprocess.run(
        [sys.executable, "-c", script], env=postern.environment | keys, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == ACCOUNTS["prod"], done.stderr
    assert set(asked) == {STS}


def test_plain_requests_go_to_the_proxy_whole(office, asked, keys):
    postern, proxy = office
    plain = {"AWS_ENDPOINT_URL": "http://aws.example.test", "HTTP_PROXY": proxy.url()}
    assert ACCOUNTS["prod"] in postern("whoami", environment=keys | plain)
    assert asked == ["POST http://aws.example.test/"]
    # Small letters go before, as for AWS's tools.
    plain["http_proxy"] = proxy.url("wrong")
    done = postern.run("whoami", environment=keys | plain)
    assert done.returncode == 1 and "wants a user name and password" in done.stderr, done.stderr
    asked.clear()
    done = postern.run("whoami", environment=keys | plain | {"NO_PROXY": ".example.test"})
    assert done.returncode == 1 and asked == [] and "proxy" not in done.stderr, done.stderr


def test_what_is_here_needs_no_proxy(office, asked, keys):
    postern, proxy = office
    dead = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    here = {"AWS_ENDPOINT_URL": postern.endpoint}
    assert ACCOUNTS["prod"] in postern("whoami", environment=keys | dead | here)
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
def test_the_proxy_is_named_when_it_is_in_the_way(office, asked, keys, change, said):
    postern, proxy = office
    proxy.closed = change.get("HTTPS_PROXY") == "closed"
    urls = {"wrong": proxy.url("guess"), "closed": proxy.url()}
    change = {name: urls.get(value, value) for name, value in change.items()}
    done = postern.run("whoami", environment=keys | change)
    told = " ".join(done.stderr.split())
    assert done.returncode == 1 and said in told, done.stderr
    assert "by way of the proxy http://127.0.0.1:" in told and "(HTTPS_PROXY)" in told, done.stderr
    assert "NO_PROXY" in told and "guess" not in told and PASSWORD not in told, done.stderr


def test_what_cannot_be_used_is_said_before_the_call(office, asked, keys):
    postern, _ = office
    for change, said in (
        ({"HTTPS_PROXY": "socks5://u:secret@p:1080"}, "HTTPS_PROXY names a proxy of another kind"),
        ({"AWS_CA_BUNDLE": "/nonexistent.pem"}, "AWS_CA_BUNDLE names `/nonexistent.pem`"),
    ):
        done = postern.run("whoami", environment=keys | change)
        assert done.returncode == 2 and said in done.stderr and "secret" not in done.stderr, done.stderr
    assert asked == []
