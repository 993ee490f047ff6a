//! A crate stands on lower floors only.

use cargo_metadata::{DependencyKind, Package};

use crate::{demand_none, metadata, root};

/// The floor of each crate in `crates/`, by the name of its folder.
const FLOORS: [(&str, u32); 13] = [
    ("primitives", 1),
    ("format", 1),
    ("keys", 2),
    ("envelope", 3),
    ("audit", 3),
    ("backends", 3),
    ("stores", 3),
    ("conformance", 3),
    ("tokens", 4),
    ("rotation", 5),
    ("access", 5),
    ("columnar", 5),
    ("phiseal", 6),
];

/// Crates that stand beside the house: they may use what they like, and no crate may use them.
const OUTSIDE: [&str; 1] = ["xtask"];

/// The crate that tests of its neighbours may use.
const CONFORMANCE: &str = "conformance";

/// A crate of the workspace and the arrows from it to other members.
struct Crate {
    folder: String,
    name: String,
    arrows: Vec<(String, DependencyKind)>,
}

impl Crate {
    fn of(package: &Package) -> Self {
        let folder = package
            .manifest_path
            .parent()
            .and_then(|folder| folder.file_name())
            .unwrap()
            .to_owned();
        let members = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let arrows = members.map(|dependency| (dependency.name.clone(), dependency.kind)).collect();
        Self { folder, name: package.name.to_string(), arrows }
    }
}

fn floor(folder: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

/// `phiseal` for the facade, `phiseal-<folder>` for every other crate of the house.
fn package_name(folder: &str) -> String {
    match folder {
        "phiseal" | "xtask" => folder.to_owned(),
        _ => format!("phiseal-{folder}"),
    }
}

fn faults(crates: &[Crate]) -> Vec<String> {
    let mut faults = Vec::new();
    for from in crates {
        if from.name != package_name(&from.folder) {
            faults.push(format!("crates/{} holds a package named {}", from.folder, from.name));
        }
        if OUTSIDE.contains(&from.folder.as_str()) {
            continue;
        }
        let Some(own) = floor(&from.folder) else {
            faults.push(format!("crates/{} has no floor", from.folder));
            continue;
        };
        for (name, kind) in &from.arrows {
            let to = name.strip_prefix("phiseal-").unwrap_or(name);
            let excepted = *kind == DependencyKind::Development && to == CONFORMANCE;
            let allowed = floor(to).is_some_and(|floor| floor < own) || excepted;
            if !allowed {
                faults.push(format!(
                    "crates/{} (floor {own}) must not have the {kind} dependency {name}",
                    from.folder
                ));
            }
        }
    }
    faults
}

fn crates() -> Vec<Crate> {
    let metadata = metadata();
    let folder = root().join("crates");
    let packages = metadata.workspace_packages();
    packages
        .into_iter()
        .filter(|package| package.manifest_path.starts_with(&folder))
        .map(Crate::of)
        .collect()
}

#[test]
fn every_arrow_points_to_a_lower_floor() {
    let crates = crates();
    assert!(crates.len() >= 9, "the control: the crates were found");
    assert!(
        crates.iter().map(|one| one.arrows.len()).sum::<usize>() >= 10,
        "the control: so were the arrows"
    );
    demand_none(&faults(&crates));
}

#[test]
fn the_format_depends_on_nothing() {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let runtime = |name: &str| {
        let package = packages.iter().find(|package| *package.name == name).unwrap();
        package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .count()
    };
    assert_eq!(runtime("phiseal-format"), 0);
    assert!(runtime("phiseal-keys") > 0, "the control: dependencies are seen where there are some");
}

fn made_up(folder: &str, arrows: &[(&str, DependencyKind)]) -> Crate {
    let arrows = arrows.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    Crate { folder: folder.to_owned(), name: package_name(folder), arrows }
}

#[test]
fn arrows_that_should_not_exist_are_noticed() {
    use DependencyKind::{Build, Development, Normal};
    let bad = [
        ("up", "keys", "phiseal-envelope", Normal),
        ("to a neighbour", "stores", "phiseal-backends", Normal),
        ("to itself", "keys", "phiseal-keys", Development),
        ("up in a build script", "format", "phiseal-keys", Build),
        ("up in a test", "primitives", "phiseal-keys", Development),
        ("to conformance outside of tests", "backends", "phiseal-conformance", Normal),
        ("to a member outside the house", "phiseal", "xtask", Normal),
        ("to a member without a floor", "phiseal", "phiseal-examples", Development),
    ];
    for (what, from, to, kind) in bad {
        assert_eq!(faults(&[made_up(from, &[(to, kind)])]).len(), 1, "an arrow {what}");
    }
    let good = [
        ("envelope", "phiseal-keys", Normal),
        ("backends", "phiseal-conformance", Development),
        ("phiseal", "phiseal-columnar", Normal),
        ("xtask", "phiseal-format", Normal),
    ];
    for (from, to, kind) in good {
        assert_eq!(faults(&[made_up(from, &[(to, kind)])]), Vec::<String>::new());
    }
}

#[test]
fn a_crate_without_a_floor_or_with_a_strange_name_is_noticed() {
    assert_eq!(faults(&[made_up("common", &[])]), ["crates/common has no floor"]);
    let misnamed = Crate { name: "phiseal-key".into(), ..made_up("keys", &[]) };
    assert_eq!(faults(&[misnamed]).len(), 1);
}
