//! The keys of profiles, by who reads them.

/// What botocore, the aws CLI and the other SDKs read, and postern's own; sorted.
const SHARED: &[&str] = &[
    "account_id_endpoint_mode",
    "addressing_style",
    "api_versions",
    "auth_scheme_preference",
    "aws_access_key_id",
    "aws_account_id",
    "aws_secret_access_key",
    "aws_session_token",
    "ca_bundle",
    "cli_auto_prompt",
    "cli_binary_format",
    "cli_follow_urlparam",
    "cli_hide_deprecated",
    "cli_history",
    "cli_pager",
    "cli_timestamp_format",
    "cloudfront",
    "cloudsearch",
    "cloudsearchdomain",
    "credential_process",
    "credential_source",
    "csm_client_id",
    "csm_enabled",
    "csm_host",
    "csm_port",
    "data_path",
    "defaults_mode",
    "disable_request_compression",
    "duration_seconds",
    "dynamodb",
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "ec2_metadata_v1_disabled",
    "emr",
    "endpoint_discovery_enabled",
    "endpoint_url",
    "external_id",
    "ignore_configured_endpoint_urls",
    "login_session",
    "max_attempts",
    "metadata_service_num_attempts",
    "metadata_service_timeout",
    "mfa_serial",
    "output",
    "parameter_validation",
    "postern_key",
    "region",
    "request_checksum_calculation",
    "request_min_compression_size_bytes",
    "response_checksum_validation",
    "retry_mode",
    "role_arn",
    "role_session_name",
    "s3",
    "s3_disable_multiregion_access_points",
    "s3_us_east_1_regional_endpoint",
    "s3_use_arn_region",
    "s3api",
    "sdk_ua_app_id",
    "services",
    "sigv4a_signing_region_set",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_registration_scopes",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "sts_regional_endpoints",
    "tcp_keepalive",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "user_agent_appid",
    "user_agent_extra",
    "web_identity_token_file",
];

/// Keys of one tool, which the others pass over.
const OF_ONE: &[(&str, &str)] = &[
    ("aws_security_token", "botocore"),
    ("include_profile", "aws-vault"),
    ("mfa_process", "aws-vault"),
    ("parent_profile", "aws-vault before version 5"),
    ("session_tags", "aws-vault"),
    ("source_identity", "aws-vault"),
    ("transitive_session_tags", "aws-vault"),
    ("web_identity_token_process", "aws-vault"),
];

/// The one tool that reads a key.
pub(super) fn only_reader(key: &str) -> Option<&'static str> {
    OF_ONE.iter().find(|(name, _)| *name == key).map(|(_, reader)| *reader)
}

/// The known key that an unknown one is nearly: one or two letters wrong, missing, too many or the wrong way round,
/// or `-` for `_`.
pub(super) fn near_miss(key: &str) -> Option<&'static str> {
    if SHARED.binary_search(&key).is_ok() {
        return None;
    }
    let distance = |known: &str| strsim::osa_distance(&key.replace('-', "_"), known);
    let near = |known: &&str| known.len().abs_diff(key.len()) <= 2;
    let (nearest, known) =
        SHARED.iter().filter(|known| near(known)).map(|known| (distance(known), *known)).min()?;
    // In short words two other letters make another word.
    (nearest <= if known.len() < 8 { 1 } else { 2 }).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_told_from_other_tools_keys() {
        assert!(SHARED.is_sorted());
        for (key, meant) in [
            ("source_profil", Some("source_profile")),
            ("sorce_profile", Some("source_profile")),
            ("role-arn", Some("role_arn")),
            ("rolearn", Some("role_arn")),
            ("mfa_serail", Some("mfa_serial")),
            ("aws_secret_key", None),
            ("regoin", Some("region")),
            ("color", None),
            ("role_arn", None),
            ("granted_sso_region", None),
            ("x", None),
        ] {
            assert_eq!(near_miss(key), meant, "{key}");
        }
    }
}
