"""Random pairs of ~/.aws/config and ~/.aws/credentials, written as people, tools and accidents write them."""

import random

NAMES = ["default", "a", "b", "c", "d", "my team", "x/y.z@w", "Ünï", ""]
KEYS = [("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"), ("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk"),
        ("ASIAY34FZKBOKMUTVV7A", "zzz+/secret")]  # fmt: skip
ROLES = [f"arn:aws:iam::{account}:role/{name}" for account in ("222222222222", "333333333333") for name in ("R", "p/S")]
SERIALS = ["arn:aws:iam::111111111111:mfa/alice", "GAHT12345678"]
SETTINGS = [("s3", None), ("output", "json"), ("cli_pager", ""), ("sso_region", "eu-west-1"), ("sso_session", "x"),
            ("mfa_process", "pass otp aws"), ("include_profile", "b"), ("aws_account_id", "111111111111")]  # fmt: skip


class Cases:
    """A source of cases; the same seed gives the same ones."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def next(self) -> dict:
        self.used = []
        config, credentials = self.file(self.config_section, 7), self.file(self.credentials_section, 4)
        some = self.random.choice(self.used if self.used and self.chance(95) else [*NAMES, "profile a", "none"])
        # botocore takes an empty name for `default` here and for a name there.
        some = some or "default"
        return {"config": config, "credentials": credentials, "profile": some}

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def pick(self, *choices):
        return self.random.choice(choices)

    # --- Files and sections

    def file(self, section, most: int) -> str:
        self.seen = set()
        sections = [section() for _ in range(self.random.randint(0, most))]
        self.random.shuffle(sections)
        lines = [line for lines in sections for line in lines]
        if self.chance(3):
            lines.insert(0, self.pick("# a comment", "; another", "", " \t", "  # indented"))
        if self.chance(1):
            lines.insert(self.random.randint(0, len(lines)), self.pick("bogus", "[open", "[]", "= v", " \u00a0"))
        end = self.pick("\n", "\n", "\n", "\r\n", "\r")
        text = end.join(lines) + self.pick(end, end, "", end + end)
        return self.pick("\ufeff" + text, text) if self.chance(1) else text

    def config_section(self) -> list:
        if self.chance(2):
            return ["[DEFAULT]", *self.body()]
        if self.chance(10):
            return [self.header("services " + self.pick("s", "s", "t", '"s"')), *self.services()]
        name = self.name()
        if name == "default" and self.chance(70):
            header = "default"
        elif self.chance(93):
            header = f"profile{self.pick(' ', ' ', '  ', chr(9))}{self.quoted(name)}"
        else:
            kinds = [f"{kind} {name}" for kind in ("profilex", " profile", "sso-session", "Profile", "servicesx")]
            kinds += [name, f"profile {name} ", f'profile "{name}', "profile", "profile c d", "preview", "a]b"]
            header = self.pick(*kinds)
        return [self.header(header), *self.body()]

    def credentials_section(self) -> list:
        if self.chance(2):
            return ["[DEFAULT]", *self.body()]
        name = self.name()
        if not self.chance(93):
            name = self.pick(f" {name}", f"profile {name}", f'"{name}"')
        return [self.header(name), *self.body()]

    def name(self) -> str:
        """Seldom one that stands in the file already."""
        left = [name for name in NAMES if name not in self.seen]
        name = self.random.choice(NAMES if not left or self.chance(2) else left[:4])
        self.seen.add(name)
        self.used.append(name)
        return name

    def quoted(self, name: str) -> str:
        if not name or " " in name:
            return self.pick(f'"{name}"', f"'{name}'", name.replace(" ", "\\ ") or "''")
        return self.pick(name, name, name, name, f'"{name}"', f"'{name}'", f'{name[0]}"{name[1:]}"')

    def header(self, text: str) -> str:
        text = f"[{text}]"
        decorated = self.pick(text + " ", text + " # note", text + ";note", text + " more", text + "]")
        return decorated if self.chance(4) else text

    # --- Keys

    def body(self) -> list:
        pairs = self.pick(*[self.keys] * 4, *[self.role] * 6, self.web, self.other)()
        for _ in range(self.pick(0, 0, 1, 2)):
            more = [self.setting, self.setting, self.setting, self.endpoint, self.endpoint]
            pairs += self.pick(self.keys, self.role, self.web, self.other, *more)()
        wanted, seen = [], set()
        for key, value in pairs:
            if key not in seen or self.chance(1):
                wanted.append((key, value))
            seen.add(key)
        if self.chance(20):
            self.random.shuffle(wanted)
        indent = self.pick("  ", "\t", " ") if self.chance(3) else ""
        return [line for key, value in wanted for line in self.lines(key, value, indent)]

    def keys(self) -> list:
        key, secret = self.random.choice(KEYS)
        pairs = [("aws_access_key_id", key), ("aws_secret_access_key", secret)]
        if self.chance(30):
            name = self.pick("aws_session_token", "aws_session_token", "aws_security_token")
            pairs.append((name, self.pick("token/1=", "")))
        return [pair for pair in pairs if not self.chance(4)]

    def role(self) -> list:
        pairs = [("role_arn", self.random.choice(ROLES))]
        if self.chance(96):
            # Mostly a profile that stands somewhere, so that chains come about.
            some = self.random.choice(self.used if self.chance(80) and self.used else NAMES[:6])
            pairs.append(("source_profile", some) if self.chance(85) else self.source())
        if self.chance(3):
            pairs.append(self.source())
        for key, value, share in [
            ("mfa_serial", self.random.choice(SERIALS), 30),
            ("external_id", self.pick("x1", "a b", "ab:c/d"), 20),
            ("role_session_name", self.pick("alice", "al@x", ""), 20),
            ("duration_seconds", self.seconds(), 25),
        ]:
            if self.chance(share):
                pairs.append((key, value))
        return pairs

    def seconds(self) -> str:
        return self.pick("900", "3600", "43200", "1_800", "+900", "100", "-1", "1h", "", "9e2", "9" * 20)

    def source(self) -> tuple:
        sources = ["Environment", "Ec2InstanceMetadata", "EcsContainer"]
        return "credential_source", self.pick(*sources, *sources, "environment", "Nowhere", "")

    def web(self) -> list:
        pairs = [("web_identity_token_file", self.pick("/token", "~/token", "" if self.chance(20) else "/t"))]
        if self.chance(85):
            pairs.append(("role_arn", self.random.choice(ROLES)))
        return pairs + ([("role_session_name", self.pick("web", ""))] if self.chance(40) else [])

    def other(self) -> list:
        return [self.pick(
            ("credential_process", "/bin/get --profile a"),
            ("credential_process", "'/my bin/get' \"a \\\" b\" c\\ d"),
            ("credential_process", "postern credential-process a"),
            ("login_session", "arn:aws:iam::111111111111:user/alice"),
            ("sso_account_id", "111111111111"),
            ("sso_role_name", "Dev"),
            ("sso_start_url", "https://x.awsapps.com/start"),
            ("region", "eu-central-1"),
        )]  # fmt: skip

    def setting(self) -> list:
        return [self.random.choice(SETTINGS + [("region", self.pick("eu-west-1", "us-gov-west-1", "nowhere", ""))])]

    def endpoint(self) -> list:
        pairs = [("endpoint_url", self.pick("http://127.0.0.1:4566", "http://profile", ""))] if self.chance(60) else []
        pairs += [("services", self.pick("s", "s", "t", "nothing", ""))] if self.chance(60) else []
        ignore = ("ignore_configured_endpoint_urls", self.pick("true", "True", "false", "1", ""))
        return pairs + ([ignore] if self.chance(25) else [])

    def services(self) -> list:
        lines = []
        for service in self.random.sample(["sts", "iam", "s3", "STS"], self.random.randint(0, 2)):
            if self.chance(3):
                lines.append(f"{service} = http://flat")
                continue
            lines.append(f"{service} ={self.pick('', ' ')}")
            for _ in range(self.pick(1, 1, 1, 2)):
                key = self.pick("endpoint_url", "endpoint_url", "endpoint_url", "Endpoint_URL", "other")
                url = self.pick("http://service", "http://x = y", "")
                lines.append(f"{self.pick('  ', chr(9))}{key}{self.pick('=', ' = ')}{url}")
            if self.chance(5):
                lines.append(self.pick("", "  # comment", "# comment", "  key: value", "  flat"))
        return lines

    # --- Lines

    def lines(self, key: str, value: str | None, indent: str) -> list:
        if value is None:
            nested = [f"  {self.pick('addressing_style = path', 'max_queue_size=1', 'a = b = c')}" for _ in range(2)]
            return [f"{indent}{key} =", *[indent + line for line in nested]]
        if self.chance(4):
            key = self.pick(key.upper(), key.title(), key.replace("_", "-"), key + "\u00a0", key[:-1])
        if self.chance(3):
            notes = [f"{value} # note", f"{value} ; note", f"{value}#note", f"# {value}"]
            value = self.pick(f'"{value}"', f"{value}\u2028x", f"{value}=x", *notes)
        separator = self.pick(" = ", " = ", "=", "= ", " =")
        if self.chance(4):
            separator = self.pick(":", " : ", "\t=\t", "\u00a0=\u2003", ": =")
        lines = [f"{indent}{key}{separator}{value}{self.pick(' ', chr(9), chr(0x1c)) if self.chance(3) else ''}"]
        if self.chance(2):
            lines.append(f"{indent}  {self.pick('more', '--more x', '[profile a]', 'k = v', '# gone')}")
            lines += self.pick([], [""], ["", f"{indent} end"])
        if self.chance(3):
            lines.append(self.pick("", "# comment", "   ; comment", " \t "))
        return lines
