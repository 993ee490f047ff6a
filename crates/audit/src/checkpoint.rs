use crate::note::{KeyName, Note, VerifierKey, decode_exactly, encode};
use crate::tree::Hash;
use core::fmt;
use phiseal_keys::{Error, ErrorKind, Signer};

/// The head of a log's hash tree: whose it is, how many records, and the root over them (c2sp.org/tlog-checkpoint).
///
/// It is the text of a signed note. Lines after the third, which other logs may write, are read and passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, which is the name of its key.
    pub origin: KeyName,
    /// The number of records.
    pub size: u64,
    /// The root of the hash tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a note.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it is no checkpoint.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed =
            || Error::new(ErrorKind::Malformed, "a checkpoint is origin, size and root");
        let text = text.strip_suffix('\n').ok_or_else(malformed)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed());
        };
        if lines.any(str::is_empty) {
            return Err(malformed());
        }
        Ok(Self {
            origin: KeyName::new(origin).map_err(|_| malformed())?,
            size: parse_size(size).ok_or_else(malformed)?,
            root: decode_exactly(root).ok_or_else(malformed)?,
        })
    }

    /// Reads a note and checks that the log itself has signed it: one of `keys`, by the name that is its origin.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it is no note or no checkpoint, [`ErrorKind::Unauthenticated`] when no such key has
    /// signed it or a signature of one of `keys` is wrong.
    pub fn verified(note: &[u8], keys: &[VerifierKey]) -> Result<Self, Error> {
        let note = Note::parse(note)?;
        let signers = note.verify(keys)?;
        let checkpoint = Self::parse(note.text())?;
        if !signers.iter().any(|key| key.name() == checkpoint.origin.as_str()) {
            let message = "the checkpoint is signed by the key of another log";
            return Err(Error::new(ErrorKind::Unauthenticated, message));
        }
        Ok(checkpoint)
    }

    /// The checkpoint as a note with the log's signature.
    ///
    /// # Errors
    ///
    /// As [`Note::sign`].
    pub async fn sign(&self, key: &VerifierKey, signer: &dyn Signer) -> Result<Note, Error> {
        let mut note = Note::new(&self.to_string())?;
        note.sign(key, signer).await?;
        Ok(note)
    }
}

/// The text of the note.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, encode(&self.root))
    }
}

/// Decimal digits, without leading zeros.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    if digits && !leading { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalSigner;
    use phiseal_primitives::default_engine;
    use pollster::block_on;

    /// The text of the example of c2sp.org/tlog-checkpoint.
    const SPEC: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn kind<T: fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn the_specification_s_example() {
        let checkpoint = Checkpoint::parse(SPEC).unwrap();
        assert_eq!(checkpoint.origin.as_str(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(checkpoint.to_string(), SPEC);
    }

    #[test]
    fn more_lines_are_passed_over() {
        let more = [SPEC, "an extension\n"].concat();
        assert_eq!(Checkpoint::parse(&more).unwrap(), Checkpoint::parse(SPEC).unwrap());
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        for (what, from, to) in [
            ("no origin", "example.com/behind-the-sofa", ""),
            ("a space in the origin", "behind-the", "behind the"),
            ("a leading zero", "20852163", "020852163"),
            ("two zeros", "20852163", "00"),
            ("a sign", "20852163", "+20852163"),
            ("no size", "20852163", ""),
            ("not decimal", "20852163", "0x13e2d03"),
            ("over 64 bits", "20852163", "18446744073709551616"),
            ("a short root", "jxq2I=", "jxq2"),
            ("loose bits", "jxq2I=", "jxq2J="),
            ("no root", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
            ("no last line end", "jxq2I=\n", "jxq2I="),
            ("an empty line", "jxq2I=\n", "jxq2I=\n\n"),
        ] {
            let text = SPEC.replace(from, to);
            assert_ne!(text, SPEC, "{what}");
            assert_eq!(kind(Checkpoint::parse(&text)), ErrorKind::Malformed, "{what}");
        }
        assert_eq!(Checkpoint::parse(&SPEC.replace("20852163", "0")).unwrap().size, 0);
    }

    #[test]
    fn only_the_log_itself_signs_for_it() {
        let engine = default_engine();
        let signer = LocalSigner::generate(engine).unwrap();
        let key = |name| VerifierKey::of(KeyName::new(name).unwrap(), &signer, engine).unwrap();
        let (own, other) = (key("a.example/log"), key("b.example/log"));
        let origin = KeyName::new("a.example/log").unwrap();
        let checkpoint = Checkpoint { origin, size: 7, root: [7; 32] };

        let by_own = block_on(checkpoint.sign(&own, &signer)).unwrap().to_string();
        let by_other = block_on(checkpoint.sign(&other, &signer)).unwrap().to_string();
        let keys = [own, other];
        assert_eq!(Checkpoint::verified(by_own.as_bytes(), &keys).unwrap(), checkpoint);
        let refused = Checkpoint::verified(by_other.as_bytes(), &keys);
        assert_eq!(kind(refused), ErrorKind::Unauthenticated);
        let changed = by_own.replace("\n7\n", "\n8\n");
        assert_eq!(
            kind(Checkpoint::verified(changed.as_bytes(), &keys)),
            ErrorKind::Unauthenticated
        );
    }
}
