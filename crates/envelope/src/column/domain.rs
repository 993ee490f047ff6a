use super::{Column, Rows, Values};
use crate::domain::{Domain, LOOKS};
use crate::phi::Phi;
use phiseal_format::Context;
use phiseal_keys::{Error, ErrorKind};

impl Domain {
    /// Seals the values of a column, each as what `context` and its part of `rows` say.
    ///
    /// However many rows there are: where the reserved uses of a key or its lease end on the way, new ones are asked for and the
    /// rest is sealed under what there is then.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal_column`](crate::FieldCipher::seal_column) and [`Domain::seal`].
    pub async fn seal_column(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
    ) -> Result<Column, Error> {
        let mut sealed = Column::new();
        self.seal_column_into(values, context, rows, &mut sealed).await?;
        Ok(sealed)
    }

    /// As [`seal_column`](Self::seal_column), in the memory of a column that is not needed any more.
    ///
    /// # Errors
    ///
    /// As [`seal_column`](Self::seal_column); `sealed` is then without rows.
    pub async fn seal_column_into(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
        sealed: &mut Column,
    ) -> Result<(), Error> {
        let done = self.seal_all_rows(values, context, rows, sealed).await;
        done.inspect_err(|_| sealed.clear())
    }

    async fn seal_all_rows(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
        sealed: &mut Column,
    ) -> Result<(), Error> {
        let mut loaded = self.current().await?;
        let mut chunk = loaded.cipher().begin_column(values, context, rows, sealed)?;
        let mut looks = 0;
        loop {
            let before = sealed.rows();
            match loaded.cipher().seal_rest(values, &mut chunk, sealed) {
                Err(error) if error.kind() == ErrorKind::Stale && looks < LOOKS => {
                    looks = if sealed.rows() > before { 0 } else { looks + 1 };
                    loaded = Box::pin(self.renewed_for_sealing()).await?;
                }
                done => return done,
            }
        }
    }

    /// Opens the values of a column, each as what `context` and its part of `rows` say.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open_column`](crate::FieldCipher::open_column) and [`Domain::open`].
    pub async fn open_column(
        &self,
        sealed: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
    ) -> Result<Phi<Column>, Error> {
        self.opened(|cipher| cipher.open_column(sealed, context, rows)).await
    }
}
