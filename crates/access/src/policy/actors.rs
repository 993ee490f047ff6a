/// Which actors have a role: by their names, or by how those begin.
#[derive(Clone, Debug)]
pub(super) struct Actors(Vec<Named>);

#[derive(Clone, Debug)]
enum Named {
    One(String),
    /// All whose names begin so.
    Begin(String),
}

impl Actors {
    /// Reads `svc-billing`, or `billing/*` for all that begin with `billing/`. `None` for what no actor can be called.
    pub(super) fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let named = names.into_iter().map(|name| Named::parse(name).ok_or(name));
        named.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn include(&self, actor: &str) -> bool {
        self.0.iter().any(|named| match named {
            Named::One(name) => name == actor,
            Named::Begin(begin) => actor.len() > begin.len() && actor.starts_with(begin),
        })
    }
}

impl Named {
    fn parse(name: &str) -> Option<Self> {
        let (text, named): (_, fn(String) -> Self) = name
            .strip_suffix('*')
            .map_or((name, Self::One as _), |begin| (begin, Self::Begin as _));
        phiseal_keys::Reader::new(text, "any").ok()?;
        Some(named(text.to_owned()))
    }
}
