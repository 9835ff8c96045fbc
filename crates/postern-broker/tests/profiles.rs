//! Profiles out of the two files: botocore's rules as a table, aws-vault's beside them, and what is odd about a file.
//! `tests/outsiders/test_profiles.py` holds the first against botocore itself.

use postern_broker::files::profile::{
    CredentialSource, Dialect, File, IniProblem, Place, Profile, ProfileError, Profiles, Source, Unsupported,
};
use proptest::prelude::*;

const KEY: &str = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n";
const OTHER: &str = "aws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = other\n";
const ROLE: &str = "role_arn = arn:aws:iam::222222222222:role/R\n";
const WEB: &str = "web_identity_token_file = /t\n";
const STORED: &str = "postern_key = AKIAIOSFODNN7EXAMPLE\n";

fn profile_in(
    dialect: Dialect,
    config: &str,
    credentials: &str,
    name: &str,
) -> Result<Profile, ProfileError> {
    Profiles::parse(config, credentials)?.profile_in(dialect, name)
}

/// A profile as one line: its source and where it stands, then its roles, such as `keys AKIA… of b → a`.
fn way(dialect: Dialect, config: &str, credentials: &str) -> String {
    let profile = match profile_in(dialect, config, credentials, "a") {
        Ok(profile) => profile,
        Err(error) => return error.to_string(),
    };
    let what = match &profile.source {
        Source::Keys(keys) => format!("keys {}", keys.credentials.id),
        Source::Stored(stored) => format!("stored {}", stored.key.value),
        Source::Process(process) => format!("process {}", process.words().unwrap_or_default().join("|")),
        Source::WebIdentity(identity) => {
            format!("web {} {}", identity.token_file.value, identity.role.value.name())
        }
        Source::Named(named) => format!("{:?}", named.source.value),
        _ => String::new(),
    };
    let roles = profile.roles.iter().map(|role| format!(" → {}", role.profile)).collect::<String>();
    format!("{what} of {}{roles}", profile.source.profile())
}

fn botocore(config: &str, credentials: &str) -> String {
    way(Dialect::Botocore, config, credentials)
}

