//! What happens to tokens while they are in use, done to real ones: sessions closed, logged out, finalised, deleted.

use crate::alone;
use crate::support::{Soft, context, kind, new_kek};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use phiseal_backends::pkcs11::{Pkcs11Kek, Pkcs11Token};
use phiseal_keys::{ErrorKind, GeneratedKey, KekAdminBackend, KekBackend};
use pollster::block_on;
use std::fs;
use std::path::Path;
use std::time::Duration;

const BOTH: [Soft; 2] = [Soft::Hsm, Soft::Kryoptic];

/// A token with few threads, a KEK on it, and a wrap; nothing when there is no token.
fn world(soft: Soft) -> Option<(Pkcs11Token, Pkcs11Kek, GeneratedKey)> {
    let token = soft.builder().ok()?.workers(2).open(crate::support::engine()).unwrap();
    let kek = new_kek(&token);
    let made = block_on(kek.generate_key(&context(1))).unwrap();
    Some((token, kek, made))
}

fn works(kek: &Pkcs11Kek, made: &GeneratedKey) {
    for _ in 0..8 {
        let opened = block_on(kek.unwrap_key(&made.wrapped, &context(1))).unwrap();
        assert_eq!(opened.key.expose_secret(), made.key.expose_secret());
        block_on(kek.generate_key(&context(2))).unwrap();
        block_on(kek.describe()).unwrap();
    }
}

/// The same module once more, as another part of the program would use it.
fn elsewhere(soft: Soft) -> Pkcs11 {
    Pkcs11::new(soft.module().unwrap()).unwrap()
}

/// Calls a function of the module that the binding does not offer.
#[expect(unsafe_code, reason = "the binding offers no such call")]
fn close_all_sessions(soft: Soft) {
    let slot = elsewhere(soft).get_slots_with_initialized_token().unwrap()[0];
    // SAFETY: loading a module that is loaded already, and calling two of its functions as the standard says.
    unsafe {
        let module = cryptoki_sys::Pkcs11::new(soft.module().unwrap()).unwrap();
        let mut list = std::ptr::null_mut();
        assert_eq!(module.C_GetFunctionList(&raw mut list), 0);
        assert_eq!((*list).C_CloseAllSessions.unwrap()(slot.id()), 0);
    }
}

#[test]
fn sessions_that_were_closed_are_opened_again() {
    let _alone = alone();
    for soft in BOTH {
        let Some((_token, kek, made)) = world(soft) else { return };
        close_all_sessions(soft);
        works(&kek, &made);
    }
}

#[test]
fn a_user_who_was_logged_out_is_logged_in_again() {
    let _alone = alone();
    for soft in BOTH {
        let Some((_token, kek, made)) = world(soft) else { return };
        let module = elsewhere(soft);
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        module.open_ro_session(slot).unwrap().logout().unwrap();
        works(&kek, &made);
    }
}

#[test]
fn a_module_that_was_finalised_is_initialised_again() {
    let _alone = alone();
    for soft in BOTH {
        let Some((_token, kek, made)) = world(soft) else { return };
        elsewhere(soft).finalize().unwrap();
        works(&kek, &made);
    }
}

#[test]
fn a_module_that_somebody_else_had_initialised_is_left_to_him() {
    let _alone = alone();
    for soft in BOTH {
        let Ok(path) = soft.module() else { return };
        let theirs = Pkcs11::new(path).unwrap();
        theirs.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let (token, kek, made) = world(soft).unwrap();
        works(&kek, &made);
        drop((token, kek));
        assert!(theirs.get_slots_with_token().is_ok(), "{soft:?}: not finalised");
    }
}

#[test]
fn the_last_handle_finalises_the_module_and_the_next_one_begins_anew() {
    let _alone = alone();
    for soft in BOTH {
        let Some((token, kek, made)) = world(soft) else { return };
        let second = soft.open().unwrap();
        drop((token, kek));
        assert!(elsewhere(soft).get_slots_with_token().is_ok(), "{soft:?}: one handle is left");
        drop(second);
        assert!(elsewhere(soft).get_slots_with_token().is_err(), "{soft:?}: finalised");
        // A thread that has done its work takes a moment to be gone.
        while threads().iter().any(|name| name.starts_with("phiseal-hsm")) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (_token, kek, other) = world(soft).unwrap();
        works(&kek, &other);
        drop(made);
    }
}

/// The names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect()
}

