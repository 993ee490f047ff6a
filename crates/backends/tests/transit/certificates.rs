//! Authorities and certificates of a test's own, made by the program `openssl`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// OpenSSL's own configuration differs between distributions; this is all that is asked of it.
const CONFIGURATION: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
[elsewhere]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.example
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
";

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// An authority in a folder.
#[derive(Debug)]
pub(crate) struct Authority {
    folder: PathBuf,
    pub(crate) own: Certificate,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("openssl.cnf"), CONFIGURATION).unwrap();
        let own = Certificate { certificate: folder.join("ca.pem"), key: folder.join("ca.key") };
        let authority = Self { folder, own };
        let subject = format!("/CN={name}");
        authority.request(
            &["-x509", "-days", "3", "-subj", &subject, "-extensions", "authority"],
            &authority.own,
        );
        authority
    }

    /// A certificate of one of the kinds in the configuration.
    pub(crate) fn sign(&self, kind: &str) -> Certificate {
        let file = |ending: &str| self.folder.join(format!("{kind}.{ending}"));
        let asked = Certificate { certificate: file("csr"), key: file("key") };
        self.request(&["-new", "-subj", &format!("/CN={kind}")], &asked);
        let signed = Certificate { certificate: file("pem"), key: asked.key };
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "3", "-extensions", kind, "-extfile", "openssl.cnf"]);
        sign.arg("-in").arg(&asked.certificate).arg("-CA").arg(&self.own.certificate);
        sign.arg("-CAkey").arg(&self.own.key).args(["-set_serial", "2", "-out"]);
        self.demand(sign.arg(&signed.certificate));
        signed
    }

    fn request(&self, arguments: &[&str], out: &Certificate) {
        let mut request = Command::new("openssl");
        request.args(["req", "-config", "openssl.cnf", "-newkey", "ec"]);
        request.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]).args(arguments);
        self.demand(request.arg("-keyout").arg(&out.key).arg("-out").arg(&out.certificate));
    }

    fn demand(&self, command: &mut Command) {
        let status = command.current_dir(&self.folder).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?}");
    }
}
