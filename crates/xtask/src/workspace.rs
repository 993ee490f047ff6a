//! Where the workspace is, what is in it, and how its commands are called.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, While};

/// Features that the everyday test run leaves out: `fips` builds another module with cmake and Go, and has a
/// step of its own in `cargo xtask ci`.
const FEATURES_APART: [&str; 1] = ["fips"];

/// The workspace that this command belongs to.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    packages: Vec<Package>,
}

/// One member package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its features, `default` left out, sorted.
    pub features: Vec<String>,
    /// The members it depends on outside of tests, sorted.
    pub stands_on: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the workspace around this package.
    ///
    /// # Errors
    ///
    /// If cargo cannot be run or does not answer as documented.
    pub fn find() -> Result<Self, Failure> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let answer = Command::new(cargo_program())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&here)
            .output()
            .during("cargo metadata")?;
        if !answer.status.success() {
            return Err(Failure::new(format!(
                "cargo metadata: {}",
                String::from_utf8_lossy(&answer.stderr).trim()
            )));
        }
        Self::from_metadata(&answer.stdout)
    }

    fn from_metadata(json: &[u8]) -> Result<Self, Failure> {
        let metadata: Value = serde_json::from_slice(json).during("cargo metadata")?;
        let path = |key: &str| {
            let text = metadata.get(key).and_then(Value::as_str);
            text.map(PathBuf::from)
                .ok_or_else(|| Failure::new(format!("cargo metadata names no {key}")))
        };
        let listed = metadata.get("packages").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| Failure::new("cargo metadata lists no packages"))?;
        let packages = listed.iter().map(Package::from_metadata).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, packages })
    }

    /// The workspace's root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder, in which everything that is fetched or made for tests is kept.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Every member package.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// A call of cargo in the root folder, without colours, so that what it prints can be read.
    pub fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(cargo_program());
        command.args(arguments).current_dir(&self.root).env("CARGO_TERM_COLOR", "never");
        // Set by `cargo run` for this process; a nested cargo would compile its crates with them in view.
        for variable in
            ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// `--workspace`, or a `--package` for each of `names`, with every feature of those packages that the everyday
    /// run switches on.
    ///
    /// # Errors
    ///
    /// If one of `names` is no member.
    pub fn selection(&self, names: &[String]) -> Result<Vec<String>, Failure> {
        if let Some(stranger) =
            names.iter().find(|name| self.packages.iter().all(|package| package.name != **name))
        {
            return Err(Failure::new(format!("no package is named {stranger:?}")));
        }
        let chosen = |package: &&Package| names.is_empty() || names.contains(&package.name);
        let mut arguments = Vec::new();
        if names.is_empty() {
            arguments.push("--workspace".to_owned());
        }
        for name in names {
            arguments.extend(["--package".to_owned(), name.clone()]);
        }
        let mut features = Vec::new();
        for package in self.packages.iter().filter(chosen) {
            let everyday = package
                .features
                .iter()
                .filter(|feature| !FEATURES_APART.contains(&feature.as_str()));
            features.extend(everyday.map(|feature| format!("{}/{feature}", package.name)));
        }
        if !features.is_empty() {
            arguments.extend(["--features".to_owned(), features.join(",")]);
        }
        Ok(arguments)
    }
}

impl Package {
    fn from_metadata(package: &Value) -> Result<Self, Failure> {
        let text = |key: &str| {
            let text = package.get(key).and_then(Value::as_str);
            text.ok_or_else(|| {
                Failure::new(format!("cargo metadata lists a package without {key}"))
            })
        };
        let folder =
            Path::new(text("manifest_path")?).parent().map(Path::to_path_buf).unwrap_or_default();
        let features = package.get("features").and_then(Value::as_object);
        let mut features: Vec<String> =
            features.into_iter().flat_map(|map| map.keys().cloned()).collect();
        features.retain(|feature| feature != "default");
        features.sort();
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        let stands_on = dependencies.into_iter().flatten().filter(|dependency| {
            let for_tests = dependency.get("kind").and_then(Value::as_str) == Some("dev");
            !for_tests && dependency.get("path").is_some_and(Value::is_string)
        });
        let names =
            stands_on.filter_map(|dependency| dependency.get("name").and_then(Value::as_str));
        let mut stands_on: Vec<String> = names.map(str::to_owned).collect();
        stands_on.sort();
        stands_on.dedup();
        Ok(Self { name: text("name")?.to_owned(), folder, features, stands_on })
    }
}

fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "workspace_root": "/w", "target_directory": "/w/target",
        "packages": [
            {"name": "a", "manifest_path": "/w/crates/a/Cargo.toml", "dependencies": [],
             "features": {"default": ["ring"], "ring": [], "fips": [], "argon2id": []}},
            {"name": "b", "manifest_path": "/w/crates/b/Cargo.toml", "features": {}, "dependencies": [
                {"name": "a", "kind": null, "path": "/w/crates/a"},
                {"name": "c", "kind": "dev", "path": "/w/crates/c"},
                {"name": "libc", "kind": null}]}
        ]}"#;

    #[test]
    fn everyday_features_are_all_but_those_apart() {
        let workspace = Workspace::from_metadata(METADATA.as_bytes()).unwrap();
        let arguments = workspace.selection(&[]).unwrap();
        assert_eq!(arguments, ["--workspace", "--features", "a/argon2id,a/ring"]);
    }

    #[test]
    fn a_selection_names_its_packages_and_their_features_only() {
        let workspace = Workspace::from_metadata(METADATA.as_bytes()).unwrap();
        assert_eq!(workspace.selection(&["b".into()]).unwrap(), ["--package", "b"]);
        assert!(workspace.selection(&["z".into()]).is_err());
    }

    #[test]
    fn packages_stand_on_path_dependencies_outside_of_tests() {
        let workspace = Workspace::from_metadata(METADATA.as_bytes()).unwrap();
        let [a, b] = workspace.packages() else { panic!("two packages") };
        assert_eq!(a.stands_on, Vec::<String>::new());
        assert_eq!(b.stands_on, ["a"]);
        assert_eq!(b.folder, Path::new("/w/crates/b"));
    }

    #[test]
    fn this_workspace_is_found() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root().join("crates/xtask/Cargo.toml").is_file());
        assert!(workspace.packages().iter().any(|package| package.name == "phiseal"));
    }
}
