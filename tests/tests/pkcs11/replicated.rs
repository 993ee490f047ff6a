//! A store whose keys are wrapped by an HSM and by a KEK in a file, either of which opens it.

use crate::outages::{give_back, take_away};
use crate::{BOTH, Setting, kind, open};
use phiseal::backends::local::LocalKek;
use phiseal::blocking::Phiseal;
use phiseal::{ErrorKind, KekBackend};
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;

const DURING: &str = "clinic/during";

#[test]
fn the_kek_in_a_file_opens_everything_while_the_token_is_gone_and_back() {
    for soft in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek.json");
        let engine = phiseal::default_engine();
        let local = || LocalKek::open_or_create(&path, engine).unwrap();
        let Some(setting) = Setting::alone(soft) else { return };
        let both = || setting.open(setting.builder().also_wrap_with(local()));
        let warm = both().unwrap();
        let domain = warm.domain(DOMAIN).unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();

        take_away(soft);
        // A process that goes on, one that is started with both, and one that is started with what is left.
        assert_eq!(open(&domain, &sealed), None, "{soft:?}: the control: it is at hand");
        setting.clock.advance(crate::KEY_TIME);
        assert_eq!(open(&domain, &sealed), None, "{soft:?}: a process that goes on");
        let started = both().unwrap();
        assert_eq!(open(&started.domain(DOMAIN).unwrap(), &sealed), None, "{soft:?}: both");
        let alone = Phiseal::open(setting.store.clone(), local()).unwrap();
        assert_eq!(open(&alone.domain(DOMAIN).unwrap(), &sealed), None, "{soft:?}: the file");
        let told = kind(setting.open(setting.builder()));
        assert_eq!(told, Some(ErrorKind::Unavailable), "{soft:?}: the control: the token alone");
        let new = kind(started.domain(DURING));
        assert_eq!(new, Some(ErrorKind::Unavailable), "{soft:?}: a new key needs both");
        let during = alone.domain(DURING).unwrap().seal("plain", &what()).unwrap();

        give_back(soft);
        // What was made meanwhile has no wrap of the token's yet.
        setting.clock.advance(crate::SECOND * 60);
        let back = both().unwrap();
        assert_eq!(open(&back.domain(DURING).unwrap(), &during), None, "{soft:?}");
        let of_the_token = setting.process();
        assert_eq!(kind(of_the_token.domain(DURING)), Some(ErrorKind::Foreign), "{soft:?}");
        assert_eq!(back.domain(DURING).unwrap().rewrap().unwrap().rewrapped, 1);
        for (name, sealed) in [(DOMAIN, &sealed), (DURING, &during)] {
            let domain = setting.process().domain(name).unwrap();
            assert_eq!(open(&domain, sealed), None, "{soft:?}: the token alone opens {name}");
        }

        // And the other way round: the file is gone.
        std::fs::remove_file(&path).unwrap();
        let other = LocalKek::open_or_create(&path, engine).unwrap();
        let id = block_on(other.describe()).unwrap().id;
        let process = setting.open(setting.builder().also_wrap_with(other)).unwrap();
        assert_eq!(open(&process.domain(DOMAIN).unwrap(), &sealed), None, "{soft:?}");
        assert_eq!(process.domain(DOMAIN).unwrap().rewrap().unwrap().rewrapped, 1);
        let keyset = process.domain(DOMAIN).unwrap().keyset().unwrap();
        assert!(keyset.versions()[0].wraps().iter().any(|wrap| *wrap.kek_id() == id), "{soft:?}");
    }
}
