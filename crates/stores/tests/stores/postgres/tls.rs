//! The Postgres store over TLS.

use super::cluster::Cluster;
use super::server::{Server, programs, server};
use phiseal_keys::{Error, ErrorKind};
use phiseal_stores::PostgresStore;
use pollster::block_on;
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// The authority of the shared server, as a file.
fn authority() -> PathBuf {
    env::var_os("PHISEAL_POSTGRES_CA").map(PathBuf::from).unwrap()
}

/// A certificate and its key in PEM files in `folder`: an authority's, or one that the authority `by` signed.
fn certificate(folder: &Path, name: &str, by: Option<&str>) -> (PathBuf, PathBuf) {
    let file = |name: &str, end: &str| folder.join(format!("{name}.{end}"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    make.args(["-days", "2", "-subj", &format!("/CN={name}")]);
    match by {
        Some(by) => {
            make.arg("-CA").arg(file(by, "pem")).arg("-CAkey").arg(file(by, "key"));
            make.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
            make.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
        }
        None => {
            make.args(["-addext", "basicConstraints=critical,CA:TRUE"]);
        }
    }
    make.arg("-config").arg(folder.join("openssl.cnf"));
    fs::write(folder.join("openssl.cnf"), "[req]\ndistinguished_name = name\n[name]\n").unwrap();
    let (pem, key) = (file(name, "pem"), file(name, "key"));
    let output = make.arg("-keyout").arg(&key).arg("-out").arg(&pem).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (pem, key)
}

/// Whether the session of the store at `url` is encrypted.
fn is_encrypted(server: &Server, url: &str, ca: Option<&Path>) -> Result<bool, Error> {
    let application = server.name();
    let schema = server.schema();
    let sign = if url.contains('?') { '&' } else { '?' };
    let mut store = schema.store_at(&format!("{url}{sign}application_name={application}"));
    if let Some(ca) = ca {
        store = store.with_authorities(ca)?;
    }
    block_on(store.check())?;
    let sql =
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name =";
    Ok(server.sql(&format!("{sql} '{application}'")) == "t")
}

fn refused(result: Result<bool, Error>) -> (ErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error.to_string())
}

fn not_proved() -> (ErrorKind, String) {
    (ErrorKind::Unavailable, "the database server is not the one that TLS must prove".to_owned())
}

#[test]
fn a_server_with_a_certificate_by_the_authority_is_used() {
    let Some(server) = server("TLS to Postgres") else { return };
    let ca = authority();
    assert!(!is_encrypted(&server, &server.url, None).unwrap(), "the control: loopback");
    assert!(is_encrypted(&server, &server.url, Some(&ca)).unwrap());
    let parameters = format!("sslmode=verify-full&sslrootcert={}", ca.display());
    assert!(is_encrypted(&server, &server.url_with(&parameters), None).unwrap());
    let by_name = server.url.replace("127.0.0.1", "localhost");
    assert!(is_encrypted(&server, &by_name, Some(&ca)).unwrap());
    // Another host is one on another machine as far as TLS goes, and its address is not.
    let elsewhere = server.url_with("hostaddr=127.0.0.1").replace("@127.0.0.1", "@localhost");
    assert!(is_encrypted(&server, &elsewhere, Some(&ca)).unwrap());
}

#[test]
fn a_server_that_tls_does_not_prove_is_refused() {
    let Some(server) = server("TLS to Postgres") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (other, _) = certificate(folder.path(), "other", None);
    assert_eq!(refused(is_encrypted(&server, &server.url, Some(&other))), not_proved());
    // The operating system does not know the authority.
    let required = server.url_with("sslmode=require");
    assert_eq!(refused(is_encrypted(&server, &required, None)), not_proved());
    let renamed = server.url_with("hostaddr=127.0.0.1").replace("@127.0.0.1", "@db.example");
    assert_eq!(refused(is_encrypted(&server, &renamed, Some(&authority()))), not_proved());
}

#[test]
fn the_login_is_bound_to_the_certificate() {
    let Some(server) = server("channel binding of Postgres") else { return };
    let bound = server.url_with("channel_binding=require");
    assert!(is_encrypted(&server, &bound, Some(&authority())).unwrap());
    assert_eq!(refused(is_encrypted(&server, &bound, None)).0, ErrorKind::Denied);
}

/// A server that says no to TLS is not asked again without.
#[test]
fn a_server_without_tls_is_refused() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        (request, rest)
    });
    let url = format!("postgres://u:hush@127.0.0.1:{port}/d?sslmode=require");
    let error = block_on(PostgresStore::new(&url).unwrap().check()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the database server does not offer TLS");
    let (request, rest) = server.join().unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "the control: it was asked for TLS");
    assert_eq!(rest, b"");
}

#[test]
fn files_that_hold_no_certificate_are_invalid() {
    if server("certificates in files, which openssl makes").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (pem, key) = certificate(folder.path(), "some", None);
    let store = || PostgresStore::new("postgres://u@localhost/d").unwrap();
    let (none, text) = (folder.path().join("none"), folder.path().join("text"));
    fs::write(&text, "no certificate").unwrap();
    for path in [&none, &text, &key] {
        assert_eq!(store().with_authorities(path).unwrap_err().kind(), ErrorKind::Invalid);
        let identity = store().with_client_certificate(path, &key);
        assert_eq!(identity.unwrap_err().kind(), ErrorKind::Invalid);
    }
    for path in [&none, &text, &pem] {
        let identity = store().with_client_certificate(&pem, path);
        assert_eq!(identity.unwrap_err().kind(), ErrorKind::Invalid);
    }
    store().with_authorities(&pem).unwrap().with_client_certificate(&pem, &key).unwrap();
}

#[test]
fn a_client_proves_itself_with_a_certificate() {
    if server("client certificates of Postgres").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = certificate(folder.path(), "authority", None);
    let (server_pem, server_key) = certificate(folder.path(), "server", Some("authority"));
    let (pem, key) = certificate(folder.path(), "phiseal", Some("authority"));
    let (stranger, stranger_key) = certificate(folder.path(), "stranger", Some("authority"));
    let mut cluster = Cluster::start(&programs().unwrap(), &[]);
    for (from, name) in [(&ca, "ca.pem"), (&server_pem, "server.pem"), (&server_key, "server.key")]
    {
        fs::copy(from, cluster.file(name)).unwrap();
        cluster.give_away(&cluster.file(name));
    }
    cluster.settings(&[
        "ssl=on",
        "ssl_ca_file={folder}/ca.pem",
        "ssl_cert_file={folder}/server.pem",
        "ssl_key_file={folder}/server.key",
    ]);
    cluster.admit("hostssl all all 127.0.0.1/32 cert\n");
    let url = format!("postgres://phiseal@127.0.0.1:{}/postgres", cluster.port());
    let store = || PostgresStore::new(&url).unwrap().with_authorities(&ca).unwrap();
    let with = |pem, key| block_on(store().with_client_certificate(pem, key).unwrap().check());
    with(&pem, &key).unwrap();
    assert_eq!(with(&stranger, &stranger_key).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(block_on(store().check()).unwrap_err().kind(), ErrorKind::Denied);
    let named = format!(
        "{url}?sslrootcert={}&sslcert={}&sslkey={}",
        ca.display(),
        pem.display(),
        key.display()
    );
    block_on(PostgresStore::new(&named).unwrap().check()).unwrap();
}
