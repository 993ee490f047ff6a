//! The hash tree of RFC 6962, section 2.1 (RFC 9162, section 2.1), over SHA-256.
//!
//! A leaf is `SHA-256(0x00 || data)`, a node `SHA-256(0x01 || left || right)`, the empty tree `SHA-256("")`. One root stands
//! for every leaf and their order; a proof of a few hashes shows that a leaf is in it, or that an older tree is its start.

mod consistency;
mod inclusion;

pub use self::consistency::{consistency_proof, verify_consistency};
pub use self::inclusion::{inclusion_proof, verify_inclusion};

use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;

/// A leaf's, node's or root's hash.
pub type Hash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(engine: &dyn Engine, data: &[u8]) -> Hash {
    engine.sha_256(&[&[0], data])
}

/// The hash of a node over its two children.
#[must_use]
pub fn node_hash(engine: &dyn Engine, left: &Hash, right: &Hash) -> Hash {
    engine.sha_256(&[&[1], left, right])
}

/// A tree that grows at its right edge and remembers nothing else: at most 64 hashes, whatever its size.
///
/// ```
/// use phiseal_audit::tree::{Tree, leaf_hash, node_hash};
/// use phiseal_primitives::default_engine;
///
/// let engine = default_engine();
/// let (one, two) = (leaf_hash(engine, b"one"), leaf_hash(engine, b"two"));
/// let mut tree = Tree::new(engine);
/// tree.push(one);
/// assert_eq!(tree.root(), one);
/// tree.push(two);
/// assert_eq!(tree.root(), node_hash(engine, &one, &two));
/// ```
#[derive(Clone, Debug)]
pub struct Tree {
    engine: &'static dyn Engine,
    size: u64,
    /// The roots of the perfect subtrees that the leaves fall into, the largest first: one for each bit of `size`.
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    #[must_use]
    pub fn new(engine: &'static dyn Engine) -> Self {
        Self { engine, size: 0, edge: Vec::new() }
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        // One subtree after the other becomes the left half of one twice its size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                right = node_hash(self.engine, &left, &right);
            }
        }
        self.edge.push(right);
        self.size = self.size.saturating_add(1);
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut edge = self.edge.iter().rev();
        let Some(first) = edge.next() else { return self.engine.sha_256(&[]) };
        edge.fold(*first, |right, left| node_hash(self.engine, left, &right))
    }
}

/// The root over `leaves`, by the recursive definition of RFC 6962, 2.1.
fn root_of(engine: &dyn Engine, leaves: &[Hash]) -> Hash {
    match leaves {
        [] => engine.sha_256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(engine, &root_of(engine, left), &root_of(engine, right))
        }
    }
}

/// The largest power of two under `length`, which is at least 2.
fn split(length: usize) -> usize {
    length.next_power_of_two() / 2
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "a proof of the hash tree does not hold")
}

#[cfg(test)]
mod tests;
