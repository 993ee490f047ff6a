//! A rotation from its beginning to its end: begun once, by whoever has the custodians' approval, and gone on with by anybody.
//!
//! | step | written down before | if it is killed here |
//! |---|---|---|
//! | count everything | nothing | nothing has happened |
//! | begin | what there is, and the signed request | the keys are as they were |
//! | switch the primary | who agreed to it, with the keys, in one write | [`Rotator::resume`] sees whether it was done |
//! | persons' keys | that it is done, afterwards | it is done again, and finds what is left |
//! | reseal a part of a table | who does it, until when; afterwards that it is done | the part is done again, and finds what is left |
//! | count again | what there is | it is counted again |
//!
//! A row is written only where it is as it was read, so that doing something twice does no harm; neither does a worker that
//! was believed dead, and it stops before its next write.

mod borders;
mod certify;
mod cursor;
mod end;
mod event;
mod exposure;
mod grounds;
mod held;
mod holding;
mod journal;
mod revived;
mod rotate;
mod switch;
mod work;
mod worker;

pub use certify::Circumstances;
pub use end::{Ended, end_version, may_end_from, rewrap, shred};
pub use event::{Event, Step};
pub use exposure::{ExposedValues, ExposedVersion, Exposure};
pub use holding::Holding;
pub use journal::{Journal, Phase};
pub use revived::{Lost, Revived, revived};
pub use rotate::Rotator;
pub use work::Totals;
pub use worker::Worker;

use work::Work;
