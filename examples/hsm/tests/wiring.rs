//! The program on SoftHSM: as it should be, and with every mistake that it has a sentence for.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a helper of tests says what is left out, and fails the test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wire_an_hsm");
const PIN: &str = "1234";
const LABEL: &str = "wiring";

/// A variable that the tests were given, if they must not do without.
fn given(name: &str) -> Option<PathBuf> {
    if let Some(value) = std::env::var_os(name) {
        return Some(value.into());
    }
    assert!(
        std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1"),
        "{name} is not set: `cargo xtask servers` says what it is"
    );
    println!("left out: what needs {name}");
    None
}

/// A folder with a token of this test's own.
struct Soft {
    folder: tempfile::TempDir,
    module: PathBuf,
}

impl Soft {
    fn new() -> Option<Self> {
        let module = given("PHISEAL_SOFTHSM_MODULE")?;
        let soft = Self { folder: tempfile::tempdir().unwrap(), module };
        fs::create_dir(soft.folder.path().join("tokens")).unwrap();
        soft.configure("");
        soft.init(LABEL);
        Some(soft)
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    fn configure(&self, more: &str) {
        let tokens = self.folder.path().join("tokens");
        let conf =
            format!("directories.tokendir = {}\nlog.level = ERROR\n{more}\n", tokens.display());
        fs::write(self.conf(), conf).unwrap();
    }

    fn init(&self, label: &str) {
        self.done(
            Command::new("softhsm2-util")
                .args(["--init-token", "--free", "--label", label, "--so-pin", "12345678"])
                .args(["--pin", PIN]),
        );
    }

    /// Makes an AES key with another tool; one that needs no PIN unless `more` says otherwise.
    fn key(&self, label: &str, id: &str, more: &[&str]) {
        self.done(
            Command::new("pkcs11-tool")
                .arg("--module")
                .arg(&self.module)
                .args(["--token-label", LABEL, "--login", "--pin", PIN, "--keygen"])
                .args(["--key-type", "AES:32", "--label", label, "--id", id])
                .args(more),
        );
    }

    fn done(&self, command: &mut Command) {
        let output = command.env("SOFTHSM2_CONF", self.conf()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    }

    /// The program, with the module and these arguments.
    fn run(&self, arguments: &[&str]) -> Output {
        run(Command::new(PROGRAM)
            .arg("--module")
            .arg(&self.module)
            .args(arguments)
            .env("SOFTHSM2_CONF", self.conf())
            .env("WIRING_PIN", PIN)
            .env("WRONG_PIN", "987654321"))
    }

    /// With the right token and PIN, and these arguments beside.
    fn wired(&self, arguments: &[&str]) -> Output {
        self.run(&[&["--token", LABEL, "--pin-env", "WIRING_PIN"], arguments].concat())
    }
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn says(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// It ends with code 2, says this of what is wrong, and last of all what to change.
fn refuses(output: &Output, what: &str, remedy: &str) {
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains(what), "{what}: {complaint}");
    let last = complaint.lines().last().unwrap();
    assert!(last.starts_with("what to do: ") && last.contains(remedy), "{remedy}: {last}");
    assert!(!complaint.contains("987654321"), "{complaint}");
}

#[test]
fn without_arguments_it_makes_a_token_of_its_own() {
    if Soft::new().is_none() {
        return;
    }
    let said = says(&run(Command::new(PROGRAM).env_remove("SOFTHSM2_CONF")));
    for part in [
        "CKM_AES_GCM                  works  <- chosen",
        "value asked for: refused; sensitive: yes, always was: yes; extractable: no, never was: yes",
        "moved to another patient: refused",
        "KEK version 2 made in ",
        "the KEK's versions: 1 active, 2 active",
        "opens as before",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let folder = said.split("SoftHSM in ").nth(1).unwrap().split(',').next().unwrap();
    assert!(folder.contains("phiseal-hsm-") && !Path::new(folder).exists(), "{folder} is left");
}

#[test]
fn without_softhsm_it_names_the_package() {
    if Soft::new().is_none() {
        return;
    }
    let output = run(Command::new(PROGRAM).env("PATH", "/nowhere"));
    refuses(&output, "SoftHSM is not installed", "apt-get install softhsm2");
}

#[test]
fn a_kek_that_is_there_is_used_and_rotated_only_when_asked() {
    let Some(soft) = Soft::new() else { return };
    let first = says(&soft.wired(&["--kek", "phi"]));
    assert!(first.contains("\"phi\" made in ") && first.contains("KEK version 2 made"), "{first}");
    let second = says(&soft.wired(&["--kek", "phi"]));
    assert!(second.contains("\"phi\" was there") && second.contains("left out"), "{second}");
    let third = says(&soft.wired(&["--kek", "phi", "--rotate"]));
    assert!(third.contains("the KEK's versions: 1 active, 2 active, 3 active"), "{third}");
    // A key that another tool made has one version for ever.
    soft.key("theirs", "01", &["--private", "--sensitive", "--usage-decrypt"]);
    refuses(&soft.wired(&["--kek", "theirs"]), "both encrypt and wrap", "--kek");
}

#[test]
fn the_token_is_found_by_serial_and_the_pin_in_a_file() {
    let Some(soft) = Soft::new() else { return };
    let said = says(&soft.wired(&[]));
    let serial = said.split("serial ").nth(1).unwrap().split(',').next().unwrap();
    let pin = soft.folder.path().join("pin");
    fs::write(&pin, format!("{PIN}\n")).unwrap();
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
    let pin_file = pin.to_str().unwrap();
    says(&soft.run(&["--serial", serial, "--pin-file", pin_file]));
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o644)).unwrap();
    let output = soft.run(&["--serial", serial, "--pin-file", pin_file]);
    refuses(&output, "can be read or changed by others", "--pin-file");
}

#[test]
fn a_module_that_is_none() {
    let Some(soft) = Soft::new() else { return };
    says(&soft.wired(&[]));
    let with = |module: &Path| {
        run(Command::new(PROGRAM)
            .arg("--module")
            .arg(module)
            .args(["--token", LABEL, "--pin-env", "WIRING_PIN"])
            .env("SOFTHSM2_CONF", soft.conf())
            .env("WIRING_PIN", PIN))
    };
    refuses(&with(Path::new("/no/such.so")), "no PKCS#11 module at this path", "correct --module");
    let file = soft.folder.path().join("notes.txt");
    fs::write(&file, "not a library").unwrap();
    refuses(&with(&file), "no PKCS#11 module that can be loaded", "--module");
    // A library, but not of this kind: the program's own C library.
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let library =
        maps.split_whitespace().find(|word| word.contains("/libc.so") || word.contains("/libc-"));
    refuses(&with(Path::new(library.unwrap())), "C_GetFunctionList", "--module");
}

#[test]
fn a_token_that_is_not_there_or_there_twice() {
    let Some(soft) = Soft::new() else { return };
    let pin = ["--pin-env", "WIRING_PIN"];
    let unknown = soft.run(&[&["--token", "other"], &pin[..]].concat());
    refuses(&unknown, "there is no such token (the module has \"wiring\" (serial ", "--token");
    let unknown = soft.run(&[&["--serial", "77"], &pin[..]].concat());
    refuses(&unknown, "there is no such token (the module has \"wiring\" (serial ", "--serial");
    says(&soft.wired(&[]));
    soft.init(LABEL);
    refuses(&soft.wired(&[]), "several tokens have this label", "--serial");
}

#[test]
fn a_pin_that_is_missing_wrong_or_among_the_arguments() {
    let Some(soft) = Soft::new() else { return };
    let with = |pin: &[&str]| soft.run(&[&["--token", LABEL], pin].concat());
    refuses(&with(&[]), "say where the PIN is", "--pin-env NAME");
    refuses(&with(&["--pin-env", "NO_SUCH_PIN"]), "not set (NO_SUCH_PIN)", "--pin-env");
    refuses(&with(&["--pin-file", "/no/such/pin"]), "no file with the PIN", "--pin-file");
    refuses(&with(&["--pin-env", "WRONG_PIN"]), "the PIN is wrong", "locks after a few wrong PINs");
    refuses(&with(&["--pin", "987654321"]), "seen by every user of the machine", "usage: ");
    says(&with(&["--pin-env", "WIRING_PIN"]));
}

#[test]
fn a_key_that_can_leave_the_token_needs_no_pin_or_is_not_the_only_one() {
    let Some(soft) = Soft::new() else { return };
    soft.key("loose", "01", &["--private", "--extractable"]);
    refuses(&soft.wired(&["--kek", "loose"]), "the key can leave the token", "--kek");
    soft.key("twins", "01", &["--private", "--sensitive"]);
    soft.key("twins", "02", &["--private", "--sensitive"]);
    refuses(&soft.wired(&["--kek", "twins"]), "several keys of the token have this label", "--kek");
    soft.key("bare", "01", &["--sensitive"]);
    refuses(&soft.wired(&["--kek", "bare"]), "can be used without the PIN", "--kek");
    says(&soft.wired(&["--kek", "its own"]));
}

#[test]
fn a_token_without_a_mechanism() {
    let Some(soft) = Soft::new() else { return };
    says(&soft.wired(&["--kek", "one"]));
    soft.configure("slots.mechanisms = CKM_SHA256");
    let output = soft.wired(&["--kek", "other"]);
    refuses(&output, "CKM_AES_KEY_WRAP: the token does not list it", "enable CKM_AES_GCM");
    let said = text(&output.stdout);
    assert!(said.contains("no: the token does not list it") && !said.contains("chosen"), "{said}");
}

#[test]
fn arguments_that_make_no_sense() {
    for (wrong, what) in [
        (&["--modul", "x"][..], "unknown option --modul"),
        (&["--module"], "--module needs a value"),
        (&["--token", "a"], "name the PKCS#11 module"),
        (&["--module", "x", "--token", "a", "--serial", "b"], "give one of --token or --serial"),
    ] {
        refuses(&run(Command::new(PROGRAM).args(wrong)), what, "usage: ");
    }
    let help = run(Command::new(PROGRAM).arg("--help"));
    assert!(says(&help).starts_with("usage: "));
}

/// SoftHSM never locks; kryoptic does.
#[test]
fn a_pin_that_is_locked() {
    let (Some(module), Some(conf)) = (given("PHISEAL_KRYOPTIC_MODULE"), given("KRYOPTIC_CONF"))
    else {
        return;
    };
    let (label, pin) =
        (given("PHISEAL_KRYOPTIC_LABEL").unwrap(), given("PHISEAL_KRYOPTIC_PIN").unwrap());
    // A token of this test's own, which is a copy.
    let folder = tempfile::tempdir().unwrap();
    let from = conf.parent().unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let own = folder.path().join(conf.file_name().unwrap());
    let text = fs::read_to_string(&conf).unwrap();
    let moved = text.replace(from.to_str().unwrap(), folder.path().to_str().unwrap());
    assert_ne!(moved, text, "the copy names its own folder");
    fs::write(&own, moved).unwrap();
    let with = |variable: &str| {
        run(Command::new(PROGRAM)
            .arg("--module")
            .arg(&module)
            .arg("--token")
            .arg(&label)
            .args(["--pin-env", variable])
            .env("KRYOPTIC_CONF", &own)
            .env("RIGHT_PIN", &pin)
            .env("WRONG_PIN", "987654321"))
    };
    says(&with("RIGHT_PIN"));
    let locked = |output: &Output| self::text(&output.stderr).contains("the PIN is locked");
    let attempts = (1..=20).find(|_| locked(&with("WRONG_PIN")));
    assert!(attempts.is_some_and(|attempts| attempts > 1), "{attempts:?}");
    refuses(&with("RIGHT_PIN"), "the PIN is locked: the security officer has to reset it", "PIN");
}
