//! A certificate authority of this run's own, and a certificate for loopback that it signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, While};
use crate::prepare::debian;
use crate::process::demand;

/// OpenSSL's own configuration differs between distributions; this is all that is asked of it.
const CONFIGURATION: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
";

/// A new key on P-256, unencrypted.
const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// The files of a server that is called `localhost` and `127.0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificates {
    /// The authority's certificate, in PEM.
    pub(super) authority: PathBuf,
    /// The server's certificate, in PEM.
    pub(super) certificate: PathBuf,
    /// The server's private key, in PEM.
    pub(super) key: PathBuf,
}

/// Makes them in `folder`. Nobody can sign by this authority afterwards: its key is removed.
pub(super) fn make(folder: &Path) -> Result<Certificates, Failure> {
    debian::install(&[debian::OPENSSL])?;
    let file = |name: &str| folder.join(name);
    let (configuration, request, secret) =
        (file("openssl.cnf"), file("server.csr"), file("ca.key"));
    let made = Certificates {
        authority: file("ca.pem"),
        certificate: file("server.pem"),
        key: file("server.key"),
    };
    fs::write(&configuration, CONFIGURATION).during(configuration.display())?;
    let req = || {
        let mut command = Command::new("openssl");
        command.arg("req").arg("-config").arg(&configuration).args(NEW_KEY);
        command
    };
    let mut authority = req();
    authority.args(["-x509", "-days", "30", "-subj", "/CN=phiseal tests", "-extensions"]);
    authority.arg("authority").arg("-keyout").arg(&secret);
    demand(authority.arg("-out").arg(&made.authority))?;
    let mut ask = req();
    ask.args(["-new", "-subj", "/CN=localhost", "-keyout"]).arg(&made.key);
    demand(ask.arg("-out").arg(&request))?;
    let mut sign = Command::new("openssl");
    sign.args(["x509", "-req", "-days", "30", "-set_serial", "2", "-extensions", "server"]);
    sign.arg("-extfile").arg(&configuration).arg("-in").arg(&request);
    sign.arg("-CA").arg(&made.authority).arg("-CAkey").arg(&secret);
    demand(sign.arg("-out").arg(&made.certificate))?;
    for used_up in [configuration, request, secret] {
        fs::remove_file(&used_up).during(used_up.display())?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::works;

    fn verifies(made: &Certificates, authority: &Path, address: &str) -> bool {
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-purpose", "sslserver", "-verify_ip", address, "-CAfile"]);
        works(verify.arg(authority).arg(&made.certificate))
    }

    #[test]
    fn the_certificate_is_for_loopback_and_by_this_authority_only() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (made, other) = (make(one.path()).unwrap(), make(two.path()).unwrap());
        assert!(verifies(&made, &made.authority, "127.0.0.1"));
        assert!(!verifies(&made, &made.authority, "127.0.0.2"));
        assert!(!verifies(&made, &other.authority, "127.0.0.1"));
        assert_eq!(fs::read_dir(one.path()).unwrap().count(), 3);
    }
}
