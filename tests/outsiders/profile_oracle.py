"""botocore's own resolution of profiles: nothing is called and nothing is run, all of it is written down."""

import datetime
import pathlib

import botocore.credentials
import botocore.session
from botocore.compat import compat_shell_split
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.credentials import Credentials
from botocore.exceptions import (
    ConfigParseError,
    InfiniteLoopConfigError,
    InvalidConfigError,
    PartialCredentialsError,
    ProfileNotFound,
)

# What an error is, by the words of its message.
INVALID = {
    "services configuration": "services",
    "contains both": "both",
    "does not exist.": "unknown source",
    "is not valid": "credential_source",
    "must have credentials": "none",
    "has no role ARN": "half",
}
NAMED = {"Environment": "environment", "Ec2InstanceMetadata": "instance", "EcsContainer": "container"}


class Refused(Exception):
    """A source that would need a browser."""


class NoCache(dict):
    """botocore's cache does not tell source keys apart: two equal calls of a chain would be one."""

    def __contains__(self, key):
        return False


class Sts:
    """A client that issues made-up credentials and remembers what it was asked."""

    def __init__(self, oracle, aws_access_key_id=None, aws_secret_access_key=None, aws_session_token=None, config=None):
        self.oracle, self.keys = oracle, (aws_access_key_id, aws_secret_access_key, aws_session_token)

    def assume_role(self, **arguments):
        if not self.oracle.calls:
            self.oracle.first = self.keys
        self.oracle.calls.append(arguments)
        return self.issue(f"ISSUED{len(self.oracle.calls)}")

    def assume_role_with_web_identity(self, **arguments):
        self.oracle.sources["WEB"] = {
            "kind": "web identity",
            "token_file": arguments["WebIdentityToken"],
            "RoleArn": arguments["RoleArn"],
            "RoleSessionName": session_name(arguments),
        }
        return self.issue("WEB")

    def issue(self, key):
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        keys = {"AccessKeyId": key, "SecretAccessKey": "x", "SessionToken": "y", "Expiration": later}
        return {"Credentials": keys, "AssumedRoleUser": {"Arn": "arn:aws:sts::222222222222:assumed-role/R/x"}}


def session_name(arguments):
    """The session's name, unless botocore made it up."""
    name = arguments.get("RoleSessionName")
    return None if name is None or str(name).startswith("botocore-session-") else name


class Oracle:
    """botocore with its ways outside stopped up, for as long as `with` lasts."""

    def __init__(self, folder: pathlib.Path):
        self.config, self.credentials = folder / "config", folder / "credentials"

    def __enter__(self):
        module, self.kept = botocore.credentials, []
        oracle = self

        def instead(owner, name, value):
            self.kept.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)

        def process(provider, command):
            words = compat_shell_split(command)
            words[0]  # as subprocess would
            oracle.sources["PROCESS"] = {"kind": "process", "words": words}
            return {"access_key": "PROCESS", "secret_key": "x"}

        def named(sourcer, name):
            oracle.sources[name] = {"kind": NAMED[name]}
            return Credentials(name, "x", "y")

        def machine(provider):
            oracle.sources["MACHINE"] = {"kind": "machine"}
            return Credentials("MACHINE", "x", "y")

        load_sso = module.SSOProvider._load_sso_config

        def sso(provider):
            try:
                if not load_sso(provider):
                    return None
            except InvalidConfigError:
                pass
            raise Refused("sso")

        def login(provider):
            if "login_session" in provider._load_config()["profiles"].get(provider._profile_name, {}):
                raise Refused("login")

        instead(module, "_get_client_creator", lambda *_: lambda _service, **keys: Sts(oracle, **keys))
        instead(module, "FileWebIdentityTokenLoader", lambda path: lambda: path)
        instead(module.ProcessProvider, "_retrieve_credentials_using", process)
        instead(module.CanonicalNameCredentialSourcer, "source_credentials", named)
        instead(module.SSOProvider, "load", sso)
        instead(module.LoginProvider, "load", login)
        for provider in (module.ContainerProvider, module.InstanceMetadataProvider):
            instead(provider, "load", machine)
        for provider in (module.OriginalEC2Provider, module.BotoProvider):
            instead(provider, "load", lambda _: None)
        return self

    def __exit__(self, *_):
        for owner, name, value in self.kept:
            setattr(owner, name, value)

    def resolve(self, case: dict) -> dict:
        """What botocore makes of a case; under `error` every kind of error that a client would meet."""
        self.config.write_bytes(case["config"].encode())
        self.credentials.write_bytes(case["credentials"].encode())
        session = botocore.session.Session(profile=case["profile"], include_builtin_handlers=False)
        session.set_config_variable("config_file", str(self.config))
        session.set_config_variable("credentials_file", str(self.credentials))
        self.calls, self.sources, self.first = [], {}, None
        answer, errors = {}, set()
        try:
            answer["names"] = sorted(session.available_profiles)
        except ConfigParseError:
            return {"error": {"syntax"}}
        for part in (self.chain, self.settings):
            try:
                answer |= part(session)
            except Exception as error:
                errors.add(kind_of(error))
        return answer | ({"error": errors} if errors else {})

    def chain(self, session) -> dict:
        resolver = botocore.credentials.create_credential_resolver(session, cache=NoCache())
        for provider in resolver.providers:
            if hasattr(provider, "_prompter"):
                provider._prompter = lambda _: "123456"
        last = resolver.load_credentials().get_frozen_credentials()
        key, secret, token = self.first or last[:3]
        plain = {"kind": "keys", "id": key, "secret": secret, "token": token or None}
        return {"source": self.sources.get(key, plain), "roles": [self.role(call) for call in self.calls]}

    @staticmethod
    def role(call: dict) -> dict:
        kept = {name: call.get(name) for name in ("RoleArn", "ExternalId", "SerialNumber", "DurationSeconds")}
        return kept | {"RoleSessionName": session_name(call)}

    @staticmethod
    def settings(session) -> dict:
        """As botocore.args finds the URL of a client."""
        url = None
        if not session.get_config_variable("ignore_configured_endpoint_urls"):
            url = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "sts", {}).provide()
        return {"region": session.get_config_variable("region"), "endpoint_url": url}


def kind_of(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    for name, kind in [
        (ProfileNotFound, "unknown"),
        (PartialCredentialsError, "half"),
        (InfiniteLoopConfigError, "loop"),
        (ConfigParseError, "syntax"),
    ]:
        if isinstance(error, name):
            return kind
    if isinstance(error, InvalidConfigError):
        return next((kind for words, kind in INVALID.items() if words in str(error)), str(error))
    return f"crash: {error!r}"
