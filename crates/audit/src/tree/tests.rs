//! The reference vectors of Certificate Transparency's trees, and properties against the recursive definition.

use super::*;
use phiseal_primitives::default_engine;
use proptest::prelude::*;

/// The eight inputs that implementations of RFC 6962 are tested with, and the roots of the trees over the first 0 to 8.
const INPUTS: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Proofs over those inputs: index (from 0) and size, or older and newer size; then the hashes.
const INCLUSION: [(usize, usize, &[&str]); 2] = [
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];
const CONSISTENCY: [(usize, usize, &[&str]); 2] = [
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn hash(text: &str) -> Hash {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn reference() -> Vec<Hash> {
    INPUTS.iter().map(|text| leaf_hash(default_engine(), &hex::decode(text).unwrap())).collect()
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(default_engine(), &number.to_be_bytes())).collect()
}

fn inclusion(index: usize, leaves: &[Hash], leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    let size = u64::try_from(leaves.len()).unwrap();
    verify_inclusion(default_engine(), leaf, u64::try_from(index).unwrap(), size, proof, root)
        .is_ok()
}

fn consistency(old: usize, new: usize, proof: &[Hash], old_root: &Hash, root: &Hash) -> bool {
    let (old, new) = (u64::try_from(old).unwrap(), u64::try_from(new).unwrap());
    verify_consistency(default_engine(), old, new, proof, old_root, root).is_ok()
}

/// Every proof that is one step away from `proof`: a bit more or less, a hash more or less, two swapped.
fn neighbours(proof: &[Hash], strangers: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for at in 0..proof.len() {
        for bit in [0, 100, 255] {
            let mut changed = proof.to_vec();
            changed[at][bit / 8] ^= 1 << (bit % 8);
            all.push(changed);
        }
        let mut shorter = proof.to_vec();
        shorter.remove(at);
        all.push(shorter);
        if at > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(at - 1, at);
            all.push(swapped);
        }
    }
    for stranger in strangers {
        for at in 0..=proof.len() {
            let mut longer = proof.to_vec();
            longer.insert(at, *stranger);
            all.push(longer);
        }
    }
    all
}

#[test]
fn the_reference_roots() {
    let mut tree = Tree::new(default_engine());
    assert_eq!(tree.root(), hash(ROOTS[0]));
    for (leaf, root) in reference().into_iter().zip(&ROOTS[1..]) {
        tree.push(leaf);
        assert_eq!(tree.root(), hash(root));
    }
    assert_eq!(tree.size(), 8);
}

#[test]
fn the_reference_proofs() {
    let (engine, leaves) = (default_engine(), reference());
    for (index, size, proof) in INCLUSION {
        let proof: Vec<_> = proof.iter().map(|text| hash(text)).collect();
        assert_eq!(inclusion_proof(engine, &leaves[..size], index).unwrap(), proof);
    }
    for (old, new, proof) in CONSISTENCY {
        let proof: Vec<_> = proof.iter().map(|text| hash(text)).collect();
        assert_eq!(consistency_proof(engine, &leaves[..new], old).unwrap(), proof);
    }
}

#[test]
fn every_inclusion_up_to_33_leaves_and_nothing_beside_it() {
    let (engine, all) = (default_engine(), leaves(33));
    let mut refused = 0;
    for size in 1..=all.len() {
        let leaves = &all[..size];
        let root = root_of(engine, leaves);
        for index in 0..size {
            let proof = inclusion_proof(engine, leaves, index).unwrap();
            let leaf = &leaves[index];
            assert!(inclusion(index, leaves, leaf, &proof, &root), "{index} of {size}");
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(!inclusion(other, leaves, leaf, &proof, &root));
            }
            assert!(!inclusion(index, leaves, &[9; 32], &proof, &root));
            assert!(!inclusion(index, leaves, leaf, &proof, &[9; 32]));
            for wrong in neighbours(&proof, &[root, *leaf, [9; 32]]) {
                assert!(wrong == proof || !inclusion(index, leaves, leaf, &wrong, &root));
                refused += 1;
            }
        }
        assert_eq!(inclusion_proof(engine, leaves, size).unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(refused > 10_000, "the control: {refused}");
}

#[test]
fn every_consistency_up_to_33_leaves_and_nothing_beside_it() {
    let (engine, all) = (default_engine(), leaves(33));
    let mut refused = 0;
    for new in 1..=all.len() {
        let root = root_of(engine, &all[..new]);
        for old in 1..=new {
            let old_root = root_of(engine, &all[..old]);
            let proof = consistency_proof(engine, &all[..new], old).unwrap();
            assert!(consistency(old, new, &proof, &old_root, &root), "{old} to {new}");
            assert!(!consistency(old, new, &proof, &[9; 32], &root));
            assert!(!consistency(old, new, &proof, &old_root, &[9; 32]));
            assert!(old == new || !consistency(old, new, &proof, &root, &old_root));
            for wrong in neighbours(&proof, &[root, old_root, [9; 32]]) {
                assert!(wrong == proof || !consistency(old, new, &wrong, &old_root, &root));
                refused += 1;
            }
        }
        assert_eq!(
            consistency_proof(engine, &all[..new], 0).unwrap_err().kind(),
            ErrorKind::Invalid
        );
        let over = consistency_proof(engine, &all[..new], new + 1);
        assert_eq!(over.unwrap_err().kind(), ErrorKind::Invalid);
        assert!(!consistency(0, new, &[], &root_of(engine, &[]), &root));
    }
    assert!(refused > 10_000, "the control: {refused}");
}

#[test]
fn sizes_that_only_an_attacker_names_end_in_an_error() {
    let engine = default_engine();
    let hashes = [[7; 32]; 70];
    for size in [1, 2, 3, u64::MAX - 1, u64::MAX, 1 << 63] {
        for index in [0, 1, size / 2, size - 1, size] {
            for proof in [&hashes[..0], &hashes[..63], &hashes[..64], &hashes] {
                if size > 1 {
                    let read = verify_inclusion(engine, &[7; 32], index, size, proof, &[7; 32]);
                    assert!(read.is_err());
                    assert!(
                        verify_consistency(engine, index, size, proof, &[7; 32], &[8; 32]).is_err()
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_right_edge_agrees_with_the_definition(count in 0_usize..600) {
        let leaves = leaves(count);
        let mut tree = Tree::new(default_engine());
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        prop_assert_eq!(tree.root(), root_of(default_engine(), &leaves));
        prop_assert_eq!(tree.edge.len(), usize::try_from(tree.size().count_ones()).unwrap());
    }

    #[test]
    fn proofs_of_larger_trees_hold(size in 2_usize..400, a in 0.0..1.0_f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a fraction of a small number")]
        let index = (a * size as f64) as usize;
        let (engine, leaves) = (default_engine(), leaves(size));
        let root = root_of(engine, &leaves);
        let proof = inclusion_proof(engine, &leaves, index).unwrap();
        prop_assert!(inclusion(index, &leaves, &leaves[index], &proof, &root));
        let proof = consistency_proof(engine, &leaves, index + 1).unwrap();
        let old = root_of(engine, &leaves[..=index]);
        prop_assert!(consistency(index + 1, size, &proof, &old, &root));
    }
}
