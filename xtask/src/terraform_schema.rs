//! `terraform-schema`: the arguments that Terraform's provider for AWS takes for IAM, for the test that
//! holds emitted modules against them.
//!
//! The provider itself is on no package registry. Its generated bindings for TypeScript are: they name
//! every argument, its type, and whether it is required. Only that is kept, of IAM's resources and of
//! the provider's own block, as `"string"`, `"number"`, `"bool"`, `"list"`, `"map"` or `"block"`, with a
//! `!` behind what is required.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use serde_json::json;

const PACKAGE: &str = "@cdktf/provider-aws";
/// The last version: no more bindings are published since December 2025.
const VERSION: &str = "21.22.1";
/// The version of `hashicorp/aws` that it was made from, as its documentation links say.
const PROVIDER: &str = "6.25.0";
const DATA: &str = "crates/postern-estate/tests/estate/terraform_aws_iam.json";

type Arguments = BTreeMap<String, String>;

/// Writes the committed file anew from the package on npm.
pub(crate) fn refresh() -> Result<String, String> {
    let folder = env::temp_dir().join(format!("terraform-schema-{}", process::id()));
    fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    let built = unpack(&folder).and_then(|()| build(&folder.join("package/lib")));
    // A left-over among the temporary files is no reason to fail.
    _ = fs::remove_dir_all(&folder);
    let (text, count) = built?;
    let path = root().join(DATA);
    fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    Ok(format!("{DATA}: {count} resources of hashicorp/aws {PROVIDER}, from {PACKAGE} {VERSION}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// npm checks the package against the hash that the registry states.
fn unpack(folder: &Path) -> Result<(), String> {
    run(Command::new("npm").args(["pack", "--silent", &format!("{PACKAGE}@{VERSION}")]).current_dir(folder))?;
    let archive = format!("cdktf-provider-aws-{VERSION}.tgz");
    let wanted = ["package/lib/iam-*/index.d.ts", "package/lib/provider/index.d.ts"];
    run(Command::new("tar").args(["xzf", &archive, "--wildcards"]).args(wanted).current_dir(folder))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn build(lib: &Path) -> Result<(String, usize), String> {
    let mut resources: BTreeMap<String, Arguments> = BTreeMap::new();
    let mut provider = Arguments::new();
    let entries = fs::read_dir(lib).map_err(|e| format!("cannot read {}: {e}", lib.display()))?;
    for entry in entries {
        let name = entry.map_err(|e| e.to_string())?.file_name().to_string_lossy().into_owned();
        let path = lib.join(&name).join("index.d.ts");
        let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        if !text.contains(&format!("providers/hashicorp/aws/{PROVIDER}/docs")) {
            return Err(format!("{name} is not of hashicorp/aws {PROVIDER}"));
        }
        let arguments = arguments(&text).ok_or_else(|| format!("{name} has no configuration"))?;
        match name.as_str() {
            "provider" => provider = arguments,
            resource => _ = resources.insert(format!("aws_{}", resource.replace('-', "_")), arguments),
        }
    }
    let count = resources.len();
    if count < 30 || !provider.contains_key("allowed_account_ids") {
        return Err(format!("only {count} resources were found, or the provider's block was not"));
    }
    let source = format!("names and types of arguments from {PACKAGE} {VERSION} (npm); `!`: required");
    let data = json!({
        "//": source, "provider_version": PROVIDER, "provider": provider, "resources": resources,
    });
    let text = serde_json::to_string_pretty(&data).map_err(|e| e.to_string())?;
    Ok((text + "\n", count))
}

/// The members of the interface that a resource's constructor takes. Above each stands a link that ends
/// in `#NAME Class#NAME}`, Terraform's name for it.
fn arguments(text: &str) -> Option<Arguments> {
    let interface = text.split("export interface ").find(|part| {
        part.lines().next().is_some_and(|line| line.contains("Config extends cdktf.TerraformMetaArguments"))
            || part.starts_with("AwsProviderConfig ")
    })?;
    let mut arguments = Arguments::new();
    let mut name = None;
    for line in interface.lines() {
        if line == "}" {
            break;
        }
        if let Some((_, linked)) = line.trim_end_matches('}').rsplit_once('#')
            && line.trim_start().starts_with("* Docs at")
        {
            name = Some(linked.to_owned());
        }
        let Some((member, kind)) = line.strip_prefix("    readonly ").and_then(|rest| rest.split_once(": "))
        else {
            continue;
        };
        let kind = match kind.trim_end_matches(';').trim_end_matches(" | cdktf.IResolvable") {
            "string" => "string",
            "number" => "number",
            "boolean" => "bool",
            "string[]" => "list",
            "{" => "map",
            _ => "block",
        };
        let required = if member.ends_with('?') { "" } else { "!" };
        arguments.insert(name.take()?, format!("{kind}{required}"));
    }
    Some(arguments)
}
