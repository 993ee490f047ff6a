//! ALLOC and FOREIGN: a warm key allocates nothing, hostile input costs nothing, and what names somebody else's key calls
//! nobody.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]

use phiseal::{Context, Engine, ErrorKind, FieldCipher, Kek, Sealed, Suite};
use phiseal_format::{
    Context as _, EncodedContext, EncryptionContext, EnvironmentId, FieldEnvelope, KekId, KekVersion, WrapAlgorithm,
    WrappedKey, text,
};
use phiseal_keys::{FullKeyId, Keyset};
use phiseal_tests::forge;
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::{Warm, matrix};
