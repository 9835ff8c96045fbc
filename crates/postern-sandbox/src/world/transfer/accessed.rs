//! What was last accessed, in the document of the state.

use std::collections::BTreeMap;

use postern_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Access, Accessed, Attempt};

/// By service.
pub(super) type AccessedDto = BTreeMap<String, AccessDto>;

type AttemptDto = (Timestamp, String);

#[derive(Serialize, Deserialize)]
pub(super) struct AccessDto {
    last: AttemptDto,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    actions: BTreeMap<String, AttemptDto>,
}

fn attempt_out(attempt: &Attempt) -> AttemptDto {
    (attempt.at, attempt.region.clone())
}

fn attempt_in((at, region): AttemptDto) -> Attempt {
    Attempt { at, region }
}

pub(super) fn accessed_out(accessed: &Accessed) -> AccessedDto {
    let access = |access: &Access| AccessDto {
        last: attempt_out(&access.last),
        actions: access.actions.iter().map(|(name, last)| (name.clone(), attempt_out(last))).collect(),
    };
    accessed.0.iter().map(|(service, one)| (service.clone(), access(one))).collect()
}

pub(super) fn accessed_in(dto: AccessedDto) -> Accessed {
    let access = |dto: AccessDto| Access {
        last: attempt_in(dto.last),
        actions: dto.actions.into_iter().map(|(name, last)| (name, attempt_in(last))).collect(),
    };
    Accessed(dto.into_iter().map(|(service, one)| (service, access(one))).collect())
}
