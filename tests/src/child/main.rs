//! A process apart, for tests that look at one from outside.

fn main() {}
