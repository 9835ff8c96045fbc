//! Chores of the house, run as `cargo xtask CHORE`.

mod managed_policies;
mod service_catalogue;
mod terraform_schema;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

const USAGE: &str = "usage: cargo xtask CHORE

chores:
  managed-policies [--check]
      refresh the documents of the policies that AWS manages
  service-catalogue [--check | --version VERSION]
      refresh the services, actions, resource types and condition keys of AWS
  terraform-schema
      refresh what Terraform's provider takes for IAM, for the tests of `emit`";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["managed-policies"] => managed_policies::refresh(),
        ["managed-policies", "--check"] => managed_policies::check(),
        ["service-catalogue"] => service_catalogue::refresh(None),
        ["service-catalogue", "--version", version] => service_catalogue::refresh(Some(version)),
        ["service-catalogue", "--check"] => service_catalogue::check(),
        ["terraform-schema"] => terraform_schema::refresh(),
        _ => Err(USAGE.to_owned()),
    };
    let (said, code) = match outcome {
        Ok(said) => (said, ExitCode::SUCCESS),
        Err(said) => (said, ExitCode::FAILURE),
    };
    // Nothing is left to do about a closed stderr.
    _ = writeln!(io::stderr(), "{said}");
    code
}
