//! Tests of a clinic, in each place where one can be.

use super::{Clinic, Where};
use tempfile::TempDir;

/// A test of a clinic in each place; nothing where there is no such place.
#[macro_export]
macro_rules! in_each_place {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test($crate::clinic::Where::Sqlite); })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[test] fn $test() { super::$test($crate::clinic::Where::Postgres); })*
        }
    };
}

/// A clinic in a folder of its own, of which nothing is left.
#[derive(Debug)]
pub struct Made {
    _folder: TempDir,
    clinic: Option<Clinic>,
}

impl Made {
    /// As [`Clinic::create`].
    #[must_use]
    pub fn new(place: Where, rows: i64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let clinic = Some(Clinic::create(folder.path(), place, rows)?);
        Some(Self { _folder: folder, clinic })
    }
}

impl core::ops::Deref for Made {
    type Target = Clinic;

    fn deref(&self) -> &Clinic {
        self.clinic.as_ref().unwrap()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.clinic.take().unwrap().close();
    }
}
