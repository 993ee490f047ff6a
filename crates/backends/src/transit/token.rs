//! Where the token comes from, and when it is read again.

use arc_swap::ArcSwapOption;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::env::VarError;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// A token of the server: zeroed when dropped, never printed.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token of these characters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] unless they are 1 to 8,192 visible ASCII characters.
    pub fn new(text: String) -> Result<Self, Error> {
        let text = Zeroizing::new(text);
        if text.is_empty() || text.len() > MAX || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a token is 1 to 8192 visible ASCII characters",
            ));
        }
        Ok(Self(text))
    }

    pub(super) fn expose_secret(&self) -> &str {
        &self.0
    }

    fn is(&self, other: &Self) -> bool {
        phiseal_primitives::constant_time::equal(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Where a token comes from.
#[derive(Clone)]
pub(super) enum Source {
    /// The first of these environment variables that is set.
    Variables(Vec<String>),
    File(PathBuf),
    Callback(Callback),
}

/// What an application answers that is asked for a token.
pub(super) type Callback = Arc<dyn Fn() -> Result<Token, Error> + Send + Sync>;

impl Source {
    pub(super) fn usual() -> Self {
        Self::Variables(["BAO_TOKEN", "VAULT_TOKEN"].map(str::to_owned).to_vec())
    }

    fn read(&self) -> Result<Token, Error> {
        match self {
            Self::Variables(names) => {
                names.iter().find_map(|name| variable(name)).unwrap_or_else(|| {
                    Err(Error::new(ErrorKind::Denied, "no environment variable holds a token"))
                })
            }
            Self::File(path) => file(path),
            Self::Callback(callback) => callback(),
        }
    }

    /// What tells that the token may be another one: for a file, its length, number and time of change.
    fn stamp(&self) -> Option<Stamp> {
        let Self::File(path) = self else { return None };
        let metadata = path.metadata().ok()?;
        Some(Stamp {
            length: metadata.len(),
            inode: inode(&metadata),
            time: metadata.modified().ok(),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    inode: u64,
    time: Option<SystemTime>,
}

/// The token that is in use, and its source.
pub(super) struct Credential {
    source: Source,
    held: ArcSwapOption<Held>,
}

struct Held {
    token: Arc<Token>,
    stamp: Option<Stamp>,
}

impl Credential {
    pub(super) const fn new(source: Source) -> Self {
        Self { source, held: ArcSwapOption::const_empty() }
    }

    /// Whether an application is asked for the token, which may not be ready yet when it builds a handle.
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self.source, Source::Callback(_))
    }

    /// The token: the one at hand, unless its file holds another one since. A file that holds none may be half written.
    pub(super) fn current(&self) -> Result<Arc<Token>, Error> {
        match &*self.held.load() {
            Some(held) if held.stamp == self.source.stamp() => Ok(Arc::clone(&held.token)),
            Some(held) => {
                Ok(self.read(Some(&held.token)).unwrap_or_else(|_| Arc::clone(&held.token)))
            }
            None => self.read(None),
        }
    }

    /// Another token than `refused`, if the source has one by now.
    pub(super) fn instead_of(&self, refused: &Arc<Token>) -> Option<Arc<Token>> {
        // Another call may have found it already; or two have read the same one at first.
        let held = self.held.load_full().map(|held| Arc::clone(&held.token));
        if let Some(token) = held.filter(|token| !token.is(refused)) {
            return Some(token);
        }
        self.read(Some(refused)).ok().filter(|token| !token.is(refused))
    }

    /// Reads the source; what is the same token as `before` stays that one.
    fn read(&self, before: Option<&Arc<Token>>) -> Result<Arc<Token>, Error> {
        let stamp = self.source.stamp();
        let read = self.source.read()?;
        let token = match before {
            Some(before) if before.is(&read) => Arc::clone(before),
            _ => Arc::new(read),
        };
        self.held.store(Some(Arc::new(Held { token: Arc::clone(&token), stamp })));
        Ok(token)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Variables(names) => f.debug_tuple("Variables").field(names).finish(),
            Source::File(path) => f.debug_tuple("File").field(path).finish(),
            Source::Callback(_) => f.write_str("Callback"),
        }
    }
}

/// The longest token, in bytes.
const MAX: usize = 8192;

fn variable(name: &str) -> Option<Result<Token, Error>> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => None,
        Ok(value) => Some(Token::new(value)),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => {
            Some(Err(Error::new(ErrorKind::Invalid, "the environment variable holds no token")))
        }
    }
}

/// The first line of the file.
fn file(path: &Path) -> Result<Token, Error> {
    let unreadable = |_| Error::new(ErrorKind::Denied, "the file of the token cannot be read");
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX + 3));
    let mut file = std::fs::File::open(path).map_err(unreadable)?.take(MAX as u64 + 2);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let text = str::from_utf8(&bytes).unwrap_or_default();
    Token::new(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
const fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_token_is_visible_and_bounded() {
        for bad in ["", "a b", "a\n", "ä", &"a".repeat(8193)] {
            assert_eq!(Token::new(bad.to_owned()).unwrap_err().kind(), ErrorKind::Invalid);
        }
        let token = Token::new("s.canary".to_owned()).unwrap();
        assert_eq!((format!("{token:?}").as_str(), token.expose_secret()), ("Token", "s.canary"));
    }

    #[test]
    fn a_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let credential = Credential::new(Source::File(path.clone()));
        assert_eq!(credential.current().unwrap_err().kind(), ErrorKind::Denied);
        std::fs::write(&path, "s.first\n").unwrap();
        let first = credential.current().unwrap();
        assert_eq!(first.expose_secret(), "s.first");
        assert!(Arc::ptr_eq(&first, &credential.current().unwrap()), "not read again");
        assert!(credential.instead_of(&first).is_none(), "there is no other");
        for half_written in ["", "s.the second\n"] {
            std::fs::write(&path, half_written).unwrap();
            assert!(Arc::ptr_eq(&first, &credential.current().unwrap()), "the one at hand");
            assert!(credential.instead_of(&first).is_none(), "there is no other");
        }
        std::fs::write(&path, "s.second").unwrap();
        assert_eq!(credential.current().unwrap().expose_secret(), "s.second");
        assert_eq!(credential.instead_of(&first).unwrap().expose_secret(), "s.second");
        std::fs::remove_file(&path).unwrap();
        let second = credential.current().unwrap();
        assert_eq!(second.expose_secret(), "s.second");
        assert!(credential.instead_of(&second).is_none());
    }

    #[test]
    fn a_callback_is_asked_once_and_after_a_refusal() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let credential = Credential::new(Source::Callback(Arc::new(move || {
            Token::new(format!("s.{}", count.fetch_add(1, Ordering::SeqCst) / 2))
        })));
        let first = credential.current().unwrap();
        credential.current().unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(credential.instead_of(&first).is_none(), "the same again");
        assert_eq!(credential.instead_of(&first).unwrap().expose_secret(), "s.1");
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_variable_that_is_not_set_holds_no_token() {
        let source = Source::Variables(vec!["PHISEAL_TEST_NO_SUCH_TOKEN".to_owned()]);
        assert_eq!(Credential::new(source).current().unwrap_err().kind(), ErrorKind::Denied);
        let source =
            Source::Variables(vec!["PHISEAL_TEST_NO_SUCH_TOKEN".to_owned(), "PATH".to_owned()]);
        assert!(Credential::new(source).current().is_ok(), "the control: the first that is set");
    }
}
