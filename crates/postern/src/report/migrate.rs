//! Who is who among an account's users, and what becomes of what they use.

use std::fmt::Write as _;

use postern_estate::migrate::{Better, Kind, Standing, Usage, Window};
use postern_prove::{Lost, ServiceOutlook, Stop, Verdict};

use crate::{
    commands::migrate::{Power, Source, UserOutlook},
    output::{BAD, BOLD, DIM, GOOD, WARN, harmless, paint, prose},
    report::plan::counted,
};

mod json;
pub(crate) mod status;

/// Actions and roles that are listed before the rest is counted.
const LISTED: usize = 4;

/// Columns that a row's name takes.
const ROW: usize = 8;

/// Everything that is told of an account.
pub(crate) struct Picture<'a> {
    pub(crate) source: &'a Source,
    pub(crate) window: Window,
    pub(crate) users: &'a [UserOutlook],
    /// Policies that count and are not known.
    pub(crate) missing: &'a [String],
}

/// Rows under a user's name.
struct Rows {
    text: String,
    width: usize,
}

impl Rows {
    fn head(&mut self, name: &str, what: &str) {
        let line = format!("{}  {what}", paint(BOLD, name));
        let _ = writeln!(self.text, "\n{}", prose(&line, "", "    ", self.width));
    }

    fn row(&mut self, name: &str, words: &str) {
        let first = format!("  {name:<ROW$}");
        let _ = writeln!(self.text, "{}", prose(words, &first, &" ".repeat(ROW + 2), self.width));
    }

    fn more(&mut self, words: &str) {
        let indent = " ".repeat(ROW + 2);
        let _ = writeln!(self.text, "{}", prose(words, &indent, &format!("{indent}  "), self.width));
    }
}

impl Picture<'_> {
    /// The picture in words.
    pub(crate) fn text(&self, width: usize) -> String {
        let mut rows = Rows { text: self.heading(width), width };
        for (title, kind) in
            [("People", "person"), ("Programs", "machine"), ("Unused", "unused"), ("Kept", "keep")]
        {
            let of_kind: Vec<&UserOutlook> =
                self.users.iter().filter(|user| user.entry.kind.as_str() == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let _ = write!(rows.text, "\n{}\n", paint(BOLD, &format!("{title} ({})", of_kind.len())));
            for user in of_kind {
                self.user(user, &mut rows);
            }
        }
        self.unknown(&mut rows);
        if self.users.iter().any(|user| !user.services.is_empty()) {
            let words = "Policies of buckets, keys, queues and the like that name an old user were not read: whoever \
                         moves, see to them.";
            let _ = writeln!(rows.text, "\n{}", paint(DIM, &prose(words, "", "", width)));
        }
        rows.text
    }

    fn heading(&self, width: usize) -> String {
        let read = self.source.usage.read_at.strftime("%Y-%m-%d %H:%M UTC");
        let title = format!("Users of {} ({}), as read {read}", self.source.name, self.source.id);
        let count = |kind: &str| self.users.iter().filter(|user| user.entry.kind.as_str() == kind).count();
        let people = match count("person") {
            1 => "1 person".to_owned(),
            n => format!("{n} people"),
        };
        let open =
            self.users.iter().filter(|user| user.by_key.as_ref().is_some_and(Power::administers)).count();
        let mut text = format!(
            "{}\n{people}, {}, {} unused, {} kept\n",
            paint(BOLD, &title),
            counted(count("machine"), "program"),
            count("unused"),
            count("keep")
        );
        if open > 0 {
            let who = if open == 1 { "is an administrator" } else { "are administrators" };
            let line = format!(
                "{} {open} of them {who} by an access key alone (N1): whoever has the key has the account",
                paint(BAD, "!")
            );
            let _ = writeln!(text, "{}", prose(&line, "", "  ", width));
        }
        text
    }

    fn user(&self, user: &UserOutlook, rows: &mut Rows) {
        rows.head(user.name.as_str(), &becomes(&user.entry.kind));
        let reasons = user.judgement.reasons.join("; ");
        if user.judgement.is_sure {
            rows.row("why", &reasons);
        } else {
            rows.row("why", &format!("{reasons} {}", paint(WARN, "(a guess)")));
        }
        rows.row("before", &before(user));
        match &user.entry.kind {
            Kind::Person { .. } => after(user, rows),
            Kind::Machine { better } => {
                rows.row("used", &self.used(user.usage.as_ref()));
                rows.row("next", next(*better));
                rows.more(&paint(DIM, &format!("docs/migrate.md, \"{}\"", section(*better))));
            }
            Kind::Unused if self.is_off(user) => rows.row("next", "it is off: postern migrate status"),
            Kind::Unused => rows.row("next", &format!("postern migrate apply off {}", user.name)),
            Kind::Keep => rows.row("next", "stays as it is, and every report says so"),
        }
    }

    fn is_off(&self, user: &UserOutlook) -> bool {
        self.source.found.users.get(&user.name).is_some_and(|found| Standing::of(found).is_off())
    }

    /// What a program used, and its keys' ages.
    fn used(&self, usage: Option<&Usage>) -> String {
        let Some(usage) = usage else { return "not read".to_owned() };
        let mut parts: Vec<String> = usage
            .used_services()
            .filter_map(|service| {
                let region =
                    service.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
                let words = format!("{}{region} {}", service.namespace, self.window.ago(service.last?));
                Some(harmless(&words).into_owned())
            })
            .collect();
        let named = usage.keys.iter().map(|(id, key)| (format!(" {id}"), key));
        let unnamed = usage.unnamed_keys.iter().map(|key| (String::new(), key));
        parts.extend(named.chain(unnamed).filter(|(_, key)| key.active).map(|(id, key)| {
            let made = key
                .created
                .map_or_else(|| "of an unknown day".to_owned(), |at| format!("made {}", self.window.ago(at)));
            format!("key{id} {made}")
        }));
        if parts.is_empty() { "nothing that is known".to_owned() } else { parts.join("; ") }
    }

    fn unknown(&self, rows: &mut Rows) {
        let gaps = &self.source.usage.gaps;
        if gaps.is_empty() && self.missing.is_empty() {
            return;
        }
        let _ = write!(rows.text, "\n{}\n", paint(BOLD, "Not known"));
        for gap in gaps {
            let line = format!("{} {}", paint(WARN, "?"), harmless(gap));
            let _ = writeln!(rows.text, "{}", prose(&line, "  ", "    ", rows.width));
        }
        for missing in self.missing {
            let line = format!("{} policy {}", paint(WARN, "?"), harmless(missing));
            let _ = writeln!(rows.text, "{}", prose(&line, "  ", "    ", rows.width));
        }
    }
}

