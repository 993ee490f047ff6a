//! The KEK in a file or variable: what is refused, as what, and what the error tells.

use crate::support::{connect, engine, generate, kind, opens};
use phiseal_backends::local::{Cost, LocalKek, Passphrase};
use phiseal_format::KekVersion;
use phiseal_keys::{Error, ErrorKind, KekAdminBackend, KekBackend, KeyState};
use pollster::block_on;
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

type Opener = fn(&Path) -> Result<LocalKek, Error>;

struct Files {
    _folder: tempfile::TempDir,
    plain: PathBuf,
    protected: PathBuf,
}

/// A key file without a passphrase and one with, each with two versions, the first deactivated.
fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let (plain, protected) =
        (folder.path().join("plain.json"), folder.path().join("protected.json"));
    let keks = [
        LocalKek::create(&plain, engine()).unwrap(),
        LocalKek::create_with_passphrase(&protected, &passphrase(), CHEAP, engine()).unwrap(),
    ];
    for kek in keks {
        block_on(kek.create_version()).unwrap();
        block_on(kek.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    }
    Files { _folder: folder, plain, protected }
}

fn passphrase() -> Passphrase {
    Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap()
}

fn open(path: &Path) -> Result<LocalKek, Error> {
    LocalKek::open(path, engine())
}

fn open_protected(path: &Path) -> Result<LocalKek, Error> {
    LocalKek::open_with_passphrase(path, &passphrase(), engine())
}

fn source(error: &Error) -> String {
    error.source().unwrap().to_string()
}

#[test]
fn a_file_that_others_can_reach_is_refused() {
    let files = files();
    for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o660, 0o666, 0o777] {
        fs::set_permissions(&files.plain, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&files.plain).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(
            source(&error),
            format!("{} has mode {mode:04o}: chmod 600 it", files.plain.display())
        );
    }
    for mode in [0o600, 0o400, 0o700] {
        fs::set_permissions(&files.plain, fs::Permissions::from_mode(mode)).unwrap();
        open(&files.plain).unwrap();
    }
}

/// A handle that has the file open stops as well.
#[test]
fn a_file_that_is_opened_to_others_later_is_refused() {
    let files = files();
    let kek = Arc::new(open(&files.plain).unwrap());
    let sealed = generate(&connect(&kek), 1);
    fs::set_permissions(&files.plain, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Denied));
    fs::set_permissions(&files.plain, fs::Permissions::from_mode(0o600)).unwrap();
    opens(&connect(&kek), &sealed).unwrap();
}

/// Only root can give a file away, so that only there this can be tested.
#[test]
fn a_file_or_link_of_another_user_is_refused() {
    let files = files();
    let link = files.plain.with_file_name("link.json");
    symlink(&files.plain, &link).unwrap();
    open(&link).unwrap();
    if chown(&files.protected, Some(12_345), None).is_err() {
        assert!(!run_by_root(), "root could not give a file away");
        return;
    }
    let error = open_protected(&files.protected).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(
        source(&error).ends_with("belongs to user 12345, and this is user 0: chown it"),
        "{}",
        source(&error)
    );
    std::os::unix::fs::lchown(&link, Some(12_345), None).unwrap();
    assert_eq!(kind(open(&link)), Some(ErrorKind::Denied));
    open(&files.plain).unwrap();
}

