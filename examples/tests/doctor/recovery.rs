//! A recovery key that the keys are escrowed to.

use super::World;
use phiseal::backends::recovery::{RecoveryKek, RecoveryKey};
use phiseal::blocking::Phiseal;
use phiseal::{Builder, default_engine};

#[test]
fn a_recovery_key_is_escrowed_to() {
    let world = World::new();
    let public = RecoveryKey::generate(default_engine()).unwrap().public().to_string();
    // It is no secret: it may lie with the keys.
    let file = world.path("keys/recovery.pub");
    std::fs::write(&file, &public).unwrap();
    let escrow = format!("recovery:{}", file.display());
    let found = || world.findings(&["--escrow", &escrow]);
    assert_eq!(found(), ["WrapsMissing", "WrapsMissing"]);
    let half = RecoveryKek::parse(&public, default_engine()).unwrap();
    let builder = Builder::new().also_escrow_to(half);
    let phi = Phiseal::open_with(builder, world.store(), world.kek("kek.json")).unwrap();
    phi.domain("clinic/patients").unwrap().rewrap().unwrap();
    pollster::block_on(phi.key_store().rewrap_store_key()).unwrap();
    assert_eq!(found(), Vec::<String>::new());
}
