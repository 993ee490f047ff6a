//! PERM: a key that was withdrawn on its token, or a user who was. It ends every key at the next refresh.

use crate::support::{Soft, engine};
use crate::{BOTH, KEY_TIME, LEASE, SECOND, Setting, elsewhere, kind, open, seal, session};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use phiseal::{ErrorKind, KekAdminBackend, KekVersion, KeyState};
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use std::fs;

const FIRST: KekVersion = KekVersion(1);

/// What is done to the key, and what a caller is told.
type Withdrawal = (&'static str, fn(&Setting), ErrorKind);

fn suspend(it: &Setting) {
    block_on(it.custodian().set_state(FIRST, KeyState::Suspended)).unwrap();
}

fn destroy(it: &Setting) {
    let custodian = it.custodian();
    block_on(custodian.create_version()).unwrap();
    block_on(custodian.set_state(FIRST, KeyState::Deactivated)).unwrap();
    block_on(custodian.destroy(FIRST)).unwrap();
}

fn destroy_with_another_tool(it: &Setting) {
    let session = session(it.soft);
    let label = Attribute::Label(it.label.clone().into_bytes());
    let found = session.find_objects(&[label]).unwrap();
    assert_eq!(found.len(), 1);
    found.into_iter().for_each(|key| session.destroy_object(key).unwrap());
}

const WITHDRAWALS: [Withdrawal; 3] = [
    ("suspended", suspend, ErrorKind::State),
    ("destroyed", destroy, ErrorKind::NotFound),
    ("destroyed with another tool", destroy_with_another_tool, ErrorKind::NotFound),
];

fn ends_at_the_next_refresh(setting: &Setting, how: &str, withdraw: impl Fn(), told: ErrorKind) {
    let soft = setting.soft;
    // A generous window, into which nothing of this may fall.
    let builder = setting.builder().options(|options| options.outage_window = KEY_TIME);
    let domain = setting.open(builder).unwrap().domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    withdraw();
    assert_eq!(open(&domain, &sealed), None, "{soft:?}, {how}: the control: it is at hand");
    setting.clock.advance(KEY_TIME * 7 / 8);
    assert_eq!(open(&domain, &sealed), Some(told), "{soft:?}, {how}");
    assert_eq!(seal(&domain), Some(told), "{soft:?}, {how}");
    let handed_out = kind(cipher.open::<String>(&sealed, &what()));
    assert_eq!(handed_out, Some(ErrorKind::Stale), "{soft:?}, {how}: handed out earlier");
    setting.clock.advance(LEASE);
    assert_eq!(open(&domain, &sealed), Some(told), "{soft:?}, {how}: later");
    let again = kind(setting.open(setting.builder()));
    assert_eq!(again, Some(told), "{soft:?}, {how}: a new process");
}

#[test]
fn a_withdrawn_key_ends_at_the_next_refresh() {
    for soft in BOTH {
        for (how, withdraw, told) in WITHDRAWALS {
            let Some(setting) = Setting::new(soft) else { return };
            ends_at_the_next_refresh(&setting, how, || withdraw(&setting), told);
        }
    }
}

#[test]
fn a_key_that_is_given_back_opens_again() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let domain = setting.process().domain(DOMAIN).unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        suspend(&setting);
        setting.clock.advance(KEY_TIME);
        assert_eq!(open(&domain, &sealed), Some(ErrorKind::State), "{soft:?}");
        block_on(setting.custodian().set_state(FIRST, KeyState::Active)).unwrap();
        setting.clock.advance(SECOND * 60);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "{soft:?}");
    }
}

/// The control: a version that is deactivated opens what it wrapped, and new keys need a new version.
#[test]
fn a_deactivated_key_goes_on_opening() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let process = setting.process();
        let domain = process.domain(DOMAIN).unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        let custodian = setting.custodian();
        block_on(custodian.set_state(FIRST, KeyState::Deactivated)).unwrap();
        for _ in 0..4 {
            setting.clock.advance(KEY_TIME * 7 / 8);
            assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "{soft:?}");
        }
        assert_eq!(open(&setting.process().domain(DOMAIN).unwrap(), &sealed), None, "{soft:?}");
        assert_eq!(kind(process.domain("clinic/new")), Some(ErrorKind::State), "{soft:?}");
        block_on(custodian.create_version()).unwrap();
        assert!(setting.process().domain("clinic/new").is_ok(), "{soft:?}: a new version");
    }
}

