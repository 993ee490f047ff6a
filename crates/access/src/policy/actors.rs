/// Which actors have a role: by their names, or by how those begin.
#[derive(Clone, Debug)]
pub(super) struct Actors(pub(super) Vec<Named>);

#[derive(Clone, Debug)]
pub(super) enum Named {
    One(String),
    /// All whose names begin so.
    Begin(String),
}

impl Actors {
    pub(super) fn include(&self, actor: &str) -> bool {
        self.0.iter().any(|named| match named {
            Named::One(name) => name == actor,
            Named::Begin(begin) => actor.len() > begin.len() && actor.starts_with(begin),
        })
    }
}

impl Named {
    /// Reads `svc-billing`, or `billing/*` for all that begin with `billing/`. `None` for what no actor can be called.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (text, named): (_, fn(String) -> Self) = name
            .strip_suffix('*')
            .map_or((name, Self::One as _), |begin| (begin, Self::Begin as _));
        phiseal_keys::Reader::new(text, "any").ok()?;
        Some(named(text.to_owned()))
    }
}