/// Whoever owns the lock can keep every custodian waiting.
#[test]
fn a_lock_of_another_user_is_refused() {
    let files = files();
    let kek = open(&files.plain).unwrap();
    block_on(kek.create_version()).unwrap();
    let lock = files.plain.with_file_name(".plain.json.lock");
    let own = fs::metadata(&lock).unwrap().uid();
    if chown(&lock, Some(12_345), None).is_err() {
        assert!(!run_by_root(), "root could not give a file away");
        return;
    }
    let before = fs::read(&files.plain).unwrap();
    let error = block_on(kek.create_version()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(source(&error).starts_with(&lock.display().to_string()), "{}", source(&error));
    assert_eq!(fs::read(&files.plain).unwrap(), before);
    chown(&lock, Some(own), None).unwrap();
    assert_eq!(block_on(kek.create_version()).unwrap(), KekVersion(4));
}

fn run_by_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let files = files();
    let folder = files.plain.parent().unwrap();
    assert_eq!(kind(open(folder)), Some(ErrorKind::Malformed));
    let pipe = folder.join("pipe.json");
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    assert_eq!(kind(open(&pipe)), Some(ErrorKind::Malformed));
    assert_eq!(kind(open(Path::new("/dev/null"))), Some(ErrorKind::Malformed));
    let dangling = folder.join("dangling.json");
    symlink(folder.join("nothing"), &dangling).unwrap();
    assert_eq!(kind(open(&dangling)), Some(ErrorKind::NotFound));
}

#[test]
fn a_file_over_one_mebibyte_is_refused() {
    let files = files();
    let text = fs::read_to_string(&files.plain).unwrap();
    let padding = (1 << 20) - text.len();
    fs::write(&files.plain, format!("{text}{}", " ".repeat(padding))).unwrap();
    open(&files.plain).unwrap();
    fs::write(&files.plain, format!("{text}{}", " ".repeat(padding + 1))).unwrap();
    assert_eq!(kind(open(&files.plain)), Some(ErrorKind::Malformed));
}

/// One change to the text of a key file each, and the error that it is met with, without and with a passphrase.
#[test]
fn a_changed_file_is_refused() {
    use ErrorKind::{Malformed, Unauthenticated, Unsupported};
    let cases: [(&str, &str, &str, ErrorKind); 16] = [
        ("another format", "phiseal local kek", "phiseal local kej", Malformed),
        ("a newer version", "\"version\": 1,\n  \"id\"", "\"version\": 2,\n  \"id\"", Unsupported),
        ("version 0", "\"version\": 1,\n  \"id\"", "\"version\": 0,\n  \"id\"", Malformed),
        ("a field that is not known", "\"mac\"", "\"comment\": \"\",\n  \"mac\"", Malformed),
        ("a field twice", "\"mac\"", "\"format\": \"phiseal local kek\",\n  \"mac\"", Malformed),
        ("the first version active again", "\"deactivated\"", "\"active\"", Unauthenticated),
        ("the first version compromised", "\"deactivated\"", "\"compromised\"", Unauthenticated),
        (
            "the first version destroyed, but with its key",
            "\"deactivated\"",
            "\"destroyed\"",
            Malformed,
        ),
        ("a state that is not known", "\"deactivated\"", "\"retired\"", Malformed),
        ("a state in another spelling", "\"deactivated\"", "\"Deactivated\"", Malformed),
        (
            "another number of a version",
            "\"version\": 2,\n      \"state\"",
            "\"version\": 3,\n      \"state\"",
            Unauthenticated,
        ),
        (
            "two versions of one number",
            "\"version\": 2,\n      \"state\"",
            "\"version\": 1,\n      \"state\"",
            Malformed,
        ),
        (
            "a number that is a text",
            "\"version\": 2,\n      \"state\"",
            "\"version\": \"2\",\n      \"state\"",
            Malformed,
        ),
        ("another revision", "\"revision\": 3", "\"revision\": 4", Unauthenticated),
        ("no revision", "\"revision\": 3,\n  ", "", Malformed),
        ("an escape", "\"active\"", "\"\\u0061ctive\"", Malformed),
    ];
    let files = files();
    let openers: [Opener; 2] = [open, open_protected];
    for (path, open) in [&files.plain, &files.protected].into_iter().zip(openers) {
        let text = fs::read_to_string(path).unwrap();
        for (what, from, to, expected) in cases {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{what}");
            fs::write(path, changed).unwrap();
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), expected, "{what}: {error:?}");
            assert!(source(&error).starts_with(&path.display().to_string()), "{what}");
        }
        fs::write(path, &text).unwrap();
        open(path).unwrap();
    }
}

