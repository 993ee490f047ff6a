//! STORE: whoever can write the key store can make it unavailable, but cannot make it lie.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod fields;

use fields::{Field, fields};
use phiseal::blocking::{Domain, Phiseal};
use phiseal::{Error, ErrorKind, KeyState, Keyset, Sealed};
use phiseal_keys::RecordKind;
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::time::Duration;

const OTHER: &str = "clinic/staff";
const MAC: usize = 32;
