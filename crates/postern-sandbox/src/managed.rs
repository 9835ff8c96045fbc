//! The policies that AWS manages, `arn:aws:iam::aws:policy/…`, with their documents.
//!
//! The data comes compressed with the program (`data/README.md` tells from where). The index is read at
//! the first lookup and a document is inflated when first asked for, so that neither the start nor a
//! reset of the sandbox pays for policies that nobody attached.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use data_encoding::BASE32;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use postern_policy::Document;
use postern_types::Timestamp;
use sha2::{Digest as _, Sha256};

static DATA: &[u8] = include_bytes!("../data/managed-policies.bin");
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    // The file is part of the program, and a test reads all of it.
    Library::read(DATA).unwrap_or_else(|| unreachable!("damaged data of the managed policies"))
});

/// A policy that AWS manages: one version, the default one.
#[derive(Debug)]
pub(crate) struct ManagedPolicy {
    /// The name behind the path.
    pub(crate) name: &'static str,
    /// `/`, `/job-function/`, `/service-role/`, …
    pub(crate) path: &'static str,
    /// The whole ARN.
    pub(crate) arn: String,
    /// `v1`, `v12`, …
    pub(crate) default_version: &'static str,
    /// When AWS made the policy.
    pub(crate) created: Timestamp,
    /// When AWS made its default version.
    pub(crate) updated: Timestamp,
    block: usize,
    from: usize,
    to: usize,
    document: OnceLock<Option<Document>>,
}

impl ManagedPolicy {
    /// The policy with this ARN.
    pub(crate) fn find(arn: &str) -> Option<&'static Self> {
        let library = &*LIBRARY;
        library.policies.get(*library.by_arn.get(arn)?)
    }

    /// All of them, sorted by name.
    pub(crate) fn all() -> &'static [Self] {
        &LIBRARY.policies
    }

    /// The unique id. moto's data has none, so it is derived from the name: always the same, not AWS's.
    pub(crate) fn id(&self) -> String {
        let tail = BASE32.encode(&Sha256::digest(self.arn.as_bytes()));
        format!("ANPA{}", tail.get(..17).unwrap_or_default())
    }

    /// The default version's document as text.
    pub(crate) fn text(&self) -> &'static str {
        LIBRARY.block(self.block).get(self.from..self.to).unwrap_or_default()
    }

    /// The default version's document, parsed when first asked for.
    ///
    /// None if it should not parse: a test holds that all of them do.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.document.get_or_init(|| Document::parse(self.text()).ok()).as_ref()
    }
}

struct Library {
    policies: Vec<ManagedPolicy>,
    by_arn: HashMap<String, usize>,
    blocks: Vec<Block>,
}

struct Block {
    compressed: &'static [u8],
    size: usize,
    text: OnceLock<String>,
}

impl Library {
    fn read(data: &'static [u8]) -> Option<Self> {
        let start = data.windows(2).position(|pair| pair == b"\n\n")? + 2;
        let (length, rest) = data.get(start..)?.split_first_chunk::<4>()?;
        let (index, documents) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        // The index lives as long as the program: names and paths are borrowed from it.
        let index: &'static str = inflate(index, 1 << 20)?.leak();

        let mut lines = index.lines();
        let count: usize = lines.next()?.strip_prefix("blocks\t")?.parse().ok()?;
        let mut blocks = Vec::with_capacity(count);
        for line in lines.by_ref().take(count) {
            let mut fields = line.split('\t').map(str::parse::<usize>);
            let mut field = || fields.next()?.ok();
            let (start, length, size) = (field()?, field()?, field()?);
            let compressed = documents.get(start..start.checked_add(length)?)?;
            blocks.push(Block { compressed, size, text: OnceLock::new() });
        }

        let mut policies = Vec::new();
        let mut by_arn = HashMap::new();
        for line in lines {
            let mut fields = line.split('\t');
            let mut field = || fields.next();
            let (name, path, default_version) = (field()?, field()?, field()?);
            let (created, updated) = (field()?.parse().ok()?, field()?.parse().ok()?);
            let block = field()?.parse().ok()?;
            let from: usize = field()?.parse().ok()?;
            let to = from.checked_add(field()?.parse().ok()?)?;
            let arn = format!("arn:aws:iam::aws:policy{path}{name}");
            by_arn.insert(arn.clone(), policies.len());
            let document = OnceLock::new();
            policies.push(ManagedPolicy {
                name,
                path,
                arn,
                default_version,
                created,
                updated,
                block,
                from,
                to,
                document,
            });
        }
        Some(Self { policies, by_arn, blocks })
    }

    fn block(&self, number: usize) -> &str {
        self.blocks.get(number).map_or("", |block| {
            block.text.get_or_init(|| inflate(block.compressed, block.size).unwrap_or_default())
        })
    }
}

fn inflate(compressed: &[u8], limit: usize) -> Option<String> {
    String::from_utf8(decompress_to_vec_zlib_with_limit(compressed, limit).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_whole_and_parses() {
        assert!(ManagedPolicy::all().len() > 1_400, "{}", ManagedPolicy::all().len());
        for policy in ManagedPolicy::all() {
            assert!(policy.text().starts_with(r#"{"Version":"20"#), "{}", policy.arn);
            assert!(policy.document().is_some(), "{}", policy.arn);
            assert!(std::ptr::eq(ManagedPolicy::find(&policy.arn).unwrap(), policy));
        }
    }

    #[test]
    fn the_policies_of_the_design_say_what_the_design_counts_on() {
        // facts §14: contents as of 2026-07.
        let power = ManagedPolicy::find("arn:aws:iam::aws:policy/PowerUserAccess").unwrap();
        assert_eq!(power.default_version, "v12");
        assert!(
            power.text().contains(r#""NotAction":["iam:*","organizations:*","account:*"]"#),
            "{}",
            power.text()
        );
        assert_eq!(power.created.to_string(), "2015-02-06T18:39:47Z");
        let admin = ManagedPolicy::find("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        assert_eq!(
            admin.text(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#
        );
        assert!(ManagedPolicy::find("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess").is_some());
        assert!(ManagedPolicy::find("arn:aws:iam::aws:policy/ViewOnlyAccess").is_none());
        assert_eq!((admin.id().len(), admin.id()), (21, admin.id()));
    }
}
