use super::{Hash, node_hash, refused, root_of, split};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;

/// The proof that the tree over the first `size` of `leaves` is the start of the tree over all of them (RFC 9162, 2.1.4.1).
///
/// # Errors
///
/// [`ErrorKind::Invalid`] when `size` is 0 or more than there are.
pub fn consistency_proof(
    engine: &dyn Engine,
    leaves: &[Hash],
    size: usize,
) -> Result<Vec<Hash>, Error> {
    if size == 0 || size > leaves.len() {
        return Err(Error::new(ErrorKind::Invalid, "there is no such older tree"));
    }
    let mut proof = Vec::new();
    // `whole`: whether the older tree's root is a node of this subtree, which the verifier then knows.
    let (mut rest, mut size, mut whole) = (leaves, size, true);
    while size < rest.len() {
        let (left, right) = rest.split_at(split(rest.len()));
        if size <= left.len() {
            proof.push(root_of(engine, right));
            rest = left;
        } else {
            proof.push(root_of(engine, left));
            (rest, size, whole) = (right, size.saturating_sub(left.len()), false);
        }
    }
    if !whole {
        proof.push(root_of(engine, rest));
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the tree of `old_size` leaves with root `old` is the start of that of `size` with `root` (RFC 9162, 2.1.4.2).
///
/// # Errors
///
/// [`ErrorKind::Unauthenticated`] when the proof does not show it, and when `old_size` is 0: of the empty tree there is
/// nothing to show.
pub fn verify_consistency(
    engine: &dyn Engine,
    old_size: u64,
    size: u64,
    proof: &[Hash],
    old: &Hash,
    root: &Hash,
) -> Result<(), Error> {
    if old_size == 0 || old_size > size {
        return Err(refused());
    }
    if old_size == size {
        return if proof.is_empty() && old == root { Ok(()) } else { Err(refused()) };
    }
    // A perfect older tree is a node of the newer one, so its root is not in the proof.
    let (first, rest) = match proof {
        [] => return Err(refused()),
        _ if old_size.is_power_of_two() => (old, proof),
        [first, rest @ ..] => (first, rest),
    };
    let (mut node, mut last) = (old_size.saturating_sub(1), size.saturating_sub(1));
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut older, mut newer) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return Err(refused());
        }
        if node & 1 == 1 || node == last {
            older = node_hash(engine, hash, &older);
            newer = node_hash(engine, hash, &newer);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            newer = node_hash(engine, &newer, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last == 0 && older == *old && newer == *root { Ok(()) } else { Err(refused()) }
}
