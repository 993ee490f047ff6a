/// A number below `limit`, each as likely as the others, out of numbers of 64 bits: one that would favour some is not taken, and the
/// next is asked for.
pub(crate) fn below<E>(limit: u64, mut next: impl FnMut() -> Result<u64, E>) -> Result<u64, E> {
    // The largest multiple of the limit that 64 bits hold.
    let end = u64::MAX - u64::MAX % limit;
    loop {
        let number = next()?;
        if number < end {
            return Ok(number % limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn what_would_favour_some_is_not_taken() {
        let mut numbers = [u64::MAX, u64::MAX - 5, 13].into_iter();
        let taken = below(10, || numbers.next().ok_or(()));
        assert_eq!((taken, numbers.next()), (Ok(3), None));
        assert_eq!(below(10, || Ok::<_, ()>(u64::MAX - 6)), Ok((u64::MAX - 6) % 10));
        assert_eq!(below(10, || Err::<u64, _>(())), Err(()));
    }
}
