//! What names of users tell.

use crate::migrate::Better;

/// Words that programs are called by, and what serves each better than keys where the word tells.
const PROGRAMS: [(&str, Option<Better>); 87] = [
    ("actions", Some(Better::GithubOidc)),
    ("agent", None),
    ("airflow", None),
    ("ansible", None),
    ("api", None),
    ("app", None),
    ("application", None),
    ("automation", None),
    ("backend", None),
    ("backup", None),
    ("backups", None),
    ("batch", None),
    ("bitbucket", Some(Better::Other)),
    ("bot", None),
    ("build", Some(Better::GithubOidc)),
    ("builder", Some(Better::GithubOidc)),
    ("buildkite", Some(Better::Other)),
    ("cd", Some(Better::GithubOidc)),
    ("ci", Some(Better::GithubOidc)),
    ("cicd", Some(Better::GithubOidc)),
    ("circleci", Some(Better::Other)),
    ("client", None),
    ("cron", None),
    ("datadog", Some(Better::Other)),
    ("deploy", Some(Better::GithubOidc)),
    ("deployer", Some(Better::GithubOidc)),
    ("deployment", Some(Better::GithubOidc)),
    ("docker", Some(Better::TaskRole)),
    ("ec2", Some(Better::InstanceRole)),
    ("ecs", Some(Better::TaskRole)),
    ("eks", Some(Better::TaskRole)),
    ("etl", None),
    ("export", None),
    ("exporter", None),
    ("fargate", Some(Better::TaskRole)),
    ("frontend", None),
    ("function", Some(Better::LambdaRole)),
    ("gha", Some(Better::GithubOidc)),
    ("github", Some(Better::GithubOidc)),
    ("gitlab", Some(Better::Other)),
    ("grafana", None),
    ("import", None),
    ("instance", Some(Better::InstanceRole)),
    ("integration", None),
    ("jenkins", Some(Better::InstanceRole)),
    ("job", None),
    ("k8s", Some(Better::TaskRole)),
    ("kubernetes", Some(Better::TaskRole)),
    ("lambda", Some(Better::LambdaRole)),
    ("logger", None),
    ("machine", None),
    ("mailer", Some(Better::Other)),
    ("monitor", None),
    ("monitoring", None),
    ("nas", Some(Better::RolesAnywhere)),
    ("office", Some(Better::RolesAnywhere)),
    ("onprem", Some(Better::RolesAnywhere)),
    ("pipeline", Some(Better::GithubOidc)),
    ("pod", Some(Better::TaskRole)),
    ("prod", None),
    ("production", None),
    ("prometheus", None),
    ("registry", None),
    ("release", Some(Better::GithubOidc)),
    ("restore", None),
    ("robot", None),
    ("runner", Some(Better::GithubOidc)),
    ("s3", None),
    ("script", None),
    ("scripts", None),
    ("server", None),
    ("service", None),
    ("ses", Some(Better::Other)),
    ("smtp", Some(Better::Other)),
    ("splunk", Some(Better::Other)),
    ("staging", None),
    ("svc", None),
    ("sync", None),
    ("system", None),
    ("task", None),
    ("terraform", Some(Better::GithubOidc)),
    ("test", None),
    ("upload", None),
    ("uploader", None),
    ("veeam", Some(Better::RolesAnywhere)),
    ("web", None),
    ("worker", None),
];

/// Services that programs in AWS live on: data, queues, mail, logs.
const OF_PROGRAMS: [&str; 15] = [
    "cloudwatch",
    "dynamodb",
    "ecr",
    "events",
    "firehose",
    "kinesis",
    "kms",
    "logs",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
];

/// The words of a name in lower case: `ciDeploy_2` is `ci`, `deploy`.
pub(super) fn of(name: &str) -> Vec<String> {
    // An address's host says where someone works, not who it is.
    let name = name.split('@').next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut last_was_lower = false;
    for c in name.chars() {
        let ends = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && last_was_lower);
        if ends {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        last_was_lower = c.is_ascii_lowercase();
    }
    words.retain(|word| word.chars().any(|c| c.is_ascii_alphabetic()));
    words
}

/// The first word that programs are called by. Digits at its end do not count, unless they are part of the word.
pub(super) fn program(words: &[String]) -> Option<&str> {
    words.iter().find(|word| known(word).is_some()).map(String::as_str)
}

fn known(word: &str) -> Option<Option<Better>> {
    let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let found = PROGRAMS.iter().find(|(known, _)| *known == word || *known == bare);
    found.map(|(_, better)| *better)
}

/// The word that tells of a way in for emergencies.
pub(super) fn emergency(words: &[String]) -> Option<&'static str> {
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    if has("breakglass") || (has("break") && has("glass")) {
        Some("break-glass")
    } else if has("emergency") {
        Some("emergency")
    } else {
        None
    }
}

/// `alice`, `alice.smith`, `AliceSmith`, `asmith@example.com`: letters in at most three words, none of them one that
/// programs are called by.
pub(super) fn sounds_like_a_person(name: &str) -> bool {
    if name.contains('@') {
        return program(&of(name)).is_none();
    }
    let words = of(name);
    let letters = |word: &String| word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic());
    (1..=3).contains(&words.len())
        && words.iter().any(letters)
        && !name.chars().any(|c| c.is_ascii_digit())
        && program(&words).is_none()
}

/// What serves a program better than keys, and why that is suggested.
pub(super) fn better(words: &[String], services: &[&str]) -> (Better, &'static str) {
    let told = words.iter().filter_map(|word| known(word)).flatten().next();
    if let Some(better) = told {
        return (better, because(better));
    }
    if services == ["ses"] || services == ["email"] {
        return (Better::Other, because(Better::Other));
    }
    if !services.is_empty() && services.iter().all(|service| OF_PROGRAMS.contains(service)) {
        return (
            Better::InstanceRole,
            "uses what programs on a server use: an instance's role, if it runs in AWS",
        );
    }
    (Better::Other, "nothing tells where it runs")
}

const fn because(better: Better) -> &'static str {
    match better {
        Better::GithubOidc => "builds or deploys, it seems: if on GitHub, its own tokens serve",
        Better::InstanceRole => "runs on a server, it seems: in AWS, the instance's role serves",
        Better::TaskRole => "runs in containers, it seems: the task's or pod's role serves",
        Better::LambdaRole => "runs as a function, it seems: the function's role serves",
        Better::RolesAnywhere => "runs outside of AWS, it seems: a certificate serves",
        Better::Other => "belongs to another provider or sends mail, it seems: see what that offers",
    }
}
