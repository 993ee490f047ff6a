//! What tests of memory, logs and forks start and look at from outside.
//!
//! It does what its first argument says, tells on standard output how far it has come, and goes on when it gets a line.

#![expect(clippy::unwrap_used, reason = "it fails by panicking, as a test does")]

#[cfg(feature = "audit")]
mod audit;
mod careless;
mod forks;
mod holder;
mod life;
mod locking;
mod os;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod rotating;
mod second;
#[cfg(feature = "transit")]
mod transit;

use std::io::{self, Write};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        #[cfg(feature = "audit")]
        ["audit-write"] => audit::write(),
        #[cfg(feature = "audit")]
        ["audit-fork"] => audit::fork(),
        ["fork", each] => forks::library(each.parse().unwrap(), false),
        ["fork-per-message", each] => forks::library(each.parse().unwrap(), true),
        ["fork-naively", each] => forks::naive(each.parse().unwrap()),
        ["fork-capped", each] => forks::capped(each.parse().unwrap()),
        ["hold", engine, then] => holder::hold(engine, then),
        ["locking", "forked"] => locking::forked(true),
        ["locking", "forked-without-the-right"] => locking::forked(false),
        ["locking", how] => locking::run(how),
        ["life", engine] => life::live(engine, false),
        ["life", engine, "and-leak"] => life::live(engine, true),
        ["rotate", folder, rows, step, nth] => {
            rotating::rotate(folder, rows.parse().unwrap(), step, nth.parse().unwrap())
        }
        ["reseal-and-weigh", folder, rows] => rotating::weigh(folder, rows.parse().unwrap()),
        ["open-person", sealed] => second::open_person(sealed),
        #[cfg(feature = "pkcs11")]
        ["pkcs11", module, token, kek, pin, ref act @ ..] => {
            let place = pkcs11::Place { module, token, kek, pin };
            match act[..] {
                ["fork"] => pkcs11::fork(place),
                ["hold", then] => pkcs11::hold(place, then),
                ["tell", wrong_pin] => pkcs11::tell(place, wrong_pin, false),
                ["tell", wrong_pin, "and-leak"] => pkcs11::tell(place, wrong_pin, true),
                _ => std::process::exit(64),
            }
        }
        #[cfg(feature = "transit")]
        ["transit-fork", address, name] => transit::fork(address, name),
        _ => std::process::exit(64),
    }
}

/// Tells whoever started this process.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.write_all(b"\n").unwrap();
    out.flush().unwrap();
}

/// Waits for a line.
fn wait() {
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
}