/// Every character of the file, one at a time: nothing but white space can change without notice.
#[test]
fn every_changed_character_is_noticed() {
    let files = files();
    let kek = open_protected(&files.protected).unwrap();
    let id = connect(&Arc::new(kek)).info().id.clone();
    let text = fs::read(&files.protected).unwrap();
    let (mut refused, mut same) = (0, 0);
    for position in 0..text.len() {
        let mut changed = text.clone();
        changed[position] = match text[position] {
            b'0'..=b'8' | b'a'..=b'e' => text[position] + 1,
            b'\n' => b' ',
            b' ' => b'\t',
            _ => b'0',
        };
        fs::write(&files.protected, &changed).unwrap();
        match open_protected(&files.protected) {
            Ok(kek) => {
                assert_eq!(connect(&Arc::new(kek)).info().id, id);
                same += 1;
            }
            Err(error) => {
                let kinds = [
                    ErrorKind::Malformed,
                    ErrorKind::Unauthenticated,
                    ErrorKind::Unsupported,
                    ErrorKind::Invalid,
                ];
                assert!(kinds.contains(&error.kind()), "{error:?}");
                refused += 1;
            }
        }
    }
    // Two spaces are inside the name of the format.
    let white = text.iter().filter(|byte| byte.is_ascii_whitespace()).count() - 2;
    assert_eq!((refused, same), (text.len() - white, white));
}

#[test]
fn errors_quote_no_key() {
    let files = files();
    let text = fs::read_to_string(&files.plain).unwrap();
    let key = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"key\": \"")?.strip_suffix('"'))
        .unwrap()
        .to_owned();
    let spoilt = [
        text.replacen(
            "\"version\": 1,\n      \"state\"",
            &format!("\"version\": \"{key}\",\n      \"state\""),
            1,
        ),
        text.replacen("\"state\": \"deactivated\"", &format!("\"state\": \"{key}\""), 1),
        text.replacen("\"key\"", &format!("\"{key}\""), 1),
        text.replacen(&key, &format!("{key}0"), 1),
        text.replacen(&format!("\"{key}\""), &format!("[\"{key}\"]"), 1),
        text[..text.find(&key).unwrap() + 60].to_owned(),
    ];
    for changed in spoilt {
        assert_ne!(changed, text);
        fs::write(&files.plain, changed).unwrap();
        let error = open(&files.plain).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        let told = format!("{error} {error:?} {}", source(&error));
        assert!(!told.contains(&key[..16]), "{told}");
    }
}

#[test]
fn a_passphrase_is_needed_and_has_to_be_the_right_one() {
    let files = files();
    assert_eq!(kind(open(&files.protected)), Some(ErrorKind::Denied));
    assert_eq!(kind(open_protected(&files.plain)), Some(ErrorKind::Invalid));
    let wrong = Passphrase::from_bytes(b"correct horse battery stapler".to_vec()).unwrap();
    let error = LocalKek::open_with_passphrase(&files.protected, &wrong, engine()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.to_string(), "the passphrase is wrong, or the key file was changed");
    let text = fs::read_to_string(&files.protected).unwrap();
    assert!(!text.contains("\"key\"") && text.matches("\"wrapped\"").count() == 2);
    open_protected(&files.protected).unwrap();

    let short = Passphrase::from_bytes(b"fourteen bytes".to_vec()).unwrap();
    let path = files.plain.with_file_name("short.json");
    assert_eq!(
        kind(LocalKek::create_with_passphrase(&path, &short, CHEAP, engine())),
        Some(ErrorKind::Invalid)
    );
    assert!(!path.exists());
    assert_eq!(kind(Passphrase::from_bytes(Vec::new())), Some(ErrorKind::Invalid));
    assert_eq!(kind(Passphrase::from_bytes(vec![b'p'; 4097])), Some(ErrorKind::Invalid));
}

