//! OUT and PERM: a service that does not answer, and a key that was withdrawn.

use crate::fake::Reply;
use crate::{Account, KEY_TIME, SECOND, kind, open, seal};
use phiseal::ErrorKind;
use phiseal_keys::RecordKind;
use phiseal_tests::world::{DOMAIN, what};

#[test]
fn opening_goes_on_until_the_key_s_time_and_no_new_key_is_made() {
    let account = Account::new();
    let domain = account.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    let stored = account.store.row(RecordKind::Keyset, DOMAIN.as_bytes());
    let before = account.fake.count();
    account.fake.lie(|_| Some(Reply::new(503, "")));
    for minute in 0..60 {
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "minute {minute}");
        account.clock.advance(SECOND * 60);
    }
    for minute in 60..90 {
        let told = Some(ErrorKind::Unavailable);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (told, told), "minute {minute}");
        account.clock.advance(SECOND * 60);
    }
    let [decrypted, generated] = account.asked(before, ["Decrypt", "GenerateDataKey"]);
    assert!(decrypted > 0 && generated == 0, "{decrypted} questions, {generated} new keys");
    assert!(account.store.row(RecordKind::Keyset, DOMAIN.as_bytes()) == stored);
    assert_eq!(kind(account.open(|_| ())), Some(ErrorKind::Unavailable), "a new process");

    account.fake.tell_the_truth();
    account.clock.advance(SECOND);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "it is back");
}

#[test]
fn a_withdrawn_key_ends_every_key_at_the_next_refresh() {
    let withdrawals = [
        ("DisabledException", ErrorKind::State),
        ("KMSInvalidStateException", ErrorKind::State),
        ("AccessDeniedException", ErrorKind::Denied),
        ("ExpiredTokenException", ErrorKind::Denied),
        ("NotFoundException", ErrorKind::NotFound),
    ];
    for (code, told) in withdrawals {
        let account = Account::new();
        // A generous window, into which nothing of this may fall.
        let process = account.open(|options| options.outage_window = KEY_TIME).unwrap();
        let domain = process.domain(DOMAIN).unwrap();
        let cipher = domain.ready().unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        account.clock.advance(KEY_TIME * 3 / 4 - SECOND);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "the control");

        account.fake.lie(move |_| Some(Reply::error(code)));
        account.clock.advance(KEY_TIME / 8 + SECOND);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (Some(told), Some(told)), "{code}");
        assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale), "{code}");
        let handed_out = cipher.open::<String>(&sealed, &what());
        assert_eq!(kind(handed_out), Some(ErrorKind::Stale), "{code}: handed out earlier");
        assert_eq!(kind(account.open(|_| ())), Some(told), "{code}: a new process");

        account.fake.tell_the_truth();
        account.clock.advance(SECOND * 60);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "{code}: given back");
    }
}
