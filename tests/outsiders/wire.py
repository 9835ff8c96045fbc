"""Requests made by hand, signed by botocore's own signer: for faults that no client produces."""

import datetime
import urllib.parse
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import urllib3
from botocore.exceptions import ClientError

from sandbox import REGION, Keys

VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15", "ec2": "2016-11-15"}
_POOL = urllib3.PoolManager(retries=False, timeout=20)


@dataclass
class Answer:
    """What came back, whatever client asked."""

    status: int
    code: str
    message: str
    body: str = ""
    headers: dict = field(default_factory=dict)


def refused(call, **arguments) -> Answer:
    """Calls a boto3 method that must be refused, and says how it was."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        meta, fault = error.response["ResponseMetadata"], error.response["Error"]
        message = fault.get("Message") or ""
        return Answer(meta["HTTPStatusCode"], fault["Code"], message, headers=meta["HTTPHeaders"])
    raise AssertionError(f"was not refused: {answer}")


def parse(status: int, headers: dict, body: bytes) -> Answer:
    """Reads code and message from the error XML of any of the services."""
    text = body.decode()
    root = ET.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return Answer(status, root.findtext(".//Code", ""), root.findtext(".//Message", ""), text, headers)


@dataclass
class Request:
    """A Query request in the making. Change the fields before `sign`, or what is signed after it."""

    endpoint: str
    keys: Keys | None
    service: str = "sts"
    action: str = "GetCallerIdentity"
    parameters: dict = field(default_factory=dict)
    region: str = REGION
    method: str = "POST"
    path: str = "/"
    skew_seconds: int = 0
    headers: dict = field(default_factory=dict)
    body: str = ""

    def __post_init__(self):
        if self.method == "POST" and not self.body:
            version = VERSIONS[self.service]
            self.body = urllib.parse.urlencode({"Action": self.action, "Version": version} | self.parameters)
            self.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"

    @property
    def url(self) -> str:
        return self.endpoint + self.path

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.endpoint).netloc

    def _credentials(self):
        return botocore.credentials.Credentials(self.keys.id, self.keys.secret, self.keys.token)

    def sign(self, scope_service: str | None = None) -> "Request":
        """Adds X-Amz-Date and Authorization as botocore makes them, `skew_seconds` away from now."""
        signer_class = botocore.auth.S3SigV4Auth if self.service == "s3" else botocore.auth.SigV4Auth
        signer = signer_class(self._credentials(), scope_service or self.service, self.region)
        request = botocore.awsrequest.AWSRequest(self.method, self.url, headers=self.headers, data=self.body)
        with _moved_clock(self.skew_seconds):
            signer.add_auth(request)
        self.headers = dict(request.headers.items())
        return self

    def presign(self, expires: int = 900) -> "Request":
        """Moves everything into the query string of a GET."""
        query = {"Action": self.action, "Version": VERSIONS[self.service]} | self.parameters
        self.method, self.body, self.headers = "GET", "", {}
        url = f"{self.endpoint}/?{urllib.parse.urlencode(query)}"
        request = botocore.awsrequest.AWSRequest("GET", url)
        with _moved_clock(self.skew_seconds):
            botocore.auth.SigV4QueryAuth(self._credentials(), self.service, self.region, expires).add_auth(request)
        self.path = request.url.removeprefix(self.endpoint)
        return self

    def authorization(self) -> dict[str, str]:
        """The parts of the Authorization header."""
        _, _, parts = self.headers["Authorization"].partition(" ")
        return dict(part.split("=", 1) for part in parts.split(", "))

    def with_authorization(self, algorithm: str = "AWS4-HMAC-SHA256", **parts: str | None) -> "Request":
        """Replaces parts of the signed header; None leaves one out."""
        merged = self.authorization() | parts
        joined = ", ".join(f"{key}={value}" for key, value in merged.items() if value is not None)
        self.headers["Authorization"] = f"{algorithm} {joined}"
        return self

    def with_scope(self, **changes: str) -> "Request":
        """Replaces elements of the credential scope: key, date, region, service, terminator."""
        names = ["key", "date", "region", "service", "terminator"]
        scope = dict(zip(names, self.authorization()["Credential"].split("/"), strict=True)) | changes
        return self.with_authorization(Credential="/".join(scope[name] for name in names))

    @property
    def date(self) -> str:
        return next(value for name, value in self.headers.items() if name.lower() == "x-amz-date")

    def send(self) -> Answer:
        answer = _POOL.request(self.method, self.url, headers=self.headers, body=self.body or None)
        return parse(answer.status, dict(answer.headers), answer.data)


class _moved_clock:
    """botocore's signer reads the time by one function; inside, it reads another hour."""

    def __init__(self, seconds: int):
        self._shift = datetime.timedelta(seconds=seconds)

    def __enter__(self):
        self._kept = botocore.auth.get_current_datetime
        kept, shift = self._kept, self._shift
        botocore.auth.get_current_datetime = lambda *a, **k: kept(*a, **k) + shift

    def __exit__(self, *_):
        botocore.auth.get_current_datetime = self._kept


def basic(moment: datetime.datetime) -> str:
    """ISO 8601 'basic format', as signatures write it."""
    return moment.strftime("%Y%m%dT%H%M%SZ")
