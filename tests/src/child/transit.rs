//! A forked child that goes on with its parent's transit KEK.

use crate::os;
use phiseal::backends::transit::TransitKek;
use phiseal_format::{EncryptionContext, EnvironmentId};
use phiseal_keys::Kek;
use pollster::block_on;
use std::sync::Arc;

const CHILDREN: usize = 4;

/// Wraps and unwraps in a process, in children of it that were made between, and in the process again.
pub(crate) fn fork(address: &str, name: &str) {
    let engine = phiseal::default_engine();
    let backend = TransitKek::builder(address, name).token_from_env("PHISEAL_OPENBAO_TOKEN");
    let kek = block_on(Kek::connect(Arc::new(backend.build().unwrap()), engine)).unwrap();
    let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]));
    let (first, id) = block_on(kek.generate_key(&context)).unwrap();
    let go_on = || {
        let key = block_on(kek.unwrap_key(&first.wrapped, &context, &id)).unwrap();
        assert!(key.expose_secret() == first.key.expose_secret());
        let (own, id) = block_on(kek.generate_key(&context)).unwrap();
        block_on(kek.unwrap_key(&own.wrapped, &context, &id)).unwrap();
    };
    let mut children = Vec::new();
    for _ in 0..CHILDREN {
        match os::fork_among_threads() {
            Some(child) => children.push(child),
            None => {
                go_on();
                os::end_at_once();
            }
        }
        go_on();
    }
    children.into_iter().for_each(os::wait_for);
    go_on();
}
