//! A software token of the program's own, for whoever has no hardware at hand.

use crate::advice::Trouble;
use crate::voice::{heading, say};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Where distributions put SoftHSM's module.
const MODULES: [&str; 8] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/lib/softhsm/libsofthsm2.dylib",
];

const LABEL: &str = "phiseal example";
const PIN_VARIABLE: &str = "PHISEAL_EXAMPLE_PIN";
/// Nobody else can reach the token, which is gone when the program ends.
const PIN: &str = "27182818";

/// Makes the token and runs this program again on it: SoftHSM finds its tokens by a variable, which has to be set before a
/// process starts.
pub(crate) fn run() -> Result<ExitCode, Trouble> {
    let module = MODULES.iter().map(Path::new).find(|path| path.exists()).ok_or_else(missing)?;
    let folder = tempfile::Builder::new()
        .prefix("phiseal-hsm-")
        .tempdir()
        .map_err(|error| failed("a temporary folder cannot be made", &error))?;
    let conf = initialise(folder.path())?;
    heading("Software token");
    say(&format!("made by SoftHSM in {}, gone afterwards", folder.path().display()));
    let program = std::env::current_exe()
        .map_err(|error| failed("this program does not know its own path", &error))?;
    let status = Command::new(program)
        .arg("--module")
        .arg(module)
        .args(["--token", LABEL, "--pin-env", PIN_VARIABLE])
        .env("SOFTHSM2_CONF", &conf)
        .env(PIN_VARIABLE, PIN)
        .status()
        .map_err(|error| failed("this program cannot be started again", &error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// The configuration of a token in this folder.
fn initialise(folder: &Path) -> Result<PathBuf, Trouble> {
    let tokens = folder.join("tokens");
    let conf = folder.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::create_dir(&tokens)
        .and_then(|()| fs::write(&conf, text))
        .map_err(|error| failed("the token's folder cannot be written", &error))?;
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--so-pin", PIN, "--pin", PIN])
        .env("SOFTHSM2_CONF", &conf)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    match made {
        Ok(output) if output.status.success() => Ok(conf),
        Ok(output) => Err(Trouble::to_change(
            format!(
                "softhsm2-util made no token: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            "try it by hand: softhsm2-util --init-token --free --label test",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing()),
        Err(error) => Err(failed("softhsm2-util cannot be run", &error)),
    }
}

fn missing() -> Trouble {
    Trouble::to_change(
        "SoftHSM is not installed, and no token was named",
        "install it (Debian, Ubuntu: apt-get install softhsm2), or name a token of yours with --module",
    )
}

fn failed(what: &str, error: &io::Error) -> Trouble {
    Trouble::to_change(format!("{what}: {error}"), "see to that and try again")
}