/// A file that asks for four tebibytes: refused before any of them is taken.
#[test]
fn a_cost_out_of_bounds_is_refused() {
    let files = files();
    let text = fs::read_to_string(&files.protected).unwrap();
    for (from, to) in [
        ("\"memory_kib\": 64", "\"memory_kib\": 4294967295"),
        ("\"memory_kib\": 64", "\"memory_kib\": 1048577"),
        ("\"memory_kib\": 64", "\"memory_kib\": 0"),
        ("\"passes\": 1", "\"passes\": 4294967295"),
        ("\"lanes\": 1", "\"lanes\": 0"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        fs::write(&files.protected, changed).unwrap();
        assert_eq!(kind(open_protected(&files.protected)), Some(ErrorKind::Invalid), "{to}");
    }
}

#[test]
fn a_passphrase_comes_from_a_private_file() {
    let files = files();
    let path = files.plain.with_file_name("passphrase");
    for ending in ["", "\n", "\r\n"] {
        fs::write(&path, format!("correct horse battery staple{ending}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let passphrase = Passphrase::from_file(&path).unwrap();
        LocalKek::open_with_passphrase(&files.protected, &passphrase, engine()).unwrap();
    }
    fs::write(&path, "correct horse battery staple\n\n").unwrap();
    let passphrase = Passphrase::from_file(&path).unwrap();
    let result = LocalKek::open_with_passphrase(&files.protected, &passphrase, engine());
    assert_eq!(kind(result), Some(ErrorKind::Unauthenticated));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(kind(Passphrase::from_file(&path)), Some(ErrorKind::Denied));
}

/// This program once more, with only one test and other environment variables.
fn in_environment(test: &str, variables: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env("PHISEAL_TEST_CHILD", "1").envs(variables.iter().copied());
    let output = child.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

#[test]
fn a_key_comes_from_the_environment() {
    if std::env::var_os("PHISEAL_TEST_CHILD").is_some() {
        return keys_in_the_environment();
    }
    let bytes: Vec<u8> = (0..32).collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = phiseal_format::text::encode(&bytes).replace("phi1.", "");
    in_environment(
        "local_refusals::a_key_comes_from_the_environment",
        &[
            ("KEK_HEX", &hex),
            ("KEK_BASE64", &base64),
            ("KEK_UPPER", &hex.to_uppercase()),
            ("KEK_SHORT", &hex[..62]),
            ("KEK_PADDED", &format!("{base64}=")),
            ("KEK_SPACE", &format!("{base64} ")),
            ("KEK_EMPTY", ""),
            ("KEK_ZEROS", &"0".repeat(64)),
            ("KEK_SAME", &"ab".repeat(32)),
            ("PASSPHRASE", "correct horse battery staple"),
        ],
    );
}

/// In the second process.
fn keys_in_the_environment() {
    let from = |name| LocalKek::from_env(name, engine());
    let [hex, base64] = ["KEK_HEX", "KEK_BASE64"].map(|name| Arc::new(from(name).unwrap()));
    let sealed = generate(&connect(&hex), 1);
    opens(&connect(&base64), &sealed).unwrap();
    assert_eq!(connect(&hex).info().id.as_str(), "local:af1cd8aa0cc1889a51cdef2d5a1f3333");
    for name in ["KEK_UPPER", "KEK_SHORT", "KEK_PADDED", "KEK_SPACE", "KEK_EMPTY"] {
        assert_eq!(kind(from(name)), Some(ErrorKind::Malformed), "{name}");
    }
    for name in ["KEK_ZEROS", "KEK_SAME", "", "KEK=HEX", "KEK\0"] {
        assert_eq!(kind(from(name)), Some(ErrorKind::Invalid), "{name}");
    }
    assert_eq!(kind(from("KEK_ABSENT")), Some(ErrorKind::NotFound));
    assert_eq!(kind(block_on(hex.create_version())), Some(ErrorKind::Unsupported));
    assert_eq!(kind(block_on(hex.destroy(KekVersion(1)))), Some(ErrorKind::Unsupported));

    let files = files();
    let passphrase = Passphrase::from_env("PASSPHRASE").unwrap();
    LocalKek::open_with_passphrase(&files.protected, &passphrase, engine()).unwrap();
}