#[test]
fn the_order_of_sources_is_botocores() {
    let a = |body: &str| format!("[profile a]\n{body}");
    let in_b = |body: &str| format!("[profile a]\n{ROLE}source_profile = b\n[profile b]\n{body}");
    let login = "login_session = x\n";
    let process = "credential_process = '/my bin/get' --x\n";
    let sso = "sso_role_name = x\n";
    let key = "keys AKIAIOSFODNN7EXAMPLE of a";
    // config, credentials, what comes of it
    let cases: &[(String, String, &str)] = &[
        (a(KEY), String::new(), key),
        (a(OTHER), format!("[a]\n{KEY}"), key),
        (a(&format!("{KEY}{ROLE}source_profile = a\n")), String::new(), "keys AKIAIOSFODNN7EXAMPLE of a → a"),
        (
            a(&format!("{ROLE}credential_source = Ec2InstanceMetadata\n{KEY}")),
            String::new(),
            "Ec2InstanceMetadata of a → a",
        ),
        (a(&format!("{ROLE}{WEB}source_profile = b\n")), String::new(), "web /t R of a"),
        (a(&format!("{WEB}{ROLE}{sso}{KEY}")), String::new(), "web /t R of a"),
        (a("web_identity_token_file =\n"), format!("[a]\n{ROLE}{KEY}"), key),
        (a(&format!("{process}{login}")), format!("[a]\n{KEY}"), key),
        (a(&format!("{process}{KEY}")), String::new(), "process /my bin/get|--x of a"),
        (a("sso_start_url = x\nsso_session = y\n"), format!("[a]\n{KEY}"), key),
        (a(&format!("{process}aws_secret_access_key = x\n")), String::new(), "process /my bin/get|--x of a"),
        // In a source, keys go before a role.
        (
            in_b(&format!("{OTHER}{ROLE}source_profile = c\n")),
            String::new(),
            "keys AKIAI44QH8DHBEXAMPLE of b → a",
        ),
        (in_b(&format!("{OTHER}{ROLE}{WEB}")), String::new(), "web /t R of b → a"),
        (
            in_b(&format!("{ROLE}source_profile = c\n")),
            format!("[c]\n{KEY}"),
            "keys AKIAIOSFODNN7EXAMPLE of c → b → a",
        ),
        (
            in_b(&format!("{ROLE}credential_source = Environment\n")),
            String::new(),
            "Environment of b → b → a",
        ),
        (in_b(process), String::new(), "process /my bin/get|--x of b → a"),
        // Keys that rest with postern stand for plain ones, and go before the process that serves them to others.
        (a(&format!("{STORED}{process}")), String::new(), "stored AKIAIOSFODNN7EXAMPLE of a"),
        (a(&format!("{STORED}{OTHER}")), String::new(), "stored AKIAIOSFODNN7EXAMPLE of a"),
        (a(STORED), format!("[a]\n{OTHER}"), "keys AKIAI44QH8DHBEXAMPLE of a"),
        (
            a(&format!("{process}{ROLE}source_profile = a\n")),
            format!("[a]\n{STORED}"),
            "stored AKIAIOSFODNN7EXAMPLE of a → a",
        ),
        (
            in_b(&format!("{STORED}{ROLE}source_profile = c\n")),
            String::new(),
            "stored AKIAIOSFODNN7EXAMPLE of b → a",
        ),
    ];
    for (config, credentials, expected) in cases {
        assert_eq!(botocore(config, credentials), *expected, "{config}\n{credentials}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_where_it_stands() {
    let a = || "a".to_owned();
    let at = |line| Place { file: File::Config, line };
    let half = |present, missing, line| ProfileError::Half { name: a(), present, missing, at: at(line) };
    let unsupported = |from, line| ProfileError::Unsupported { name: a(), from, at: at(line) };
    let cases = [
        ("sso_account_id = x\n", unsupported(Unsupported::Sso, 2)),
        ("region = eu-central-1\nlogin_session = x\n", unsupported(Unsupported::Login, 3)),
        ("region = eu-central-1\n", ProfileError::NoCredentials { name: a() }),
        ("aws_secret_access_key = x\n", half("aws_secret_access_key", "aws_access_key_id", 2)),
        ("aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", half("aws_access_key_id", "aws_secret_access_key", 2)),
        ("role_arn = x\n", half("role_arn", "source_profile", 2)),
        ("web_identity_token_file = /t\n", half("web_identity_token_file", "role_arn", 2)),
        (
            "role_arn = x\ncredential_source =\nsource_profile =\n",
            ProfileError::Both { name: a(), one: "source_profile", other: "credential_source", at: at(3) },
        ),
        (
            "role_arn = x\nsource_profile = b\n",
            ProfileError::UnknownOther { name: a(), key: "source_profile", other: "b".into(), at: at(3) },
        ),
        (
            "role_arn = x\nsource_profile = a\n",
            ProfileError::Loop { name: a(), chain: vec![a(), a()], at: at(3) },
        ),
        (
            "role_arn = x\nsource_profile = b\n[profile b]\nrole_arn = y\nsource_profile = a\naws_session_token = t\n",
            ProfileError::Loop { name: a(), chain: vec![a(), "b".into(), a()], at: at(6) },
        ),
        // Keys of its own do not help a profile that another leads back to.
        (
            "role_arn = x\nsource_profile = b\naws_access_key_id = x\naws_secret_access_key = x\n\
             [profile b]\nrole_arn = y\nsource_profile = a\n",
            ProfileError::Loop { name: a(), chain: vec![a(), "b".into(), a()], at: at(8) },
        ),
        (
            "services = s\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n[services s]\n",
            ProfileError::Services { name: a(), section: "s".into(), at: at(2) },
        ),
    ];
    for (body, error) in cases {
        let found = profile_in(Dialect::Botocore, &format!("[profile a]\n{body}"), "", "a").unwrap_err();
        assert_eq!(found, error, "{body}");
    }
    // Values that AWS would refuse, with their key and line.
    for (key, body) in [
        ("region", format!("{KEY}region = nowhere\n")),
        ("role_arn", "role_arn = x\ncredential_source = Environment\n".to_owned()),
        ("credential_source", format!("{ROLE}credential_source = environment\n")),
        ("duration_seconds", format!("{ROLE}credential_source = Environment\nduration_seconds = 60\n")),
        ("duration_seconds", format!("{ROLE}credential_source = Environment\nduration_seconds =\n  k = v\n")),
        ("mfa_serial", format!("{ROLE}credential_source = Environment\nmfa_serial =\n")),
        ("credential_process", "credential_process =\n".to_owned()),
        ("source_profile", format!("{ROLE}source_profile =\n  k = v\n")),
        ("services", format!("{KEY}services = s\n[services s]\nsts = http://h\n")),
    ] {
        let found = profile_in(Dialect::Botocore, &format!("[profile a]\n{body}"), "", "a").unwrap_err();
        let ProfileError::Value { key: found_key, at, .. } = &found else { panic!("{body}: {found}") };
        assert!(
            *found_key == key && at.line > 1 && found.to_string().contains("config file, line "),
            "{found}"
        );
    }
    let unknown = profile_in(Dialect::Botocore, "[profile b]\n[default]\n", "[c]\n", "a").unwrap_err();
    assert_eq!(
        unknown,
        ProfileError::Unknown { name: a(), known: vec!["b".into(), "c".into(), "default".into()] }
    );
    let syntax = Profiles::parse("", "[a]\nx\n").unwrap_err();
    assert!(
        matches!(&syntax, ProfileError::Syntax { file: File::Credentials, error } if error.problem == IniProblem::NotAKey)
    );
    assert!(syntax.to_string().starts_with("credentials file, line 2: "), "{syntax}");
}

#[test]
fn a_role_takes_everything_from_its_own_section() {
    let config = format!(
        "[default]\nmfa_serial = arn:aws:iam::111111111111:mfa/x\nexternal_id = x0\n\
         [profile a]\n{ROLE}source_profile = b\nexternal_id = x1\nrole_session_name = me\nduration_seconds = 1_800\n\
         region = eu-central-1\n\
         [profile b]\n{ROLE}source_profile = c\nregion = us-east-1\nrole_session_name =\nduration_seconds = 1h\n"
    );
    let credentials =
        format!("[c]\n{KEY}mfa_serial = arn:aws:iam::111111111111:mfa/c\n[b]\nmfa_serial = GAHT12345678\n");
    let profile = profile_in(Dialect::Botocore, &config, &credentials, "a").unwrap();
    let [b, a] = &*profile.roles else { panic!("{profile:?}") };
    assert_eq!((b.profile.as_str(), a.profile.as_str()), ("b", "a"));
    assert_eq!(b.mfa_serial.as_ref().unwrap().at, Place { file: File::Credentials, line: 6 });
    assert!(
        b.external_id.is_none() && b.session_name.is_none() && b.duration.is_none() && a.mfa_serial.is_none()
    );
    assert_eq!(a.session_name.as_ref().unwrap().value.as_str(), "me");
    assert_eq!(a.duration.as_ref().unwrap().value.seconds(), 1_800);
    assert_eq!(a.external_id.as_ref().unwrap().at, Place { file: File::Config, line: 7 });
    assert_eq!(profile.region.unwrap().value.as_str(), "eu-central-1");
    // What stands beside the key is told, though botocore would not look there.
    let Source::Keys(keys) = &profile.source else { panic!() };
    assert_eq!(keys.mfa_serial.as_ref().unwrap().value.as_str(), "arn:aws:iam::111111111111:mfa/c");
    assert_eq!(keys.at, Place { file: File::Credentials, line: 2 });
}

#[test]
fn sections_are_found_as_botocore_finds_them() {
    // config, credentials, the names, and the line of the region of a (below 0 in the credentials file) and default
    type Case<'a> = (&'a str, &'a str, &'a [&'a str], i64, i64);
    let cases: &[Case<'_>] = &[
        ("[profile a]\nregion=x\n[a]\nregion=y\n", "", &["a"], 2, 0),
        ("[profile \"a\"]\nregion=x\n[profile 'a b']\n", "[profile a]\n", &["a", "a b", "profile a"], 2, 0),
        ("[profile a b]\n[profile \"a]\n[profile]\n[ profile a ]\n", "", &[], 0, 0),
        ("[profilex a] ; note\nregion=x\n", "", &["a"], 2, 0),
        ("[default]\nregion=x\n[profile default]\noutput=x\n", "", &["default"], 0, 0),
        ("[profile default]\noutput=x\n[default]\nregion=x\n", "", &["default"], 0, 4),
        ("[profile a]\nregion=x\n[profile  a]\n", "", &["a"], 0, 0),
        ("[DEFAULT]\nregion=x\n[profile a]\n[default]\n", "", &["a", "default"], 2, 2),
        ("[DEFAULT]\nregion=x\n[profile a]\nregion=y\n", "", &["a"], 4, 0),
        ("[profile a]\nregion=y\n", "[DEFAULT]\nregion=z\n[a]\n", &["a"], -2, 0),
        ("[profile a]\nregion=x\n", "[a]\nREGION : y\n", &["a"], -2, 0),
        ("[profile a]\noutput=x\n\n  region=y\n", "", &["a"], 0, 0),
        ("[sso-session a]\n[services a]\n[preview]\n", "", &[], 0, 0),
    ];
    for (config, credentials, names, a, default) in cases {
        let profiles = Profiles::parse(config, credentials).unwrap();
        assert_eq!(profiles.names(), *names, "{config}\n{credentials}");
        for (name, expected) in [("a", a), ("default", default)] {
            let line = match profiles.place_of(Dialect::Botocore, name, "region") {
                Some(Place { file: File::Config, line }) => line as i64,
                Some(Place { file: File::Credentials, line }) => -(line as i64),
                None => 0,
            };
            assert_eq!(line, *expected, "{name}: {config}\n{credentials}");
        }
    }
}

#[test]
fn endpoints_stand_in_profile_and_services() {
    let config = format!(
        "[profile a]\n{KEY}services = s\nendpoint_url = http://p\n\
         [services s]\niam =\n  endpoint_url = http://i\ns3 =\n  use_accelerate_endpoint = true\nSTS=\n  endpoint_url =\n"
    );
    let endpoints = profile_in(Dialect::Botocore, &config, "", "a").unwrap().endpoints;
    assert_eq!(endpoints.endpoint_url.as_ref().unwrap().value, "http://p");
    let services: Vec<_> =
        endpoints.services.iter().map(|(name, url)| (name.as_str(), &*url.value, url.at.line)).collect();
    assert_eq!(services, [("iam", "http://i", 8)]);
    assert!(!endpoints.ignores());
    // An ignored section may as well be missing.
    let ignored = config.replace("[services s]", "ignore_configured_endpoint_urls = TRUE\n[services t]");
    assert!(profile_in(Dialect::Botocore, &ignored, "", "a").unwrap().endpoints.ignores());
}

#[test]
fn long_chains_neither_overflow_nor_take_long() {
    let mut config = String::new();
    for index in 0..20_000 {
        config += &format!("[profile p{index}]\n{ROLE}source_profile = p{}\n", index + 1);
    }
    config += &format!("[profile p20000]\n{KEY}");
    let profile = profile_in(Dialect::Botocore, &config, "", "p0").unwrap();
    assert_eq!((profile.roles.len(), profile.roles[0].profile.as_str()), (20_000, "p19999"));
}

#[test]
fn nothing_secret_is_shown() {
    let config = format!("[profile a]\n{KEY}aws_session_token = token\n");
    let profiles = Profiles::parse(&config, &config).unwrap();
    let shown = format!("{profiles:?} {:?}", profiles.profile("a").unwrap());
    assert!(!shown.contains("secret\"") && !shown.contains("\"token\""), "{shown}");
    let wrong = profile_in(
        Dialect::Botocore,
        "[profile a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = se cret\n",
        "",
        "a",
    );
    assert!(!wrong.unwrap_err().to_string().contains("cret\""));
}

#[test]
fn aws_vault_inherits_by_include_profile_and_from_default() {
    let role = |rest: &str| format!("[profile a]\n{ROLE}{rest}");
    // config, credentials, botocore's way, aws-vault's
    let cases: &[(String, String, &str, &str)] = &[
        // A role with a key of its own needs no source.
        (
            role(""),
            format!("[a]\n{KEY}"),
            "profile `a` has `role_arn` without `source_profile` (config file, line 2)",
            "keys AKIAIOSFODNN7EXAMPLE of a → a",
        ),
        // Its own key goes before its source.
        (
            role("source_profile = b\n"),
            format!("[a]\n{KEY}[b]\n{OTHER}"),
            "keys AKIAI44QH8DHBEXAMPLE of b → a",
            "keys AKIAIOSFODNN7EXAMPLE of a → a",
        ),
        // A source without a role is the source.
        (
            "[profile a]\nsource_profile = b\n".into(),
            format!("[b]\n{KEY}"),
            "profile `a` holds no credentials",
            "keys AKIAIOSFODNN7EXAMPLE of b",
        ),
        // To name itself is to name nobody; what is missing then comes from [default].
        (
            role("source_profile = a\n") + "[default]\nsource_profile = b\n",
            format!("[b]\n{KEY}"),
            "profile `a` leads back to itself: a → a (config file, line 3)",
            "profile `a` holds no credentials",
        ),
        (
            "[profile a]\ninclude_profile = c\n[profile c]\nsource_profile = b\n[default]\n".to_owned()
                + ROLE,
            format!("[b]\n{STORED}"),
            "profile `a` holds no credentials",
            "stored AKIAIOSFODNN7EXAMPLE of b → b → a",
        ),
        (
            "[profile a]\nrole_arn =\ninclude_profile = c\n[profile c]\n".to_owned() + ROLE,
            format!("[a]\n{KEY}"),
            "profile `a` has `role_arn` without `source_profile` (config file, line 2)",
            "keys AKIAIOSFODNN7EXAMPLE of a → a",
        ),
        // Keys are not inherited.
        (
            "[profile a]\nregion = eu-central-1\n".into(),
            format!("[default]\n{KEY}"),
            "profile `a` holds no credentials",
            "profile `a` holds no credentials",
        ),
        (
            "[profile a]\ninclude_profile = c\n[profile c]\ninclude_profile = a\n".into(),
            format!("[a]\n{KEY}"),
            "keys AKIAIOSFODNN7EXAMPLE of a",
            "profile `a` leads back to itself: a → c → a (config file, line 4)",
        ),
        (
            "[profile a]\ninclude_profile = c\n".into(),
            format!("[a]\n{KEY}"),
            "keys AKIAIOSFODNN7EXAMPLE of a",
            "profile `a`: `include_profile` names `c`, which is no profile (config file, line 2)",
        ),
        (
            role("source_profile = b\n") + "[profile b]\nsource_profile = a\n",
            String::new(),
            "profile `b` holds no credentials",
            "profile `a` leads back to itself: a → b → a (config file, line 5)",
        ),
        (
            "[default]\ncredential_process = x\n[profile a]\n".into(),
            String::new(),
            "profile `a` holds no credentials",
            "process x of a",
        ),
    ];
    for (config, credentials, by_botocore, by_aws_vault) in cases {
        assert_eq!(botocore(config, credentials), *by_botocore, "botocore\n{config}\n{credentials}");
        assert_eq!(
            way(Dialect::AwsVault, config, credentials),
            *by_aws_vault,
            "aws-vault\n{config}\n{credentials}"
        );
    }
}

#[test]
fn aws_vaults_device_reaches_every_role_and_its_command_comes_from_the_source() {
    let config = format!(
        "[default]\nmfa_serial = arn:aws:iam::111111111111:mfa/x\nregion = eu-central-1\n\
         [profile a]\n{ROLE}source_profile = b\n[profile b]\nmfa_process = pass otp aws\n"
    );
    let profile = profile_in(Dialect::AwsVault, &config, &format!("[b]\n{KEY}"), "a").unwrap();
    assert_eq!(profile.roles[0].mfa_serial.as_ref().unwrap().at, Place { file: File::Config, line: 2 });
    assert_eq!(profile.roles[0].mfa_process.as_ref().unwrap().value, "pass otp aws");
    assert_eq!(profile.region.unwrap().value.as_str(), "eu-central-1");
    let Source::Keys(keys) = &profile.source else { panic!() };
    assert!(keys.mfa_serial.is_some() && keys.mfa_process.is_some());
    let plain = profile_in(Dialect::Botocore, &config, &format!("[b]\n{KEY}"), "a").unwrap();
    assert!(
        plain.roles[0].mfa_serial.is_none() && plain.roles[0].mfa_process.is_none() && plain.region.is_none()
    );
    let profiles = Profiles::parse(&config, "").unwrap();
    let place = |dialect| profiles.place_of(dialect, "a", "Region");
    assert_eq!((place(Dialect::Botocore), place(Dialect::AwsVault).map(|at| at.line)), (None, Some(3)));
}

#[test]
fn the_machines_own_credentials_have_their_names() {
    for (name, source) in [
        ("Environment", CredentialSource::Environment),
        ("Ec2InstanceMetadata", CredentialSource::Ec2InstanceMetadata),
        ("EcsContainer", CredentialSource::EcsContainer),
    ] {
        assert_eq!(name.parse(), Ok(source));
    }
}

#[test]
fn oddities_are_told_with_file_and_line() {
    // Each is one line of the config file, unless it begins with `!`; what is told contains the words.
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "[default]\nregion = eu-central-1\r\n[profile x/y.z@w]\noutput=json\n[sso-session s]\n[plugins]\n",
            "[a]\nregion=x#y\n",
            &[],
        ),
        ("[b]\n", "", &["config file, line 1: no tool takes `[b]`"]),
        ("[profile-x]\n", "", &["config file, line 1: no tool takes `[profile-x]`"]),
        ("[profile a]\npostern_key = x\nmfa_serial = y\n", "", &[]),
        (
            "[profile c d]\n[profile \"a]\n",
            "",
            &["line 1: `[profile c d]` is not one name", "line 2: `[profile \"a]`"],
        ),
        (
            "[profile \"a b\"]\n[profilex c]\n[profile a!]\n",
            "[a b]\n",
            &[
                "line 1: other",
                "line 2: other",
                "line 3: other",
                "credentials file, line 1: other SDKs than botocore drop `[a b]`",
            ],
        ),
        (
            "[ profile a ]\n",
            "[ b ]\n",
            &["config file, line 1: botocore keeps the blanks", "credentials file, line 1: botocore keeps"],
        ),
        ("", "[profile a]\n", &["credentials file, line 1: names stand alone"]),
        (
            "[default]\n\n[profile default]\n",
            "",
            &["line 1: botocore takes only the later section of `default`, in line 3"],
        ),
        ("[DEFAULT]\n[DEFAULT]\n", "", &["line 1: `[DEFAULT]`"]),
        ("[profile a] x\n[profile b] # x\n[profile c];x\n", "", &["line 1: botocore drops what"]),
        ("[profile a]\nregion: x\noutput =a:b\n", "", &["line 2: `region:`"]),
        (
            "[profile a]\nregion = x # y\noutput = # y\ncli_pager = x#y\n",
            "",
            &["line 2: botocore takes the comment", "line 3: botocore"],
        ),
        ("[profile a]\nregion = \"x\"\ncredential_process = \"x\"\n", "", &["line 2: the quotes"]),
        ("[profile a]\nregion = x\n  y\n\ns3 =\n  k = v # c\n", "", &["line 2: the indented lines"]),
        ("[profile a]\n  region = x\n", "", &["line 2: other SDKs than botocore take the indented `region`"]),
        (
            "[profile a]\nsource_profil = x\ngranted_x = y\n",
            "",
            &["line 2: no tool reads `source_profil`; `source_profile`"],
        ),
        (
            "[profile a]\nmfa_process = x\n",
            "[a]\naws_security_token = x\n",
            &["config file, line 2: only aws-vault reads", "credentials file, line 2: only botocore"],
        ),
        (
            "[profile a]\nregion = x\noutput = y\n",
            "[a]\noutput = y\nregion = z\n",
            &["config file, line 2: line 3 of the credentials file gives `region`"],
        ),
        (
            "[profile a]\nmfa_serial = x\n",
            "",
            &["line 2: `mfa_serial` means something to botocore only beside"],
        ),
        (
            "[profile a]\nmfa_serial = x\n",
            "[a]\nrole_arn = x\nduration_seconds = 1h\n",
            &["credentials file, line 3: `duration_seconds` is not a number"],
        ),
        (
            "[services s]\nsts = http://h\niam =\n  endpoint_url = x\n",
            "",
            &["line 2: keys of `sts` stand indented"],
        ),
        (
            "[profile a]\npostern_key = x\n",
            "[a]\naws_access_key_id = x\n",
            &["config file, line 2: the keys in the credentials file go before"],
        ),
    ];
    for (config, credentials, words) in cases {
        let found: Vec<_> = Profiles::parse(config, credentials)
            .unwrap()
            .oddities()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), words.len(), "{config}\n{credentials}\n{found:#?}");
        for (told, words) in found.iter().zip(*words) {
            assert!(told.contains(words), "{told} lacks {words}");
        }
    }
}

