//! The shape of the workspace in a table: sizes, and which crate stands on which.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, While};
use crate::workspace::{Package, Workspace};

/// A table of the packages in `crates/`.
///
/// # Errors
///
/// If a source file cannot be read.
pub fn of(workspace: &Workspace) -> Result<String, Failure> {
    let crates = workspace.root().join("crates");
    let mut text =
        String::from("crate             files   lines   longest file             stands on");
    for package in workspace.packages().iter().filter(|package| package.folder.starts_with(&crates))
    {
        text.push('\n');
        text.push_str(&row(package)?);
    }
    Ok(text)
}

fn row(package: &Package) -> Result<String, Failure> {
    let source = package.folder.join("src");
    let mut sizes = Vec::new();
    for file in rust_files(&source)? {
        let lines = fs::read_to_string(&file).during(file.display())?.lines().count();
        let name = file.strip_prefix(&source).unwrap_or(&file).display().to_string();
        sizes.push((lines, name));
    }
    let all: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let (most, longest) = sizes.iter().max().cloned().unwrap_or_default();
    let stands_on: Vec<&str> = package.stands_on.iter().map(|name| short(name)).collect();
    let longest = format!("{longest} ({most})");
    Ok(format!(
        "{:<16} {:>6} {all:>7}   {longest:<24} {}",
        short(&package.name),
        sizes.len(),
        stands_on.join(" ")
    ))
}

fn short(name: &str) -> &str {
    name.strip_prefix("phiseal-").unwrap_or(name)
}

/// Every Rust file under `folder`, at any depth.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_has_a_row() {
        let workspace = Workspace::find().unwrap();
        let summary = of(&workspace).unwrap();
        let crates = fs::read_dir(workspace.root().join("crates")).unwrap();
        let manifests = crates
            .filter(|entry| entry.as_ref().unwrap().path().join("Cargo.toml").exists())
            .count();
        assert_eq!(summary.lines().count(), manifests + 1);
        let own = summary.lines().find(|line| line.starts_with("xtask ")).unwrap();
        assert!(!own.contains(" 0 "), "{own}");
    }

    #[test]
    fn files_are_found_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for name in ["one.rs", "a/two.rs", "a/b/three.rs", "a/not.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(rust_files(folder.path()).unwrap().len(), 3);
    }
}
