//! Processes that a test starts, talks to and looks at from outside.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};

/// A child that says a line when it has come to a point, and goes on when it is told to.
#[derive(Debug)]
pub struct Talking {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Talking {
    /// Starts `program` with `arguments`, in `folder`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(program: &str, arguments: &[&str], folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says, which begins with `word`; what follows that.
    ///
    /// # Panics
    ///
    /// When it says anything else, or nothing.
    pub fn hear(&mut self, word: &str) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let said = line.trim_end().strip_prefix(word);
        assert!(said.is_some(), "the child said {line:?} instead of {word:?}");
        said.unwrap_or_default().trim_start().to_owned()
    }

    /// Lets it go on.
    ///
    /// # Panics
    ///
    /// When it is gone.
    pub fn go_on(&mut self) {
        self.to.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When the system does not say how it ended.
    pub fn end(mut self) -> ExitStatus {
        drop(self.to.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `program` to its end and returns all that it wrote.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
pub fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().unwrap()
}

/// Secrets to look for: each whole, and each half of it, counted by name.
#[derive(Debug, Default)]
pub struct Needles {
    /// Sixteen bytes each, with the index of the name that they belong to.
    halves: Vec<([u8; 16], usize)>,
    names: Vec<String>,
    /// Whether any half begins with these two bytes.
    starts: Vec<bool>,
}

impl Needles {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { starts: vec![false; 1 << 16], ..Self::default() }
    }

    /// Adds a secret of 32 bytes.
    pub fn add(&mut self, name: impl Into<String>, secret: &[u8; 32]) {
        self.names.push(name.into());
        for half in secret.as_chunks::<16>().0 {
            self.halves.push((*half, self.names.len() - 1));
            self.starts[usize::from(u16::from_be_bytes([half[0], half[1]]))] = true;
        }
    }

    /// The names of all secrets.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Counts halves in `bytes`, under the name of the secret and of `place`.
    fn count(&self, bytes: &[u8], place: &str, hits: &mut Hits) {
        for (at, window) in bytes.windows(2).enumerate() {
            if !self.starts[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
                continue;
            }
            let Some(found) = bytes.get(at..at + 16) else { break };
            for (half, name) in &self.halves {
                if half == found {
                    let name = self.names[*name].clone();
                    *hits.0.entry(name).or_default().entry(place.to_owned()).or_default() += 1;
                }
            }
        }
    }

    /// Counts halves in a file, such as a core dump.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    #[must_use]
    pub fn in_file(&self, path: &Path) -> Hits {
        let mut hits = Hits::default();
        self.count(&fs::read(path).unwrap(), "file", &mut hits);
        hits
    }

    /// Counts halves in all memory of a process that can be read, by the kind of mapping that they lie in.
    ///
    /// # Panics
    ///
    /// When hardly any of it can be read.
    #[must_use]
    pub fn in_process(&self, id: u32) -> Hits {
        let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
        let memory = File::open(format!("/proc/{id}/mem")).unwrap();
        let (mut hits, mut read) = (Hits::default(), 0);
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let place = words.nth(3).unwrap_or("anonymous");
            if !rights.starts_with('r') || place == "[vvar]" || place == "[vvar_vclock]" {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let start = u64::from_str_radix(start, 16).unwrap();
            let end = u64::from_str_radix(end, 16).unwrap();
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            // Reading also maps what was never touched; such pages are zeros.
            if memory.read_exact_at(&mut bytes, start).is_ok() {
                read += bytes.len();
                self.count(&bytes, place, &mut hits);
            }
        }
        assert!(read > 1 << 20, "only {read} bytes of the process were read");
        hits
    }
}

/// How often halves of secrets were found, by secret and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(pub BTreeMap<String, BTreeMap<String, usize>>);

impl Hits {
    /// How often either half of this secret was found.
    #[must_use]
    pub fn of(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |places| places.values().sum())
    }

    /// How often a half of any secret was found.
    #[must_use]
    pub fn all(&self) -> usize {
        self.0.values().flat_map(BTreeMap::values).sum()
    }
}
