//! Resources as IAM takes them.

use super::{StatementDraft, StorageError};

/// What an ARN of IAM may name, as AWS's message lists it.
const IAM_TYPES: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Goes through all resources in order. A resource that is wrong in form is told later, and hides what
/// legacy parsing would find behind it.
///
/// # Errors
/// What legacy parsing refuses.
pub(super) fn check(statements: &[StatementDraft<'_>]) -> Result<Option<StorageError>, StorageError> {
    let mut first = None;
    for element in ["Resource", "NotResource"] {
        for statement in statements {
            let wrong = statement.texts(element).find_map(|resource| form(resource).err());
            first = first.or(wrong);
            if first.is_none() && !statement.texts(element).all(passes_legacy_parsing) {
                return Err(StorageError::legacy());
            }
        }
    }
    Ok(first)
}

/// Whether IAM takes this one resource.
///
/// # Errors
/// IAM's refusal.
pub(crate) fn is_taken(resource: &str) -> Result<(), StorageError> {
    form(resource)?;
    if passes_legacy_parsing(resource) { Ok(()) } else { Err(StorageError::legacy()) }
}

/// `arn:aws:s3::bucket` has too few parts; `arn:aws:anything` is let through.
fn passes_legacy_parsing(resource: &str) -> bool {
    if resource == "*" {
        return true;
    }
    let mut parts = resource.split(':');
    (parts.clone().count() >= 6 || !resource.contains("::"))
        && parts.nth(2).is_none_or(|service| !service.is_empty())
}

fn form(resource: &str) -> Result<(), StorageError> {
    if resource == "*" {
        return Ok(());
    }
    let Some((_, rest)) = resource.split_once(':') else {
        return Err(StorageError::new(format!("Resource {resource} must be in ARN format or \"*\".")));
    };
    let (partition, rest) = match rest.split_once(':') {
        Some((partition, rest)) => (partition, Some(rest)),
        None => (rest, None),
    };
    if partition != "aws" && partition != "*" {
        let mut fields = rest.unwrap_or("*").splitn(4, ':');
        let mut field = || fields.next().unwrap_or("*");
        let shown = [field(), field(), field(), field()].join(":");
        return Err(StorageError::new(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{shown}\"."
        )));
    }
    let service = rest.and_then(|rest| rest.split(':').next());
    let Some(service) = service.filter(|service| !service.contains(['*', '?'])) else {
        return Err(StorageError::new("Resource vendor must be fully qualified and cannot contain regexes."));
    };
    let mut parts = rest.unwrap_or_default().splitn(4, ':').skip(1);
    let (region, account, name) = (parts.next(), parts.next(), parts.next());
    match (service, region) {
        ("iam", Some(region)) if !region.is_empty() => {
            return Err(StorageError::new(format!(
                "IAM resource {resource} cannot contain region information."
            )));
        }
        // Some resources of S3 have a region; those have an account, too.
        ("s3", Some(region)) if !region.is_empty() && account.is_none_or(str::is_empty) => {
            return Err(StorageError::new(format!(
                "Resource {resource} can not contain region information."
            )));
        }
        _ => {}
    }
    if service == "iam"
        && let Some(name) = name
        && !is_iam_name(name)
    {
        return Err(StorageError::new(format!(
            "IAM resource path must either be \"*\", root, or start with {}.",
            IAM_TYPES.join(", ")
        )));
    }
    Ok(())
}

fn is_iam_name(name: &str) -> bool {
    let fixed = name.split(['*', '?', '$']).next().unwrap_or_default();
    let open = fixed.len() < name.len();
    name == "*"
        || name == "root"
        // Not in the list, but AWS's own policies name it.
        || name.starts_with("role-template/")
        || IAM_TYPES.iter().any(|kind| name.starts_with(kind) || (open && kind.starts_with(fixed)))
}
