//! An engine that begins to encrypt wrongly: no key that is there is given up for a wrap that does not open.

use phiseal::ErrorKind;
use phiseal_keys::RecordKind;
use phiseal_primitives::{Aes256Gcm, Error};
use phiseal_tests::forwarding::{Forwarding, Otherwise};
use phiseal_tests::world::{DOMAIN, World, what};
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes wrong tags while it is told so.
#[derive(Clone, Copy, Debug)]
struct Damaging;

static ENGINE: Forwarding<Damaging> = Forwarding(Damaging);
static DAMAGES: AtomicBool = AtomicBool::new(false);

impl Otherwise for Damaging {
    const NAME: &'static str = "damaging";

    fn seal_in_place(
        self,
        key: &dyn Aes256Gcm,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        let mut tag = key.seal_in_place(nonce, aad, in_out)?;
        tag[0] ^= u8::from(DAMAGES.load(Ordering::SeqCst));
        Ok(tag)
    }
}

#[test]
fn a_person_s_new_wrap_that_does_not_open_is_refused_and_the_old_one_is_kept() {
    let world = World::new(&ENGINE);
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    domain.rotate().unwrap();
    let before = world.store.only(RecordKind::Subject);

    DAMAGES.store(true, Ordering::SeqCst);
    let refused = domain.rewrap_subjects().unwrap_err();
    DAMAGES.store(false, Ordering::SeqCst);
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    assert!(world.store.only(RecordKind::Subject) == before, "something was stored");

    assert_eq!(domain.rewrap_subjects().unwrap().rewrapped, 1, "the control");
    assert!(world.store.only(RecordKind::Subject) != before, "the control");
    let fresh = world.process().domain(DOMAIN).unwrap().subject("ada").unwrap();
    assert!(fresh.open::<String>(&sealed, &what()).is_ok(), "the control");
}
