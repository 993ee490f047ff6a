use super::{Hash, node_hash, refused, root_of, split};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;

/// The proof that leaf `index` (from 0) is in the tree over `leaves` (RFC 9162, 2.1.3.1), the lowest hash first.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] when there is no such leaf.
pub fn inclusion_proof(
    engine: &dyn Engine,
    leaves: &[Hash],
    index: usize,
) -> Result<Vec<Hash>, Error> {
    if index >= leaves.len() {
        return Err(Error::new(ErrorKind::Invalid, "the tree has no such leaf"));
    }
    let mut proof = Vec::new();
    let (mut rest, mut index) = (leaves, index);
    while rest.len() > 1 {
        let (left, right) = rest.split_at(split(rest.len()));
        let (into, beside) = if index < left.len() { (left, right) } else { (right, left) };
        index = if index < left.len() { index } else { index.saturating_sub(left.len()) };
        proof.push(root_of(engine, beside));
        rest = into;
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` is leaf `index` (from 0) of the tree of `size` leaves with this `root` (RFC 9162, 2.1.3.2).
///
/// # Errors
///
/// [`ErrorKind::Unauthenticated`] when the proof does not show it.
pub fn verify_inclusion(
    engine: &dyn Engine,
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    if index >= size {
        return Err(refused());
    }
    let (mut node, mut last, mut reached) = (index, size.saturating_sub(1), *leaf);
    for hash in proof {
        if last == 0 {
            return Err(refused());
        }
        if node & 1 == 1 || node == last {
            reached = node_hash(engine, hash, &reached);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            reached = node_hash(engine, &reached, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last == 0 && reached == *root { Ok(()) } else { Err(refused()) }
}