/// Everybody in this process is logged out.
fn log_out(soft: Soft) {
    session(soft).logout().unwrap();
}

#[test]
fn a_pin_that_was_changed_ends_every_key_when_it_is_asked_for() {
    for soft in BOTH {
        let Some(setting) = Setting::alone(soft) else { return };
        let (before, after) = (
            AuthPin::from(std::env::var(soft.pin_variable()).unwrap()),
            AuthPin::from("another one"),
        );
        let change = || {
            session(soft).set_pin(&before, &after).unwrap();
            log_out(soft);
        };
        ends_at_the_next_refresh(&setting, "another PIN", change, ErrorKind::Denied);
        let session = session(soft);
        session.login(UserType::User, Some(&after)).unwrap();
        session.set_pin(&after, &before).unwrap();
        drop(session);
        // The handle was refused, and stays so, since tokens count; a new one is not.
        assert_eq!(kind(setting.token.kek(&setting.label)), Some(ErrorKind::Denied), "{soft:?}");
        drop(setting.soft.open().unwrap().kek(&setting.label).unwrap());
    }
}

/// On kryoptic, as SoftHSM locks no PIN.
#[test]
fn a_pin_that_was_locked_ends_every_key() {
    let soft = Soft::Kryoptic;
    let Some(setting) = Setting::alone(soft) else { return };
    let token = soft.token_folder().join("token.sql");
    let kept = fs::read(&token).unwrap();
    let lock = || {
        log_out(soft);
        let session = session(soft);
        let wrong = AuthPin::from("not the PIN");
        let tries = (0..15).map(|_| session.login(UserType::User, Some(&wrong)).unwrap_err());
        assert!(
            tries
                .map(|error| error.to_string())
                .any(|told| told.contains("PIN_LOCKED") || told.contains("locked"))
        );
    };
    ends_at_the_next_refresh(&setting, "locked", lock, ErrorKind::Denied);
    let Setting { token: handle, kek, turn, store, .. } = setting;
    drop((handle, kek, store));
    let _ = elsewhere(soft).finalize();
    fs::write(&token, kept).unwrap();
    assert!(soft.builder().unwrap().open(engine()).is_ok(), "the control: as it was before");
    drop(turn);
}

/// On SoftHSM, an attacker who can reach the token, but has no PIN, makes a key with the name of the KEK's next version, whose bytes
/// he knows; kryoptic does not let him.
#[test]
fn a_key_that_somebody_without_the_pin_has_put_there_is_not_used() {
    for soft in BOTH {
        let Some(setting) = Setting::alone(soft) else { return };
        let process = setting.process();
        let sealed = process.domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        let label = Attribute::Label(setting.label.clone().into_bytes());
        let of_ours = session(soft);
        let ours = of_ours.find_objects(std::slice::from_ref(&label)).unwrap();
        let mut id = match &of_ours.get_attributes(ours[0], &[AttributeType::Id]).unwrap()[..] {
            [Attribute::Id(id)] => id.clone(),
            other => panic!("{other:?}"),
        };
        *id.last_mut().unwrap() = 2;
        let planted_as = [label.clone(), Attribute::Id(id.clone())];
        drop(of_ours);
        log_out(soft);
        let planted = session(soft).create_object(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(cryptoki::object::KeyType::AES),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            label,
            Attribute::Id(id),
            Attribute::Value(vec![7; 32]),
        ]);
        match soft {
            Soft::Hsm => drop(planted.unwrap()),
            Soft::Kryoptic => {
                let told = planted.unwrap_err().to_string();
                assert!(told.contains("UserNotLoggedIn") || told.contains("logged in"), "{told}");
                continue;
            }
        }
        assert_eq!(open(&setting.process().domain(DOMAIN).unwrap(), &sealed), None, "{soft:?}");
        let domain = setting.process().domain("clinic/new").unwrap();
        let wraps = domain.keyset().unwrap().versions()[0].wraps().to_vec();
        assert_eq!(wraps[0].kek_version(), FIRST, "{soft:?}: wrapped by the attacker's key");
        // A handle may have ended with its session.
        let session = session(soft);
        for planted in session.find_objects(&planted_as).unwrap() {
            session.destroy_object(planted).unwrap();
        }
    }
}