/// `→ alice: prod/developer, administrator`
fn becomes(kind: &Kind) -> String {
    match kind {
        Kind::Person { person, administrator, roles } => {
            let mut gets: Vec<String> = roles.iter().map(ToString::to_string).collect();
            if *administrator {
                gets.push("administrator".to_owned());
            }
            if gets.is_empty() {
                return format!("becomes {person}, {}", paint(WARN, "with no role here"));
            }
            format!("becomes {person}: {}", gets.join(", "))
        }
        Kind::Machine { better } => format!("better: {better}"),
        Kind::Unused => "nobody uses it".to_owned(),
        Kind::Keep => "kept".to_owned(),
    }
}

fn before(user: &UserOutlook) -> String {
    match &user.by_key {
        None if user.has_password => format!("no active key; signed in: {}", power(&user.with_mfa)),
        None => format!("can sign in nowhere; by its policies {}", power(&user.with_mfa)),
        Some(by_key) if *by_key == user.with_mfa => format!("by the key alone: {}", power(by_key)),
        Some(by_key) => {
            format!("by the key alone: {}; with MFA: {}", power(by_key), power(&user.with_mfa))
        }
    }
}

/// `administrator; roles Support, deploy`
fn power(power: &Power) -> String {
    if !power.is_any {
        return "nothing".to_owned();
    }
    let mut words = vec![if power.administers() {
        paint(BAD, "administrator")
    } else if power.iam_writes.is_empty() {
        "not an administrator".to_owned()
    } else {
        let calls = counted(power.iam_writes.len(), "call");
        paint(WARN, &format!("{calls} by which rights grow"))
    }];
    let names: Vec<&str> = power.roles.iter().map(|role| role.as_str()).collect();
    match names.as_slice() {
        [] => {}
        [one] => words.push(format!("role {one}")),
        few if few.len() <= LISTED => words.push(format!("roles {}", few.join(", "))),
        many => words.push(format!("{} roles", many.len())),
    }
    words.join("; ")
}

/// What the roles leave of what a person used.
fn after(user: &UserOutlook, rows: &mut Rows) {
    let Some(usage) = &user.usage else {
        rows.row("after", &paint(WARN, "what they used was not read: compare by hand"));
        return;
    };
    if usage.services.is_none() {
        rows.row("after", &paint(WARN, "which services they used was not read: compare by hand"));
        return;
    }
    if user.services.is_empty() {
        let shut = !user.with_mfa.is_any && usage.used_services().next().is_some();
        let words = if shut {
            "not told: what they used they may not do any more, as when they are switched off"
        } else {
            "they used nothing that could be lost"
        };
        rows.row("after", words);
        return;
    }
    let kept: Vec<&str> = user
        .services
        .iter()
        .filter(|service| service.verdict() == Verdict::Yes)
        .map(|service| service.namespace.as_str())
        .collect();
    if kept.len() == user.services.len() {
        rows.row("after", &format!("{}: {}", paint(GOOD, "all as before"), kept.join(", ")));
        return;
    }
    if kept.is_empty() {
        rows.row("after", &paint(WARN, "no service as before"));
    } else {
        let all = counted(user.services.len(), "service");
        rows.row("after", &format!("{} of {all} as before: {}", kept.len(), kept.join(", ")));
    }
    for service in &user.services {
        if let Some(words) = changed(service) {
            rows.more(&words);
        }
        lost(&service.lost, rows);
    }
}

