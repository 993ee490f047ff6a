//! Contexts of fields.

use phiseal_format::{Context, DomainId, EncodedContext, tag};

/// Parses an encoded context, prints its components by hand, and builds it anew as an application would.
pub fn context(data: &[u8]) -> bool {
    let Ok(parsed) = EncodedContext::parse(data) else { return false };
    assert_eq!(parsed.as_bytes(), data);

    let mut printed = vec![1];
    for component in parsed.components() {
        printed.push(component.tag());
        printed.extend(u32::try_from(component.value().len()).unwrap().to_be_bytes());
        printed.extend(component.value());
        assert_eq!(parsed.value(component.tag()), Some(component.value()));
    }
    assert_eq!(printed, data);

    let domain = DomainId::try_from(parsed.value(tag::DOMAIN).unwrap()).unwrap();
    if let Some(built) = built(&parsed) {
        assert_eq!(built.encode(&domain).unwrap(), parsed);
    }
    true
}

/// The same context as an application builds it, last component first; the order must not matter.
///
/// An application cannot begin with a row version or a length class, so there is none of these alone.
fn built(parsed: &EncodedContext) -> Option<Context> {
    let named = |tag: u8| !matches!(tag, tag::DOMAIN | tag::ROW_VERSION | tag::PADDING);
    let mut others: Vec<(u8, &[u8])> =
        parsed.components().map(|one| (one.tag(), one.value())).collect();
    let (first, value) = others.remove(others.iter().rposition(|(tag, _)| named(*tag))?);
    others.retain(|(tag, _)| *tag != tag::DOMAIN);
    Some(
        others
            .into_iter()
            .rev()
            .fold(begin(first, value), |context, (tag, value)| extend(context, tag, value)),
    )
}

/// A context that begins with this component.
pub(crate) fn begin(tag: u8, value: &[u8]) -> Context {
    match tag {
        tag::TENANT => Context::of_tenant(value),
        tag::RECORD => Context::of_record(value),
        tag::FIELD => Context::of_field(value),
        tag::USE => Context::of_usage(value),
        _ => Context::of_application(tag, value),
    }
}

/// A context with one more component; a row version has 8 bytes, a length class 4.
pub(crate) fn extend(context: Context, tag: u8, value: &[u8]) -> Context {
    match tag {
        tag::TENANT => context.tenant(value),
        tag::RECORD => context.record(value),
        tag::FIELD => context.field(value),
        tag::USE => context.usage(value),
        tag::ROW_VERSION => context.row_version(u64::from_be_bytes(value.try_into().unwrap())),
        tag::PADDING => context.padded_to(u32::from_be_bytes(value.try_into().unwrap())),
        _ => context.application(tag, value),
    }
}
