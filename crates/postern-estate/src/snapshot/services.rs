//! `service-last-accessed/USER.json`, as `aws iam get-service-last-accessed-details` prints it.

use postern_types::Timestamp;
use serde::Deserialize;

use super::{SnapshotError, json};
use crate::migrate::{ActionUse, ServiceUse};

/// What stands in the file, or why that is not all.
pub(super) struct Parsed {
    pub(super) services: Option<Vec<ServiceUse>>,
    pub(super) gap: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReportDto {
    job_status: String,
    #[serde(default)]
    services_last_accessed: Vec<ServiceDto>,
    #[serde(default)]
    is_truncated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceDto {
    service_name: String,
    service_namespace: String,
    last_authenticated: Option<Timestamp>,
    last_authenticated_region: Option<String>,
    #[serde(default)]
    tracked_actions_last_accessed: Option<Vec<ActionDto>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ActionDto {
    action_name: String,
    last_accessed_time: Option<Timestamp>,
}

pub(super) fn parse(file: &str, text: &str) -> Result<Parsed, SnapshotError> {
    let dto: ReportDto = json(file, text)?;
    let gap = match dto.job_status.as_str() {
        "COMPLETED" if dto.is_truncated => {
            "only a part of the services is in it; the command takes --max-items 1000"
        }
        "COMPLETED" => {
            let services = dto.services_last_accessed.into_iter().map(service).collect();
            return Ok(Parsed { services: Some(services), gap: None });
        }
        "IN_PROGRESS" => "it was saved before AWS was done; run get-service-last-accessed-details again",
        "FAILED" => "AWS could not make the report",
        other => {
            let problem = format!("`{other}` is no JobStatus");
            return Err(SnapshotError::new(file, problem));
        }
    };
    Ok(Parsed { services: None, gap: Some(gap) })
}

fn service(dto: ServiceDto) -> ServiceUse {
    let actions = dto.tracked_actions_last_accessed.unwrap_or_default().into_iter();
    ServiceUse {
        namespace: dto.service_namespace,
        name: dto.service_name,
        last: dto.last_authenticated,
        region: dto.last_authenticated_region,
        actions: actions
            .map(|action| ActionUse { action: action.action_name, last: action.last_accessed_time })
            .collect(),
    }
}