/// A service of which not everything is left; none for the others.
fn changed(service: &ServiceOutlook) -> Option<String> {
    let name = paint(BOLD, &harmless(&service.namespace));
    let what = if service.is_tracked { "used action" } else { "action" };
    let of = counted(service.could, what);
    let mut rest = Vec::new();
    if service.perhaps > 0 {
        rest.push(format!("{} on some resources only, or perhaps", service.perhaps));
    }
    if service.as_administrator > 0 {
        rest.push(format!("{} as administrator", service.as_administrator));
    }
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join("; ")) };
    Some(match service.verdict() {
        Verdict::Yes => return None,
        Verdict::AsAdministrator if service.can == 0 => {
            format!("{name}: {} ({of})", paint(WARN, "only as administrator"))
        }
        Verdict::AsAdministrator | Verdict::Partly => {
            format!("{name}: {} {} of {of}{rest}", paint(WARN, "in part,"), service.can)
        }
        Verdict::No => format!("{name}: {} {of}", paint(BAD, "none of")),
    })
}

/// Lost actions, those together that the same stops.
fn lost(lost: &[Lost], rows: &mut Rows) {
    let mut by_stops: Vec<(&[Stop], Vec<&str>)> = Vec::new();
    for action in lost {
        match by_stops.iter_mut().find(|(stops, _)| *stops == action.stops) {
            Some((_, actions)) => actions.push(&action.action),
            None => by_stops.push((&action.stops, vec![&action.action])),
        }
    }
    for (stops, actions) in by_stops {
        let stops: Vec<String> = stops.iter().map(stopped).collect();
        let stops = if stops.is_empty() { "there is no role".to_owned() } else { stops.join("; ") };
        let shown = actions.iter().take(LISTED).map(|action| harmless(action)).collect::<Vec<_>>().join(", ");
        let more = match actions.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        rows.more(&format!("  {shown}{more}: {stops}"));
    }
}

/// `not allowed by PowerUserAccess (statement 1)`
pub(crate) fn stopped(stop: &Stop) -> String {
    let verb = if stop.denies { "denied by" } else { "not allowed by" };
    let kind = if stop.is_boundary { "the boundary " } else { "" };
    match (&stop.policy, &stop.statement) {
        (None, _) => "no policy of the role allows it".to_owned(),
        (Some(policy), None) => format!("{verb} {kind}{policy}"),
        (Some(policy), Some(statement)) => format!("{verb} {kind}{policy} ({statement})"),
    }
}

/// What to do about a program, in a sentence.
pub(crate) const fn next(better: Better) -> &'static str {
    match better {
        Better::GithubOidc => {
            "make a role that trusts GitHub's tokens for this one repository, and let the workflow assume it"
        }
        Better::InstanceRole => {
            "make a role for EC2 with what it used, give the instance its profile, and take the key out of its files"
        }
        Better::TaskRole => {
            "make a role for the task (ECS) or the pod (EKS Pod Identity), and take the key out of its variables"
        }
        Better::LambdaRole => {
            "add what it used to the function's own role, and take the key out of the function's variables"
        }
        Better::RolesAnywhere => {
            "make a trust anchor and a profile in IAM Roles Anywhere, and give the machine a certificate"
        }
        Better::Other => {
            "find out where the key lies: CloudTrail has the address and the user agent of each call it signed"
        }
    }
}

/// The section of docs/migrate.md about a way.
pub(crate) const fn section(better: Better) -> &'static str {
    match better {
        Better::GithubOidc => "GitHub Actions",
        Better::InstanceRole => "A program on EC2",
        Better::TaskRole => "A program in ECS or EKS",
        Better::LambdaRole => "A Lambda function",
        Better::RolesAnywhere => "A machine outside of AWS",
        Better::Other => "Anything else",
    }
}

/// What the migration file says of a user beside the reasons.
pub(crate) fn remarks(user: &UserOutlook) -> Vec<String> {
    let mut remarks = Vec::new();
    if user.by_key.as_ref().is_some_and(Power::administers) {
        remarks.push("Administrator by the key alone.".to_owned());
    }
    match &user.entry.kind {
        Kind::Person { .. } => {
            let left: Vec<String> =
                user.services.iter().filter_map(changed).map(|words| plain(&words)).collect();
            if !left.is_empty() {
                remarks.push(format!("Not as before: {}.", left.join("; ")));
            }
        }
        Kind::Machine { better } => {
            remarks.push(format!("Next: {}; docs/migrate.md, \"{}\".", next(*better), section(*better)));
        }
        Kind::Unused | Kind::Keep => {}
    }
    remarks
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[cfg(test)]
mod tests;
