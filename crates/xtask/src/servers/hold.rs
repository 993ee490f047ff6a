//! `cargo xtask servers`: the servers for a developer who runs one test by hand.

use std::ffi::OsStr;
use std::io::Read;

use super::{Server, servers, start};
use crate::arguments::ServersOptions;
use crate::failure::Failure;
use crate::prepare::Environment;
use crate::report::Report;
use crate::workspace::Workspace;

/// Starts the servers, prints what tests are told of them as lines for a shell, and stops them when standard input ends.
///
/// Ctrl-C stops them too: see [`guard`](crate::guard).
///
/// # Errors
///
/// If no server has one of the names.
pub fn run(
    workspace: &Workspace,
    options: &ServersOptions,
    report: &mut Report,
) -> Result<(), Failure> {
    let chosen = chosen(servers(), &options.names)?;
    let mut environment = Environment::default();
    let running = start(&chosen, workspace, &mut environment, report);
    println!();
    for (name, value) in environment.variables() {
        println!("export {name}={}", quoted(value));
    }
    println!("\nrunning until standard input ends, or ctrl-c");
    // What is typed means nothing, and an error means that nothing more can be.
    let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
    drop(running);
    Ok(())
}

/// The servers of these names, or all if there are none.
fn chosen(all: Vec<Box<dyn Server>>, names: &[String]) -> Result<Vec<Box<dyn Server>>, Failure> {
    if let Some(stranger) =
        names.iter().find(|name| all.iter().all(|server| server.name() != name.as_str()))
    {
        let known: Vec<_> = all.iter().map(|server| server.name()).collect();
        return Err(Failure::new(format!(
            "no server is named {stranger:?}; there are {}",
            known.join(", ")
        )));
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    Ok(all.into_iter().filter(|server| wanted(server.name())).collect())
}

/// `value` as one word of a POSIX shell.
fn quoted(value: &OsStr) -> String {
    format!("'{}'", value.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::demand;
    use std::process::Command;

    fn names(names: &[&str]) -> Vec<&'static str> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        chosen(servers(), &names).unwrap().iter().map(|server| server.name()).collect()
    }

    #[test]
    fn servers_are_chosen_by_name() {
        assert_eq!(names(&["postgres", "softhsm"]), ["softhsm", "postgres"]);
        assert_eq!(names(&[]).len(), servers().len());
        let failure = chosen(servers(), &["postgre".to_owned()]).err().unwrap().to_string();
        assert!(failure.contains("postgre") && failure.contains("softhsm, "), "{failure}");
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for value in ["plain", "two words", "it's", "$HOME `id` \"x\" \\ *", ""] {
            let script = format!("V={}; printf %s \"$V\"", quoted(OsStr::new(value)));
            let read = demand(Command::new("sh").args(["-c", &script])).unwrap();
            assert_eq!(read.trim_end_matches('\n'), value);
        }
    }
}
