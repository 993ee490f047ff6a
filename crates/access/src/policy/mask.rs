use phiseal_envelope::Mask;

/// The mask of this name: `all`, `name`, `email`, `phone`, `ssn`, `first-2`, `last-4`.
pub(super) fn parse(name: &str) -> Option<Mask> {
    let characters = |number: &str| number.parse::<u8>().ok().map(usize::from);
    Some(match name {
        "all" => Mask::all(),
        "name" => Mask::name(),
        "email" => Mask::email(),
        "phone" => Mask::phone(),
        "ssn" => Mask::ssn(),
        _ => match name.split_once('-')? {
            ("first", number) => Mask::keep_first(characters(number)?),
            ("last", number) => Mask::keep_last(characters(number)?),
            _ => return None,
        },
    })
}
