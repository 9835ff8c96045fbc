//! S3: the list of buckets, and what the other verbs would be.

use percent_encoding::percent_decode_str;

use crate::{
    http::{RawRequest, RawResponse},
    operation::Call,
    protocol::Protocol,
    wire::Xml,
};

use super::Target;

/// `ListBuckets`: the account's one bucket.
pub(super) fn list_buckets(call: &Call<'_>, request_id: &str) -> RawResponse {
    let account = call.account();
    // Who made the buckets is shown by a canonical id, which is no secret and no ARN.
    let owner = data_encoding::HEXLOWER
        .encode(&<sha2::Sha256 as sha2::Digest>::digest(account.root_arn().as_bytes()));
    let created = account.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let mut xml = Xml::new();
    xml.root("ListAllMyBucketsResult", "http://s3.amazonaws.com/doc/2006-03-01/", |xml| {
        xml.element("Owner", |xml| xml.text("ID", owner));
        xml.list_of("Buckets", "Bucket", [()], |xml, ()| {
            xml.text("Name", bucket_name(account.name.as_deref(), &account.id.to_string()));
            xml.text("CreationDate", created.as_str());
        });
    });
    Protocol::S3.xml(200, xml, request_id)
}

/// A name that S3 would take, from the account's.
fn bucket_name(account: Option<&str>, id: &str) -> String {
    let name: String = account
        .unwrap_or("account")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let name = name.trim_matches('-');
    format!("{}-data-{id}", if name.is_empty() { "account" } else { name })
}

/// The bucket of a virtual-host style request, `bucket.localhost:4566` or `bucket.s3.eu-central-1.amazonaws.com`.
fn bucket_of_host(raw: &RawRequest) -> Option<&str> {
    let host = raw.header("host")?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix(".localhost")
        .map(|bucket| bucket.strip_suffix(".s3").unwrap_or(bucket))
        .filter(|b| *b != "s3")
}

/// The operation of a request, by method, path and sub-resource.
pub(super) fn target(raw: &RawRequest) -> Target {
    let path = percent_decode_str(raw.path()).decode_utf8_lossy().into_owned();
    let path = path.trim_start_matches('/');
    let (bucket, key) = match bucket_of_host(raw) {
        Some(bucket) => (bucket, path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    let method = raw.method.as_str();
    let first = raw.query().split(['&', '=']).next().unwrap_or_default();
    let is_plain =
        matches!(first, "" | "x-id" | "list-type" | "prefix" | "delimiter" | "max-keys" | "encoding-type");
    let (name, action) = match (method, bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => ("ListBuckets", "s3:ListAllMyBuckets"),
        ("GET", false, true) if is_plain => ("ListObjects", "s3:ListBucket"),
        ("HEAD", false, true) => ("HeadBucket", "s3:ListBucket"),
        ("PUT", false, true) if is_plain => ("CreateBucket", "s3:CreateBucket"),
        ("DELETE", false, true) if is_plain => ("DeleteBucket", "s3:DeleteBucket"),
        ("GET", false, false) if is_plain => ("GetObject", "s3:GetObject"),
        ("HEAD", false, false) => ("HeadObject", "s3:GetObject"),
        ("PUT", false, false) if is_plain => ("PutObject", "s3:PutObject"),
        ("DELETE", false, false) if is_plain => ("DeleteObject", "s3:DeleteObject"),
        // A sub-resource: which action it means is not told here.
        _ => {
            return Target { name: format!("{method} /{path}?{first}"), action: None, resource: None };
        }
    };
    let resource = match (bucket, key) {
        ("", _) => "*".to_owned(),
        (bucket, "") => format!("arn:aws:s3:::{bucket}"),
        (bucket, key) => format!("arn:aws:s3:::{bucket}/{key}"),
    };
    Target { name: name.to_owned(), action: Some(action.to_owned()), resource: Some(resource) }
}