#[test]
fn a_key_that_was_destroyed_elsewhere_is_not_found_and_others_open() {
    let _alone = alone();
    for soft in BOTH {
        let Some((token, kek, made)) = world(soft) else { return };
        let kept = new_kek(&token);
        let other = block_on(kept.generate_key(&context(1))).unwrap();
        let module = elsewhere(soft);
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        let session = module.open_rw_session(slot).unwrap();
        let id = kek_name(&kek);
        for object in session.find_objects(&[Attribute::Token(true)]).unwrap() {
            let wanted = [cryptoki::object::AttributeType::Id];
            let found = session.get_attributes(object, &wanted).unwrap();
            if matches!(&found[..], [Attribute::Id(found)] if found.starts_with(&id)) {
                session.destroy_object(object).unwrap();
            }
        }
        let gone = block_on(kek.unwrap_key(&made.wrapped, &context(1)));
        assert_eq!(kind(&gone), Some(ErrorKind::NotFound), "{soft:?}: {gone:?}");
        assert_eq!(kind(&block_on(kek.generate_key(&context(1)))), Some(ErrorKind::NotFound));
        works(&kept, &other);
    }
}

/// The first 16 bytes of the ids of a KEK's objects.
fn kek_name(kek: &Pkcs11Kek) -> Vec<u8> {
    let info = block_on(kek.describe()).unwrap();
    let hex = info.id.as_str().strip_prefix("pkcs11:").unwrap().to_owned();
    (0..16).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[test]
fn a_version_that_another_process_made_or_deactivated_is_noticed() {
    let _alone = alone();
    for soft in BOTH {
        let Some((_token, kek, made)) = world(soft) else { return };
        // Another handle has threads and sessions of its own, as another process would.
        let admin = soft.open().unwrap();
        let admin = admin.kek(&label_of(soft, &kek)).unwrap();
        let second = block_on(admin.create_version()).unwrap();
        block_on(admin.set_state(made.wrapped.kek_version(), phiseal_keys::KeyState::Deactivated))
            .unwrap();
        for _ in 0..4 {
            let next = block_on(kek.generate_key(&context(1))).unwrap();
            assert_eq!(next.wrapped.kek_version(), second, "{soft:?}");
        }
        works(&kek, &made);
        let third = block_on(admin.create_version()).unwrap();
        let newest = block_on(admin.generate_key(&context(1))).unwrap();
        assert_eq!(newest.wrapped.kek_version(), third);
        works(&kek, &newest);
    }
}

/// The label is in no public answer of a KEK; the token tells it.
fn label_of(soft: Soft, kek: &Pkcs11Kek) -> String {
    let module = elsewhere(soft);
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_ro_session(slot).unwrap();
    let mut wanted = kek_name(kek);
    wanted.extend(1_u32.to_be_bytes());
    let found = session.find_objects(&[Attribute::Id(wanted)]).unwrap();
    let label =
        session.get_attributes(found[0], &[cryptoki::object::AttributeType::Label]).unwrap();
    let Attribute::Label(label) = &label[0] else { panic!("no label") };
    String::from_utf8(label.clone()).unwrap()
}

#[test]
fn a_token_whose_folder_is_gone_is_an_error_and_comes_back_with_it() {
    let _alone = alone();
    let Some((token, kek, made)) = world(Soft::Hsm) else { return };
    let tokens = Soft::Hsm.token_folder().join("tokens");
    let away = Soft::Hsm.token_folder().join("away");
    fs::rename(&tokens, &away).unwrap();
    // SoftHSM may go on with what it has in memory; what it then answers has a kind all the same.
    for _ in 0..4 {
        let answers = [
            kind(&block_on(kek.describe())),
            kind(&block_on(kek.generate_key(&context(1)))),
            kind(&block_on(kek.unwrap_key(&made.wrapped, &context(1)))),
            kind(&token.kek("another")),
        ];
        let expected = [ErrorKind::Unavailable, ErrorKind::NotFound, ErrorKind::Denied];
        assert!(answers.iter().flatten().all(|kind| expected.contains(kind)), "{answers:?}");
        assert!(answers.iter().flatten().count() > 0, "the folder is gone: {answers:?}");
    }
    fs::rename(&away, &tokens).unwrap();
    elsewhere(Soft::Hsm).finalize().unwrap();
    works(&kek, &made);
}

#[test]
fn a_user_who_logs_in_elsewhere_is_no_hindrance() {
    let _alone = alone();
    for soft in BOTH {
        let Ok(path) = soft.module() else { return };
        let first = soft.open().unwrap();
        let theirs = Pkcs11::new(Path::new(&path)).unwrap();
        let slot = theirs.get_slots_with_initialized_token().unwrap()[0];
        let session = theirs.open_ro_session(slot).unwrap();
        let again = session.login(UserType::User, Some(&"whatever".into()));
        assert!(again.is_err(), "{soft:?}: logged in already, or not the PIN");
        let (_token, kek, made) = world(soft).unwrap();
        works(&kek, &made);
        drop(first);
    }
}
