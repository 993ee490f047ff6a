//! What the project's own files may hold: no unfinished work, no file that nobody reads to its end.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{demand_none, root};

/// The longest a source file may be, in lines.
const LONGEST: usize = 800;

/// Marks of unfinished or disabled work, taken apart so that this file does not hold them.
const FORBIDDEN: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("un", "implemented!("),
    concat!("#[", "ignore"),
];

/// Endings of files that people write.
const WRITTEN: [&str; 8] = ["rs", "toml", "md", "py", "sh", "yml", "yaml", "sql"];

/// Folders whose files nobody wrote.
const NOT_WRITTEN: [&str; 5] = ["target", ".git", "corpus", "artifacts", "node_modules"];

/// Every file below `folder` that people write, as paths from `folder`, sorted.
fn written(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let mut files: Vec<PathBuf> =
        files.iter().map(|file| file.strip_prefix(folder).unwrap().to_path_buf()).collect();
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            if !NOT_WRITTEN.contains(&name.as_str()) {
                collect(&path, files);
            }
        } else if path.ends_with(".ci/run")
            || path.extension().is_some_and(|end| WRITTEN.iter().any(|one| end == *one))
        {
            files.push(path);
        }
    }
}

fn forbidden_words(path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
            faults.push(format!("{}:{} holds {word}", path.display(), index + 1));
        }
    }
    faults
}

fn too_long(path: &Path, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let source = path.starts_with("crates") && path.extension().is_some_and(|end| end == "rs");
    (source && lines > LONGEST)
        .then(|| format!("{} has {lines} lines, more than {LONGEST}", path.display()))
}

#[test]
fn no_file_holds_a_mark_of_unfinished_work_or_is_too_long() {
    let root = root();
    let files = written(&root);
    for expected in
        ["Cargo.toml", ".ci/run", "crates/xtask/src/main.rs", "tests/tests/structure/sources.rs"]
    {
        assert!(files.contains(&PathBuf::from(expected)), "the control: {expected} was found");
    }
    let mut faults = Vec::new();
    for file in &files {
        let bytes = fs::read(root.join(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        faults.extend(forbidden_words(file, &text));
        faults.extend(too_long(file, &text));
    }
    demand_none(&faults);
}

#[test]
fn each_mark_of_unfinished_work_is_noticed() {
    for word in FORBIDDEN {
        let text = format!("fn one() {{}}\n    // {word} later\n");
        assert_eq!(forbidden_words(Path::new("a.rs"), &text), [format!("a.rs:2 holds {word}")]);
    }
    assert_eq!(forbidden_words(Path::new("a.rs"), "to do, ignore, todos\n"), Vec::<String>::new());
}

#[test]
fn a_file_that_is_too_long_is_noticed() {
    let of =
        |path: &str, lines: usize| too_long(Path::new(path), &"line\n".repeat(lines)).is_some();
    assert!(of("crates/keys/src/lib.rs", LONGEST + 1));
    assert!(!of("crates/keys/src/lib.rs", LONGEST));
    assert!(!of("README.md", LONGEST + 1));
}
