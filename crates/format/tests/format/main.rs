//! The tests of the format, in one program.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what the tests share may fail them"
)]

mod canonical;
mod context_injective;
mod cut_and_extend;
mod refusals;
mod support;
mod text_form;
mod values;
mod vectors;