/// The kinds of file that the SDKs' shared parser tests are about. Where botocore reads one in another way than
/// those, it is refused, or something is said about it; where both agree, nothing is, but for values that go on.
#[test]
fn where_other_sdks_read_differently_something_is_said() {
    // config, credentials, whether readers differ
    let cases: &[(&str, &str, bool)] = &[
        ("", "", false),
        ("[profile x]", "", false),
        ("[profile a-b:c/d_e%f.g@h+]\nk=v", "[a-b:c/d_e%f.g@h+]", false),
        ("[profile a!b]\n", "", true),
        ("[profile x", "", true),
        ("[profile \tx \t]\nregion=v", "", false),
        ("[profile\tx]", "", false),
        ("[   profile x   ]\nregion=v", "", true),
        ("", "[  x  ]", true),
        ("region = v", "", true),
        ("[profile x]\r\nregion = v\r\n", "", false),
        ("[profile x]\nregion = v=w", "", false),
        ("[profile x]\nregion \t=  \tv \t\noutput=", "", false),
        ("[profile x]\n= v", "", true),
        ("[profile x]\nregion : v", "", true),
        ("\t \n[profile x]\n\t\n \nregion = v\n\t \n", "", false),
        ("# c\n; c\n;\n[profile x] ; c\nregion = v\n[profile y]# c\n", "", false),
        ("[profile x]\nregion = v # c with # sign", "", true),
        ("[profile x]\nregion = v ;", "", true),
        ("[profile x]\nregion = v; adjacent\noutput=v#c", "", false),
        ("[profile x]\nregion = v\n -continued\n \t -too \t ", "", true),
        (" -continued", "", true),
        ("[profile x]\n -continued", "", true),
        ("[profile x]\n  region = v\n", "", true),
        ("[profile x]\nregion=v\n[profile x]\noutput=w", "", true),
        ("[profile x]\nRegion=v\nregion=w", "", true),
        ("[default]\nregion=v\n[profile default]\noutput=w", "", true),
        ("[profile in valid]\nregion=v", "", true),
        ("", "[in valid]", true),
        ("[profile x]\ns3 =\n addressing_style = v\n\t \n b = w", "", false),
        ("[profile x]\ns3 =\n invalid", "", true),
        ("[profile x]\nregion = v", "[x]\noutput = w", false),
        ("[profile x]\nregion = v", "[x]\nregion = w", true),
        ("[x]\nregion = v", "", true),
        ("", "[profile x]", true),
        ("[profilex]\nregion = v\n[profile y]", "", true),
        ("[sso-session x]\nsso_region = v\n[services y]\nsts =\n  endpoint_url = v\n", "", false),
        ("[DEFAULT]\nregion = v", "", true),
    ];
    for (config, credentials, differ) in cases {
        let said = match Profiles::parse(config, credentials) {
            Ok(profiles) => profiles.oddities().iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(!said.is_empty(), *differ, "{config}\n{credentials}\n{said:#?}");
    }
}

proptest! {
    #[test]
    fn any_two_texts_give_an_answer(
        config in "(\\[(default|DEFAULT|profile a|services s)\\]\n|(region|role_arn|source_profile|include_profile|services|sts)[ =:\n]*|\\PC|\n)*",
        credentials in "(\\[a\\]\n|(aws_access_key_id|aws_secret_access_key|postern_key) ?= ?|[A-Z]{16}|\\PC|\n)*",
    ) {
        if let Ok(profiles) = Profiles::parse(&config, &credentials) {
            for name in profiles.names() {
                for dialect in [Dialect::Botocore, Dialect::AwsVault] {
                    let _ = profiles.profile_in(dialect, &name);
                }
            }
            let lines = config.lines().count() + credentials.lines().count() + config.matches('\r').count() + credentials.matches('\r').count();
            prop_assert!(profiles.oddities().iter().all(|oddity| (1..=lines).contains(&oddity.line)));
        }
    }
}
