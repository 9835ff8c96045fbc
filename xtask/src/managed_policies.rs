//! `managed-policies`: the documents of all policies that AWS manages, out of moto's data.
//!
//! moto (Apache-2.0) collects them from AWS in `moto/iam/aws_managed_policies.py`. The result is one
//! file for the sandbox, laid out so that a lookup inflates a few kilobytes and not three megabytes:
//!
//! ```text
//! text lines, the last one empty          what this is, its source and licence
//! u32, little endian                      length of the index that follows
//! zlib                                    the index: `blocks N`, then per block `start length inflated`,
//!                                         then per policy, by name, `name path version created updated
//!                                         block offset length`, all divided by tabs
//! zlib, N times                           blocks of documents, one behind the other
//! ```
//!
//! Each run over the same version of moto gives the same bytes.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::{Map, Value};

/// The version the committed file was made from, and the only one that `--check` can compare with.
const MOTO: &str = "5.2.5";
const DATA: &str = "crates/postern-sandbox/data/managed-policies.bin";
/// Documents are gathered up to this size; one that is larger has a block of its own.
const BLOCK: usize = 48 * 1_024;

/// Writes the data file anew.
pub(crate) fn refresh() -> Result<String, String> {
    let (bytes, count) = build()?;
    let path = root().join(DATA);
    fs::write(&path, &bytes).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    Ok(format!("{DATA}: {count} policies, {} bytes, from moto {MOTO}", bytes.len()))
}

/// Compares the data file with what a refresh would write.
pub(crate) fn check() -> Result<String, String> {
    let (bytes, count) = build()?;
    let path = root().join(DATA);
    let present = fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    if present == bytes {
        Ok(format!("{DATA}: up to date, {count} policies"))
    } else {
        Err(format!("{DATA} differs from moto {MOTO}: run `cargo xtask managed-policies`"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn build() -> Result<(Vec<u8>, usize), String> {
    let policies = read_moto()?;
    let mut index = String::new();
    let mut blocks: Vec<String> = Vec::new();
    for (name, policy) in &policies {
        let text = |member: &str| {
            policy.get(member).and_then(Value::as_str).ok_or_else(|| format!("{name} has no {member}"))
        };
        let mut document = String::new();
        write_json(policy.get("Document").ok_or_else(|| format!("{name} has no Document"))?, &mut document);
        if blocks.last().is_none_or(|block| block.len() + document.len() > BLOCK) {
            blocks.push(String::new());
        }
        let number = blocks.len() - 1;
        let block = blocks.last_mut().ok_or("no block")?;
        let line = [
            name.as_str(),
            text("Path")?,
            text("DefaultVersionId")?,
            &zulu(text("CreateDate")?)?,
            &zulu(text("UpdateDate")?)?,
            &number.to_string(),
            &block.len().to_string(),
            &document.len().to_string(),
        ]
        .join("\t");
        index.push_str(&line);
        index.push('\n');
        block.push_str(&document);
    }

    let compressed: Vec<Vec<u8>> =
        blocks.iter().map(|block| compress_to_vec_zlib(block.as_bytes(), 10)).collect();
    let mut table = format!("blocks\t{}\n", blocks.len());
    let mut start = 0;
    for (block, bytes) in blocks.iter().zip(&compressed) {
        writeln!(table, "{start}\t{}\t{}", bytes.len(), block.len()).map_err(|e| e.to_string())?;
        start += bytes.len();
    }
    let index = compress_to_vec_zlib((table + &index).as_bytes(), 10);

    let mut file = format!(
        "postern-managed-policies 1\n\
         Source: moto {MOTO}, moto/iam/aws_managed_policies.py, Apache License 2.0; see README.md beside this file.\n\
         Made by `cargo xtask managed-policies`; not to be edited.\n\n"
    )
    .into_bytes();
    file.extend(u32::try_from(index.len()).map_err(|e| e.to_string())?.to_le_bytes());
    file.extend(index);
    file.extend(compressed.concat());
    Ok((file, policies.len()))
}

/// All policies by name, as the installed moto has them.
fn read_moto() -> Result<Map<String, Value>, String> {
    const SCRIPT: &str = "import sys, moto\n\
        from moto.iam.aws_managed_policies import aws_managed_policies_data as data\n\
        sys.stdout.write(moto.__version__ + '\\n' + data)";
    let python = std::env::var_os("PYTHON").map_or_else(|| root().join(".venv/bin/python"), PathBuf::from);
    let advice = format!(
        "make it ready with `python3 -m venv .venv && .venv/bin/pip install moto=={MOTO}`, or name another in PYTHON"
    );
    let output = Command::new(&python)
        .args(["-c", SCRIPT])
        .output()
        .map_err(|e| format!("cannot run {}: {e}\n{advice}", python.display()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} cannot import moto: {}\n{advice}", python.display(), stderr.trim()));
    }
    let stdout = String::from_utf8(output.stdout).map_err(|e| format!("moto's data: {e}"))?;
    let (version, data) = stdout.split_once('\n').ok_or("moto gave no data")?;
    if version != MOTO {
        return Err(format!("{} has moto {version}, not {MOTO}\n{advice}", python.display()));
    }
    serde_json::from_str(data).map_err(|e| format!("moto's data: {e}"))
}

/// `2015-02-06T18:39:46+00:00` as AWS prints it, `2015-02-06T18:39:46Z`.
fn zulu(date: &str) -> Result<String, String> {
    let bare = date.strip_suffix("+00:00").or_else(|| date.strip_suffix('Z'));
    bare.filter(|bare| bare.len() == 19)
        .map(|bare| format!("{bare}Z"))
        .ok_or_else(|| format!("odd date `{date}`"))
}

/// The order in which AWS writes a statement; moto's data has its members sorted by letter.
const ORDER: [&str; 11] = [
    "Version",
    "Id",
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Statement",
];

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| (place(key), *key));
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
        Value::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(element, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_read_as_aws_writes_them() {
        let sorted = r#"{"Statement":[{"Action":["b","a"],"Effect":"Allow","Resource":"*","Sid":"\"x"}],"Version":"2012-10-17"}"#;
        let mut out = String::new();
        write_json(&serde_json::from_str(sorted).unwrap(), &mut out);
        assert_eq!(
            out,
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"\"x","Effect":"Allow","Action":["b","a"],"Resource":"*"}]}"#
        );
    }

    #[test]
    fn dates_end_in_z() {
        assert_eq!(zulu("2015-02-06T18:39:46+00:00").unwrap(), "2015-02-06T18:39:46Z");
        assert!(zulu("2015-02-06T18:39:46+01:00").is_err());
    }
}
