//! The credential report.

use crate::cloud::Cloud;

#[test]
fn the_report_tells_of_root_and_every_user() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    cloud.iam("CreateUser", &[("UserName", "bob")]).ok();
    cloud.device("phone", "alice");
    cloud.iam("CreateLoginProfile", &[("UserName", "alice"), ("Password", "Correct-Horse-1")]).ok();
    cloud.iam("UpdateAccountPasswordPolicy", &[("MaxPasswordAge", "90")]).ok();
    cloud.call(&alice, "sts", "GetCallerIdentity", &[]).ok();

    let started = cloud.iam("GenerateCredentialReport", &[]);
    assert_eq!(started.text("State"), "STARTED");
    assert_eq!(started.text("Description"), "No report exists. Starting a new report generation task");
    let again = cloud.iam("GenerateCredentialReport", &[]);
    assert_eq!((again.text("State").as_str(), again.texts("Description").len()), ("COMPLETE", 0));

    let report = cloud.iam("GetCredentialReport", &[]);
    assert_eq!(report.members("GetCredentialReportResult"), ["Content", "ReportFormat", "GeneratedTime"]);
    assert_eq!(report.text("ReportFormat"), "text/csv");
    let csv = data_encoding::BASE64.decode(report.text("Content").as_bytes()).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 4);
    let at = |line: usize, column: &str| {
        let place = lines[0].iter().position(|name| *name == column).unwrap_or_else(|| panic!("{column}"));
        lines[line][place]
    };
    assert!(lines.iter().all(|line| line.len() == 22), "{csv}");
    for (line, column, value) in [
        (1, "user", "<root_account>"),
        (1, "arn", "arn:aws:iam::111111111111:root"),
        (1, "password_enabled", "not_supported"),
        (1, "mfa_active", "false"),
        (1, "access_key_1_active", "true"),
        (1, "access_key_2_last_rotated", "N/A"),
        (2, "user", "alice"),
        (2, "user_creation_time", "2026-02-17T09:45:26+00:00"),
        (2, "password_enabled", "true"),
        (2, "password_last_used", "no_information"),
        (2, "password_last_changed", "2026-02-17T09:46:26+00:00"),
        (2, "password_next_rotation", "2026-05-18T09:46:26+00:00"),
        (2, "mfa_active", "true"),
        (2, "access_key_1_last_used_service", "sts"),
        (2, "access_key_1_last_used_region", "us-east-1"),
        (3, "password_enabled", "false"),
        (3, "password_last_used", "N/A"),
        (3, "access_key_1_active", "false"),
        (3, "cert_2_last_rotated", "N/A"),
    ] {
        assert_eq!(at(line, column), value, "{column}");
    }

    // The same report for four hours, then a new one is wanted.
    cloud.pass(4 * 3_600 - 1);
    assert_eq!(cloud.iam("GetCredentialReport", &[]).text("Content"), report.text("Content"));
    cloud.pass(1);
    let (status, code, _) = cloud.iam("GetCredentialReport", &[]).refusal();
    assert_eq!((status, code.as_str()), (410, "ReportExpired"));
    assert_eq!(cloud.iam("GenerateCredentialReport", &[]).text("State"), "STARTED");
}
