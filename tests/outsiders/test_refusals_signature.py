"""Signature Version 4: every defect is refused in AWS's order and wording."""

import dataclasses
import datetime
import re

from bastion import World
from refusals import Table, check
from sandbox import Keys
from wire import Request, basic, refused

TABLE = Table()
refusal = TABLE.refusal

INVALID_TOKEN = "The security token included in the request is invalid."
# IAM says the same, often without the full stop.
INVALID_TOKEN_IAM = re.compile(r"The security token included in the request is invalid\.?")
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def ask(w: World, keys: Keys | None = None, **fields) -> Request:
    """GetCallerIdentity of alice, not yet signed."""
    return Request(w.endpoint, keys or w.alice.keys, **fields)


def identity(w: World, keys: Keys):
    return refused(w.client("sts", keys).get_caller_identity)


# --- The header's form ---


@refusal("3.3 row 1", 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
def unsigned(w):
    return ask(w).send()


@refusal("3.3 row 1", 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
def unsigned_iam(w):
    return ask(w, service="iam", action="ListUsers").send()


@refusal("3.3 row 2", (400, 403), "IncompleteSignature", "Unsupported AWS 'algorithm': 'AWS3-HMAC-SHA256'")
def wrong_algorithm(w):
    return ask(w).sign().with_authorization(algorithm="AWS3-HMAC-SHA256").send()


@refusal(
    "3.3 row 3",
    (400, 403),
    "IncompleteSignature",
    re.compile(
        r"'garbage' not a valid key=value pair \(missing equal-sign\) in Authorization header: '.*garbage.*'\.?"
    ),
)
def part_without_equal_sign(w):
    request = ask(w).sign()
    request.headers["Authorization"] = "AWS4-HMAC-SHA256 garbage"
    return request.send()


@refusal(
    "3.3 row 4",
    (400, 403),
    "IncompleteSignature",
    re.compile(r"Authorization header requires 'Signature' parameter\. Authorization=AWS4-HMAC-SHA256.*"),
)
def signature_missing(w):
    return ask(w).sign().with_authorization(Signature=None).send()


@refusal(
    "3.3 row 4, all that is missing is listed",
    (400, 403),
    "IncompleteSignature",
    re.compile(
        r"Authorization header requires 'Credential' parameter\. "
        r"Authorization header requires 'Signature' parameter\. "
        r"Authorization header requires 'SignedHeaders' parameter\. "
        r"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header\. "
        r"Authorization=AWS4-HMAC-SHA256.*"
    ),
)
def everything_missing(w):
    request = ask(w)
    request.headers["Authorization"] = "AWS4-HMAC-SHA256 Purpose=none"
    return request.send()


@refusal(
    "3.3 row 5",
    403,
    "SignatureDoesNotMatch",
    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
)
def host_unsigned(w):
    return ask(w).sign().with_authorization(SignedHeaders="x-amz-date").send()


@refusal(
    "3.3 row 6",
    (400, 403),
    "IncompleteSignature",
    "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601",
)
def date_not_iso(w):
    request = ask(w).sign()
    request.headers["X-Amz-Date"] = "yesterday"
    return request.send()


# --- The date ---


@refusal(
    "3.3 row 7",
    403,
    "SignatureDoesNotMatch",
    re.compile(
        r"Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)"
    ),
)
def sixteen_minutes_old(w):
    return ask(w, skew_seconds=-16 * 60).sign().send()


@refusal(
    "3.3 row 8",
    403,
    "SignatureDoesNotMatch",
    re.compile(
        r"Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)"
    ),
)
def sixteen_minutes_ahead(w):
    return ask(w, skew_seconds=16 * 60).sign().send()


@refusal("3.3 row 7, presigned", 403, "SignatureDoesNotMatch", re.compile(r"Signature expired: .*"))
def presigned_past_its_time(w):
    return ask(w, skew_seconds=-120).presign(expires=60).send()


# --- The scope ---


@refusal(
    "3.3 row 9",
    (400, 403),
    "IncompleteSignature",
    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
    "got '{credential}'",
)
def scope_of_two_parts(w):
    credential = f"{w.alice.keys.id}/today"
    return ask(w).sign().with_authorization(Credential=credential).send(), {"credential": credential}


@refusal(
    "3.3 row 10",
    403,
    "SignatureDoesNotMatch",
    "Credential should be scoped to a valid region, not 'NO_REGION'.",
)
def no_region(w):
    return ask(w).sign().with_scope(region="NO_REGION").send()


@refusal("3.3 row 10", 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'.")
def wrong_service(w):
    return ask(w).sign(scope_service="iam").send()


@refusal(
    "3.3 row 10",
    403,
    "SignatureDoesNotMatch",
    "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
)
def wrong_terminator(w):
    return ask(w).sign().with_scope(terminator="aws5_request").send()


@refusal(
    "3.3 row 10",
    403,
    "SignatureDoesNotMatch",
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
    "'20200101' != '{day}', from '{date}'.",
)
def wrong_date_in_scope(w):
    request = ask(w).sign().with_scope(date="20200101")
    return request.send(), {"day": request.date[:8], "date": request.date}


# --- The key ---


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def unknown_key(w):
    # Well-formed, and of an account that exists: another sandbox's key would look like this.
    flipped = w.alice.keys.id[:-1] + ("A" if w.alice.keys.id[-1] != "A" else "B")
    return identity(w, dataclasses.replace(w.alice.keys, id=flipped))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def malformed_key(w):
    return identity(w, dataclasses.replace(w.alice.keys, id="test"))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def deactivated_key(w):
    w.bastion.iam.update_access_key(UserName="alice", AccessKeyId=w.alice.keys.id, Status="Inactive")
    return identity(w, w.alice.keys)


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def deleted_key(w):
    w.bastion.iam.delete_access_key(UserName="alice", AccessKeyId=w.alice.keys.id)
    return identity(w, w.alice.keys)


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN_IAM)
def deactivated_key_at_iam(w):
    w.bastion.iam.update_access_key(UserName="alice", AccessKeyId=w.alice.keys.id, Status="Inactive")
    return refused(w.client("iam", w.alice.keys).get_user)


def delete_person(w: World, name: str):
    iam = w.bastion.iam
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.remove_user_from_group(GroupName="developers", UserName=name)
    iam.delete_user(UserName=name)


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def deleted_users_key(w):
    bob = w.person("bob", mfa=False)
    delete_person(w, "bob")
    return identity(w, bob.keys)


@refusal("3.3 row 11 and 6", 403, "InvalidClientTokenId", INVALID_TOKEN)
def deleted_users_session(w):
    session = w.person("bob", mfa=False).plain_session()
    w.client("sts", session).get_caller_identity()
    delete_person(w, "bob")
    return identity(w, session)


# --- The session token ---


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def session_key_without_token(w):
    return identity(w, dataclasses.replace(w.alice.plain_session(), token=None))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def garbled_token(w):
    return identity(w, dataclasses.replace(w.alice.plain_session(), token="garbled"))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def tampered_token(w):
    session = w.alice.plain_session()
    middle = len(session.token) // 2
    other = "A" if session.token[middle] != "A" else "B"
    return identity(w, dataclasses.replace(session, token=session.token[:middle] + other + session.token[middle + 1 :]))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def shortened_token(w):
    session = w.alice.plain_session()
    return identity(w, dataclasses.replace(session, token=session.token[:-8]))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def foreign_token(w):
    mine, other = w.alice.plain_session(), w.person("bob", mfa=False).plain_session()
    return identity(w, dataclasses.replace(mine, token=other.token))


@refusal("3.3 row 11", 403, "InvalidClientTokenId", INVALID_TOKEN)
def mfa_token_under_a_plain_sessions_key(w):
    # The thief's own session, wearing the token of one that had MFA.
    plain, with_mfa = w.alice.plain_session(), w.alice.mfa_session()
    return identity(w, dataclasses.replace(plain, token=with_mfa.token))


@refusal("3.3 row 12", 403, "ExpiredToken", "The security token included in the request is expired", own_sandbox=True)
def expired_session(w):
    session = w.alice.mfa_session(DurationSeconds=900)
    w.sandbox.advance(899 - 30)
    w.client("sts", session).get_caller_identity()
    w.sandbox.advance(60)
    return identity(w, session)


@refusal("3.3 row 12", 403, "ExpiredToken", "The security token included in the request is expired", own_sandbox=True)
def expired_role_credentials(w):
    role = w.assume(w.alice.mfa_session())
    w.sandbox.advance(3601)
    return refused(w.client("iam", role).list_roles)


# --- The signature ---


@refusal("3.3 row 13", 403, "SignatureDoesNotMatch", MISMATCH)
def wrong_secret(w):
    return identity(w, dataclasses.replace(w.alice.keys, secret=w.alice.keys.secret[::-1]))


@refusal("3.3 row 13", 403, "SignatureDoesNotMatch", MISMATCH)
def tampered_signature(w):
    request = ask(w).sign()
    signature = request.authorization()["Signature"]
    return request.with_authorization(Signature=signature[:-1] + ("0" if signature[-1] != "0" else "1")).send()


@refusal("3.3 row 13", 403, "SignatureDoesNotMatch", MISMATCH)
def tampered_body(w):
    request = ask(w, action="AssumeRole", parameters={"RoleArn": w.developer, "RoleSessionName": "mine"}).sign()
    request.body = request.body.replace("mine", "evil")
    return request.send()


@refusal("3.3 row 13", 403, "SignatureDoesNotMatch", MISMATCH)
def tampered_query(w):
    request = ask(w).presign()
    request.path = request.path.replace("GetCallerIdentity", "GetSessionToken")
    return request.send()


@refusal("3.3 row 13", 403, "SignatureDoesNotMatch", MISMATCH)
def tampered_signed_header(w):
    request = ask(w)
    request.headers["X-Purpose"] = "work"
    request.sign()
    request.headers["X-Purpose"] = "theft"
    return request.send()


@refusal("3.3 row 13", 403, "SignatureDoesNotMatch", MISMATCH)
def session_signed_with_the_long_term_secret(w):
    return identity(w, dataclasses.replace(w.alice.plain_session(), secret=w.alice.keys.secret))


# --- The same at EC2 and S3 ---

EC2_INVALID = "AWS was not able to validate the provided access credentials"


@refusal("3.4", 401, "AuthFailure", EC2_INVALID)
def ec2_unknown_key(w):
    return refused(w.client("ec2", Keys("AKIAIOSFODNN7EXAMPLE", "secret")).describe_instances)


@refusal("3.4", 401, "AuthFailure", EC2_INVALID)
def ec2_wrong_secret(w):
    return refused(w.client("ec2", dataclasses.replace(w.alice.keys, secret="wrong")).describe_regions)


@refusal("3.4", 400, "RequestExpired", "Request has expired.", own_sandbox=True)
def ec2_expired_session(w):
    role = w.assume(w.alice.mfa_session())
    w.client("ec2", role).describe_instances()
    w.sandbox.advance(3601)
    return refused(w.client("ec2", role).describe_instances)


@refusal(
    "3.4", 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
)
def s3_unknown_key(w):
    return refused(w.client("s3", Keys("AKIAIOSFODNN7EXAMPLE", "secret")).list_buckets)


@refusal(
    "3.4",
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
)
def s3_wrong_secret(w):
    return refused(w.client("s3", dataclasses.replace(w.alice.keys, secret="wrong")).list_buckets)


@refusal("3.4", 400, "InvalidToken", re.compile(r".*"))
def s3_garbled_token(w):
    return refused(w.client("s3", dataclasses.replace(w.alice.plain_session(), token="garbled")).list_buckets)


@refusal("3.4", 400, "ExpiredToken", "The provided token has expired.", own_sandbox=True)
def s3_expired_session(w):
    role = w.assume(w.alice.mfa_session())
    w.sandbox.advance(3601)
    return refused(w.client("s3", role).list_buckets)


@refusal("3.4", 403, "RequestTimeTooSkewed", re.compile(r".*"))
def s3_skewed_clock(w):
    return ask(w, service="s3", method="GET", skew_seconds=-16 * 60).sign().send()


@TABLE.parametrize()
def test_is_refused(case, request):
    check(case, request)


# --- What must pass beside all that ---


def test_good_signatures_of_every_form_pass(world):
    header = ask(world).sign().send()
    assert (header.status, world.alice.arn in header.body) == (200, True)
    presigned = ask(world).presign(expires=60).send()
    assert (presigned.status, world.alice.arn in presigned.body) == (200, True)
    in_query = ask(world, method="GET", path="/?Action=GetCallerIdentity&Version=2011-06-15").sign().send()
    assert (in_query.status, world.alice.arn in in_query.body) == (200, True)
    session = Request(world.endpoint, world.alice.plain_session()).presign().send()
    assert (session.status, world.alice.arn in session.body) == (200, True)


def test_a_clock_some_minutes_off_passes_either_way(world):
    for minutes in (-14, 14):
        assert ask(world, skew_seconds=minutes * 60).sign().send().status == 200


def test_the_expiry_text_names_the_window(world):
    answer = ask(world, skew_seconds=-3600).sign().send()
    sent, limit, now = re.findall(r"\d{8}T\d{6}Z", answer.message)
    parsed = {text: datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ") for text in (sent, limit, now)}
    assert parsed[now] - parsed[limit] == datetime.timedelta(minutes=15)
    assert datetime.timedelta(minutes=59) < parsed[now] - parsed[sent] < datetime.timedelta(minutes=61)
    assert basic(parsed[sent]) == sent


def test_the_sandboxes_clock_does_not_age_signatures(own_world):
    own_world.sandbox.advance(10 * 24 * 3600)
    assert ask(own_world).sign().send().status == 200


def test_request_ids_and_types_are_in_place(world):
    good = ask(world).sign().send()
    request_id = {name.lower(): value for name, value in good.headers.items()}["x-amzn-requestid"]
    assert f"<RequestId>{request_id}</RequestId>" in good.body
    bad = ask(world).send()
    assert bad.headers["Content-Type"].startswith("text/xml")
    assert "<Type>Sender</Type>" in bad.body and "https://sts.amazonaws.com/doc/2011-06-15/" in good.body
