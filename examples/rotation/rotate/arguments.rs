//! What the program was asked.

use clap::{Args, Parser, Subcommand};
use phiseal::rotation::certificate::Ground;
use std::path::PathBuf;

/// Rotates the keys that patients' data is sealed under, and proves that it is finished.
///
/// A rotation takes two people and three commands:
///
///   rotate plan rotate --domain clinic/patients --key ada.json --out rotation.request
///   rotate approve rotation.request --key ben.json
///   rotate run rotation.request --key ada.json
///
/// `plan` counts what there is and changes nothing. `approve` says what a request will do and signs it; it needs no
/// database and no network. `run` makes a new key, reseals every value under it while the applications go on, counts what
/// is there, and writes a certificate. Killed at any time, `resume` goes on.
#[derive(Debug, Parser)]
#[command(name = "rotate", after_help = AFTER, verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The file that says where keys and data are.
    #[arg(long, global = true, value_name = "FILE", default_value = "phiseal.toml")]
    pub(crate) manifest: PathBuf,
    /// Tells everything as JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Exit codes: 0 done; 1 error; 2 the arguments make no sense; 3 partial: something was done and something is left;
4 anomaly: something is there that should not be; 5 refused: not agreed to, or not allowed now.

Passphrases of key files are asked for on the terminal, or taken from the environment variable that --passphrase-env names.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a custodian's signing key, under a passphrase, and prints its public half.
    Custodian(Custodian),
    /// Puts the first custodians in force. From then on nobody changes keys alone.
    Roster(Found),
    /// Says how the keys are: versions, ages, what is overdue, who the custodians are, and what was begun and not finished.
    Status,
    /// Says what an act would do, to how many rows, and writes a request for it. Changes nothing.
    Plan(Plan),
    /// Says what a request is, and signs it. Needs neither database nor network.
    Approve(Approve),
    /// Does what was approved: a rotation, new wraps, other custodians.
    Run(Run),
    /// Goes on with a rotation that was begun.
    Resume(Resume),
    /// Counts every stored value by what it is.
    Census(Census),
    /// Ends the use of a version under which nothing is sealed any more, as was approved.
    Retire(Run),
    /// Destroys a retired version, or the keys of a person, for ever, as was approved.
    Destroy(Run),
    /// Tries a recovery key on the key store and on stored values. Changes nothing.
    Drill(Drill),
    /// Verifies a certificate, or an audit log.
    Verify(Verify),
}

/// Which key signs.
#[derive(Args, Debug)]
pub(crate) struct Key {
    /// The custodian's key file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The environment variable that holds its passphrase.
    #[arg(long, value_name = "NAME")]
    pub(crate) passphrase_env: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Custodian {
    /// The custodian's name: no spaces, no plus.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) key: Key,
}

#[derive(Args, Debug)]
pub(crate) struct Found {
    /// How many have to agree beside the one who requests.
    #[arg(long, value_name = "N")]
    pub(crate) threshold: usize,
    /// The custodians' public keys, as `custodian` prints them.
    #[arg(required = true, num_args = 2..)]
    pub(crate) custodians: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Plan {
    #[command(subcommand)]
    pub(crate) operation: Operation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// A new data key, and every value resealed under it.
    Rotate {
        /// The keys before are in wrong hands, or may be: persons get new keys too.
        #[arg(long)]
        compromised: bool,
        #[command(flatten)]
        on: On,
    },
    /// The data keys wrapped under the key-encryption keys of the manifest; data is not touched.
    Rewrap {
        #[command(flatten)]
        on: On,
    },
    /// The end of the use of a version.
    Retire {
        /// The version.
        #[arg(long)]
        version: u32,
        #[command(flatten)]
        on: On,
    },
    /// The end of a retired version.
    Destroy {
        /// The version.
        #[arg(long)]
        version: u32,
        #[command(flatten)]
        gone: Gone,
        #[command(flatten)]
        on: On,
    },
    /// The end of a person's keys.
    Shred {
        /// What the application calls the person. It is not written into the request.
        #[arg(long)]
        person: String,
        #[command(flatten)]
        gone: Gone,
        #[command(flatten)]
        on: On,
    },
    /// Other custodians.
    Roster {
        /// How many have to agree beside the one who requests.
        #[arg(long, value_name = "N")]
        threshold: usize,
        /// Their public keys, as `custodian` prints them.
        #[arg(required = true, num_args = 2..)]
        custodians: Vec<String>,
        #[command(flatten)]
        request: NewRequest,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Gone {
    /// Of what is destroyed already: why it is gone for good. Whoever requests and approves states it, and the certificate says so:
    /// backups-expired (no backup of the key store that holds it is kept any more) or wrapping-keys-destroyed.
    #[arg(long = "final", value_name = "GROUND")]
    pub(crate) grounds: Vec<Ground>,
}

#[derive(Args, Debug)]
pub(crate) struct On {
    /// The domain; not needed where the manifest has one.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    #[command(flatten)]
    pub(crate) request: NewRequest,
}

#[derive(Args, Debug)]
pub(crate) struct NewRequest {
    #[command(flatten)]
    pub(crate) key: Key,
    /// The file to write the request to; there must be none.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How many days it holds, 31 at most.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=31))]
    pub(crate) holds: u32,
}

#[derive(Args, Debug)]
pub(crate) struct Approve {
    /// The request. Your signature is added to it.
    pub(crate) request: PathBuf,
    #[command(flatten)]
    pub(crate) key: Key,
    /// Signs without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The request with its signatures; more files when each custodian signed a copy.
    #[arg(required = true)]
    pub(crate) request: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) how: How,
    /// For demonstrations, in a key store without custodians: nobody but you has agreed. Marks everything it touches, for
    /// ever.
    #[arg(long)]
    pub(crate) dangerous_single_custodian: bool,
}

#[derive(Args, Debug)]
pub(crate) struct How {
    /// Who acts, and signs the certificate.
    #[command(flatten)]
    pub(crate) key: Key,
    /// The folder for the certificate.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) certificate: PathBuf,
    /// Rows that are read and written at once.
    #[arg(long, value_name = "ROWS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// Milliseconds of rest after each batch, so that applications get on.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) rest: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// The SHA-256 of the request, or its beginning, where more than one rotation was begun.
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Args, Debug)]
pub(crate) struct Census {
    /// Fails when a value was never sealed, is damaged, or is under a key that is not known: for schedules and pipelines.
    #[arg(long)]
    pub(crate) check: bool,
    /// Lists the rows of values that are not in order. Their keys may name people.
    #[arg(long)]
    pub(crate) rows: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Drill {
    /// The shares of the recovery key, as many as it takes: a file each.
    #[arg(long = "share", value_name = "FILE")]
    pub(crate) shares: Vec<PathBuf>,
    /// How many values of each table are opened.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) sample: usize,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A certificate (its signatures are in the file beside it that ends in .sig), or an audit log (its checkpoints are in the
    /// file beside it).
    pub(crate) file: PathBuf,
    /// The public keys of those who may have signed.
    #[arg(long = "signer", value_name = "KEY", required = true)]
    pub(crate) signers: Vec<String>,
}
