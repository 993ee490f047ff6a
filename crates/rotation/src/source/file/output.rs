//! A new file in the making.

use super::Format;
use super::error::{changed, failed};
use super::records::Place;
use super::rows::{Base, Edit};
use super::temporary::{self, Temporary};
use super::unique::{Hashing, Sum};
use phiseal_keys::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// The records of a base up to a place, some of them replaced.
pub(super) struct Output {
    file: BufWriter<File>,
    temporary: Temporary,
    place: Place,
    /// Of what was read, which has to be the base.
    read: Sum,
    written: Sum,
    /// Where the rows begin, as in the base: nothing before is replaced.
    begin: u64,
    is_broken: bool,
}

/// How much is written at once.
const BUFFER: usize = 1 << 16;

impl Output {
    /// One with nothing in it, beside `path`, to be read by nobody but those who could read the original.
    pub(super) fn create(
        path: &Path,
        base: &Base,
        original: &File,
        hashing: &Hashing,
    ) -> Result<Self, Error> {
        let [one, other, _] = temporary::names(path);
        let is_taken = base.temporary.as_ref().and_then(Temporary::path) == Some(&*one);
        let (file, temporary) = Temporary::create(if is_taken { other } else { one })?;
        // What cannot be given to its owner should be known before the work is done.
        temporary::dress(&file, original)?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
            temporary,
            place: Place::default(),
            read: hashing.sum(),
            written: hashing.sum(),
            begin: base.begin,
            is_broken: false,
        })
    }

    /// The place in the base up to which it is written.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Whether what is in it may be less than what it was told to write.
    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Copies what is before each edit, and the edits, which are in order.
    pub(super) fn write(
        &mut self,
        base: &Base,
        format: &dyn Format,
        edits: Vec<Edit>,
    ) -> Result<(), Error> {
        self.is_broken = true;
        self.copy(base, format, edits, false)?;
        self.is_broken = false;
        Ok(())
    }

    /// Copies the rest, and makes of it what is read from now on.
    pub(super) fn finish(mut self, base: &Base, format: &dyn Format) -> Result<Base, Error> {
        self.copy(base, format, Vec::new(), true)?;
        if self.read.finish() != base.sum {
            return Err(changed());
        }
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        let sum = self.written.finish();
        Ok(Base { file, begin: self.begin, sum, temporary: Some(self.temporary) })
    }

    fn copy(
        &mut self,
        base: &Base,
        format: &dyn Format,
        edits: Vec<Edit>,
        all: bool,
    ) -> Result<(), Error> {
        let mut records = base.records(format, self.place)?;
        let mut edits = edits.into_iter().peekable();
        while (all || edits.peek().is_some())
            && let Some(record) = records.next()?
        {
            self.read.add(record.bytes);
            let edit = edits.next_if(|edit| edit.place == record.place);
            let new = edit.as_ref().map_or(record.bytes, |edit| &edit.record);
            self.written.add(new);
            self.file.write_all(new).map_err(failed)?;
        }
        self.place = records.place();
        // A record was not found where it had been.
        if edits.next().is_some() { Err(changed()) } else { Ok(()) }
    }
}

#[cfg(test)]
impl Output {
    /// Writes to another file from now on, without a buffer.
    pub(super) fn write_to(&mut self, file: File) {
        self.file = BufWriter::with_capacity(0, file);
    }
}
