//! Every key that the file may have: the one table behind the parser, the JSON Schema and the page that
//! documents them. A key that stands here and is not read, or is read and does not stand here, cannot be.

/// A kind of table: `[bastion]`, `[roles.NAME]`, `{ file = "…" }`.
pub(crate) struct Table {
    /// What stands in brackets above it, with `NAME` for what the author names.
    pub(crate) heading: &'static str,
    /// Its keys, in the order in which they are written.
    pub(crate) keys: &'static [Key],
    /// Keys of the format that this version does not do yet: refused, never passed over.
    pub(crate) later: &'static [&'static str],
}

/// A key of a table.
pub(crate) struct Key {
    /// The key as written.
    pub(crate) name: &'static str,
    /// What its value may be.
    pub(crate) shape: Shape,
    /// Whether the file is refused without it.
    pub(crate) required: bool,
    /// What holds without it, as written in the file.
    pub(crate) default: Option<&'static str>,
    /// What it means, in a sentence.
    pub(crate) about: &'static str,
}

/// What a value may be, as far as its form tells. Whether it fits the rest of the file is not said here.
pub(crate) enum Shape {
    /// This integer and no other.
    Exactly(u16),
    /// A text that this regular expression takes.
    Text(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// An integer between two bounds, both included.
    Number(u16, u16),
    /// A calendar day.
    Day,
    /// A list, of so many items at least.
    List(&'static Self, usize),
    /// One or the other.
    Either(&'static [Self]),
    /// A table.
    Table(&'static Table),
    /// Tables by names that this regular expression takes.
    Named(&'static str, &'static Table),
    /// Tables one after the other: `[[…]]`.
    Repeated(&'static Table),
    /// A table of tags.
    Tags,
}

impl Table {
    /// The names of its keys.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }

    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

pub(crate) const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, required: false, default: None, about }
}

impl Key {
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

pub(crate) const ACCOUNT_ID: Shape = Shape::Text("^[0-9]{12}$");
const SENTENCE: Shape = Shape::Text(r"\S");
const REGION: Shape = Shape::Text("^[a-z0-9]+(-[a-z0-9]+)+-[0-9]+$");
const URL: Shape = Shape::Text("^https?://[^/\\s][^\\s]*$");
const ALIAS: Shape = Shape::Text("^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$");
const DURATION: Shape = Shape::Text("^[0-9]+[smh]$");
const OWN_NAME: &str = "^[A-Za-z0-9._-]{1,64}$";
/// Names of users and roles.
pub(crate) const IAM_NAME: &str = r"^[A-Za-z0-9_+=,.@-]{1,64}$";
const GROUP_NAME: &str = r"^[A-Za-z0-9_+=,.@-]{1,128}$";
const ROLE_PATTERN: Shape = Shape::Text(r"^(\*|[A-Za-z0-9._-]{1,64})/(\*|[A-Za-z0-9_+=,.@-]{1,64})$");
pub(crate) const ROLE_PATTERNS: Shape = Shape::List(&ROLE_PATTERN, 0);
const PEOPLE_NAMES: Shape = Shape::List(&Shape::Text(IAM_NAME), 0);
const ARN: Shape = Shape::Text("^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$");
const ADDRESSES: Shape = Shape::List(&Shape::Text("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"), 1);
const SOME_ACCOUNTS: Shape =
    Shape::Either(&[Shape::Word(&["*"]), Shape::List(&Shape::Text(r"^(\*|[A-Za-z0-9._-]{1,64})$"), 1)]);

/// The whole file.
pub(crate) static TOP: Table = Table {
    heading: "",
    keys: &[
        key("version", Shape::Exactly(1), "The version of this format.").required(),
        key(
            "name",
            Shape::Text(OWN_NAME),
            "The estate's name: the value of the tag `postern:managed` on all that postern makes.",
        )
        .required(),
        key("region", REGION, "Where STS is called, and people's default region.").required(),
        key("partition", Shape::Word(&["aws", "aws-cn", "aws-us-gov"]), "AWS's partition.").or("\"aws\""),
        key("endpoint_url", URL, "Where every service is called instead of AWS, such as the sandbox."),
        key("tags", Shape::Tags, "Tags on everything that can be tagged: users, roles and policies."),
        key("bastion", Shape::Table(&BASTION), "The account that people sign in to.").required(),
        key("accounts", Shape::Named(OWN_NAME, &ACCOUNT), "The accounts that people work in."),
        key("administrators", Shape::Table(&ADMINISTRATORS), "Who may stand above the cap."),
        key("break_glass", Shape::Table(&BREAK_GLASS), "The way in for the day on which all others fail."),
        key("roles", Shape::Named(IAM_NAME, &ROLE), "Roles, each made in one or more accounts."),
        key("groups", Shape::Named(GROUP_NAME, &GROUP), "Groups of people, and what they may assume."),
        key("people", Shape::Named(IAM_NAME, &PERSON), "People, each a user in the bastion."),
        key(
            "third_parties",
            Shape::Named(OWN_NAME, &THIRD_PARTY),
            "Foreign accounts that may assume a role here.",
        ),
        key(
            "organization",
            Shape::Table(&ORGANIZATION),
            "The organization above the accounts, and what it guards them from.",
        ),
        key(
            "exceptions",
            Shape::Repeated(&EXCEPTION),
            "Findings of the audit that are known and borne for a while.",
        ),
    ],
    later: &["machines"],
};

/// `[bastion]`
pub(crate) static BASTION: Table = Table {
    heading: "bastion",
    keys: &[
        key("account", ACCOUNT_ID, "The account's id, 12 digits in quotation marks.").required(),
        key(
            "profile",
            SENTENCE,
            "The AWS profile by which the first `apply` gets in; without it, the environment's credentials.",
        ),
        key("alias", ALIAS, "The account's alias."),
        key("session", DURATION, "How long an MFA session lasts, 15m to 36h.").or("\"12h\""),
        key(
            "resource",
            Shape::Word(&["*"]),
            "`\"*\"`: group policies name no roles, and the roles' trust alone says who.",
        ),
        key(
            "self_service",
            Shape::Flag,
            "Whether people manage keys and MFA devices of their own, with MFA.",
        )
        .or("false"),
        key(
            "source_identity",
            Shape::Flag,
            "Whether people may set a source identity, which CloudTrail then shows everywhere.",
        )
        .or("false"),
        key(
            "source_ip",
            ADDRESSES,
            "From where people may assume roles: addresses and blocks as AWS sees them.",
        ),
        key("endpoint_url", URL, "Where this account's services are called instead of AWS."),
        key("password_policy", Shape::Table(&PASSWORDS), "The account's password policy."),
    ],
    later: &[],
};

/// `[accounts.NAME]`
pub(crate) static ACCOUNT: Table = Table {
    heading: "accounts.NAME",
    keys: &[
        key("id", ACCOUNT_ID, "The account's id, 12 digits in quotation marks.").required(),
        key("profile", SENTENCE, "The AWS profile by which the first `apply` gets in."),
        key(
            "via",
            Shape::Text(IAM_NAME),
            "The role by which the first `apply` gets in with the bastion's credential.",
        ),
        key("alias", ALIAS, "The account's alias."),
        key("endpoint_url", URL, "Where this account's services are called instead of AWS."),
        key(
            "password_policy",
            Shape::Table(&PASSWORDS),
            "The account's password policy; left as it is without this.",
        ),
    ],
    later: &[],
};

/// `[bastion.password_policy]`, `[accounts.NAME.password_policy]`
pub(crate) static PASSWORDS: Table = Table {
    heading: "bastion.password_policy",
    keys: &[
        key("minimum_length", Shape::Number(6, 128), "The least number of characters.").or("14"),
        key("require_symbols", Shape::Flag, "Whether a symbol is needed.").or("true"),
        key("require_numbers", Shape::Flag, "Whether a digit is needed.").or("true"),
        key("require_uppercase", Shape::Flag, "Whether a capital letter is needed.").or("true"),
        key("require_lowercase", Shape::Flag, "Whether a small letter is needed.").or("true"),
        key("allow_users_to_change", Shape::Flag, "Whether users may change their own password.").or("true"),
        key(
            "max_age_days",
            Shape::Number(1, 1_095),
            "After how many days a password expires; never without this.",
        ),
        key("reuse_prevention", Shape::Number(1, 24), "How many former passwords are refused.").or("24"),
        key("hard_expiry", Shape::Flag, "Whether an expired password needs an administrator to be set anew.")
            .or("false"),
    ],
    later: &[],
};

/// `[administrators]`
pub(crate) static ADMINISTRATORS: Table = Table {
    heading: "administrators",
    keys: &[
        key(
            "people",
            PEOPLE_NAMES,
            "People who may assume `postern-admin` in every account, with a code less than an hour old.",
        )
        .or("[]"),
        key(
            "also",
            Shape::List(&Shape::Table(&ALSO), 0),
            "Principals above the cap that postern did not make.",
        )
        .or("[]"),
    ],
    later: &[],
};

/// One of `administrators.also`
pub(crate) static ALSO: Table = Table {
    heading: "administrators.also",
    keys: &[
        key("arn", ARN, "The principal.").required(),
        key("reason", SENTENCE, "Why it is there; every report shows it.").required(),
    ],
    later: &[],
};

/// `[break_glass]`
pub(crate) static BREAK_GLASS: Table = Table {
    heading: "break_glass",
    keys: &[
        key("people", Shape::List(&Shape::Text(IAM_NAME), 2), "Two or more people of `[people]` who may assume `postern-break-glass`, with a code less than 15 minutes old.")
            .required(),
        key("accounts", SOME_ACCOUNTS, "Where the role is made: names of `[accounts]`, `bastion`, or `\"*\"` for all of them.")
            .required(),
    ],
    later: &[],
};

/// `[roles.NAME]`
pub(crate) static ROLE: Table = Table {
    heading: "roles.NAME",
    keys: &[
        key("accounts", SOME_ACCOUNTS, "Where the role is made: names of `[accounts]`, or `\"*\"` for all of them.").required(),
        key("policies", Shape::List(&Shape::Either(&[Shape::Text("."), Shape::Table(&FILE)]), 0),
            "What it grants: AWS-managed policies by name, a customer's by ARN, or `{ file = \"…\" }` beside the estate file.")
            .required(),
        key("session", DURATION, "How long a session of the role may last, 1h to 12h.").or("\"1h\""),
        key("mfa_max_age", DURATION, "How old the MFA code may be when the role is assumed, 1m to 36h; any age without this."),
        key("source_ip", ADDRESSES, "From where people may assume it; the bastion's `source_ip` without this."),
        key("source_identity", Shape::Flag, "Whether people must set their user name as source identity to assume it.").or("false"),
        key("may_assume", Shape::List(&ARN, 0), "Roles outside the estate that it may assume.").or("[]"),
        key("allow_iam", SENTENCE, "Why the role may grant IAM actions above the cap; every report shows it."),
        key("boundary", Shape::Word(&["none"]), "`\"none\"`: no permissions boundary; wants a `reason`."),
        key("reason", SENTENCE, "Why the role has no boundary; every report shows it."),
        key("tags", Shape::Tags, "Tags on the role, beside those of the whole estate."),
    ],
    later: &[],
};

/// One of `roles.NAME.policies`
pub(crate) static FILE: Table = Table {
    heading: "roles.NAME.policies",
    keys: &[key(
        "file",
        SENTENCE,
        "A policy document, relative to the estate file; it becomes an inline policy of the file's name.",
    )
    .required()],
    later: &[],
};

/// `[groups.NAME]`
pub(crate) static GROUP: Table = Table {
    heading: "groups.NAME",
    keys: &[key(
        "roles",
        ROLE_PATTERNS,
        "What its members may assume: `ACCOUNT/ROLE`, each of which may be `*`.",
    )
    .required()],
    later: &[],
};

/// `[people.NAME]`
pub(crate) static PERSON: Table = Table {
    heading: "people.NAME",
    keys: &[
        key("groups", Shape::List(&Shape::Text(GROUP_NAME), 0), "The groups that the person is a member of.")
            .or("[]"),
        key("roles", ROLE_PATTERNS, "Roles of the person's own, as in a group.").or("[]"),
        key("tags", Shape::Tags, "Tags on the user, beside those of the whole estate."),
    ],
    later: &[],
};

/// `[third_parties.NAME]`
pub(crate) static THIRD_PARTY: Table = Table {
    heading: "third_parties.NAME",
    keys: &[
        key("account", ACCOUNT_ID, "The foreign account.").required(),
        key(
            "external_id",
            Shape::Text(r"^[A-Za-z0-9_+=,.@:/\\-]{2,1224}$"),
            "What it must present; long, random, and not used elsewhere.",
        )
        .required(),
        key(
            "roles",
            Shape::List(&ROLE_PATTERN, 1),
            "What it may assume: `ACCOUNT/ROLE`, each of which may be `*`.",
        )
        .required(),
    ],
    later: &[],
};

/// `[organization]`
pub(crate) static ORGANIZATION: Table = Table {
    heading: "organization",
    keys: &[
        key("management", ACCOUNT_ID, "The account that manages the organization.").required(),
        key(
            "profile",
            SENTENCE,
            "The AWS profile by which that account is entered; not needed where it is an account of this file.",
        ),
        key("via", Shape::Text(IAM_NAME), "The role there that the bastion's credential assumes instead."),
        key("endpoint_url", URL, "Where this account's services are called instead of AWS."),
        key(
            "attach_to",
            Shape::List(&SENTENCE, 1),
            "Units by name or id, or `\"root\"`, that the guards are attached to; this file's accounts one by one without this.",
        ),
        key(
            "no_users_outside_bastion",
            Shape::Flag,
            "Whether nobody may make IAM users, keys or passwords but in the bastion.",
        )
        .or("false"),
        key("no_root", Shape::Flag, "Whether the accounts' root users may do nothing.").or("false"),
        key("no_leaving", Shape::Flag, "Whether no account may leave the organization.").or("false"),
        key(
            "protect_postern",
            Shape::Flag,
            "Whether nobody but administrators may change what postern made.",
        )
        .or("false"),
        key(
            "regions",
            Shape::List(&REGION, 1),
            "The only regions to be used, but for services that are one for all; all of them without this.",
        ),
    ],
    later: &[],
};

/// One of `[[exceptions]]`
pub(crate) static EXCEPTION: Table = Table {
    heading: "exceptions",
    keys: &[
        key("rule", Shape::Text("^[A-Z][0-9]{2}$"), "The audit's rule, such as `G10`.").required(),
        key("principal", ARN, "The principal that the finding is about.").required(),
        key("reason", SENTENCE, "Why it is borne; every report shows it.").required(),
        key("until", Shape::Day, "The last day on which it is borne.").required(),
    ],
    later: &[],
};
