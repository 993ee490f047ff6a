//! Transit keys that are opened by their addresses.

use crate::certificates::Authority;
use crate::own::{Own, Storage};
use crate::{kind, support};
use phiseal::ErrorKind;
use phiseal::backends::transit::TransitKek;
use phiseal_tests::addresses::{are_one, kek};
use phiseal_tests::transit::Server;
use pollster::block_on;
use serde_json::json;
use std::fs;
use std::sync::Arc;

/// The address of a key, with these values behind it.
fn address(server: &str, path: &str, values: &str) -> String {
    format!("transit+{server}/{path}?{values}")
}

fn by_hand(server: &Server, name: &str) -> Arc<TransitKek> {
    Arc::new(Server::builder_at(&server.address, name, &server.token).build().unwrap())
}

#[test]
fn the_token_is_in_a_variable_or_a_file() {
    let Some(server) = Server::given() else { return };
    let (folder, name) = (tempfile::tempdir().unwrap(), server.new_key());
    fs::write(folder.path().join("token"), format!("{}\n", server.new_token(&name))).unwrap();
    fs::write(folder.path().join("wrong"), "s.wrong\n").unwrap();
    let whole = format!("token-file={}", folder.path().join("token").display());
    let at = |values: &str| address(&server.address, &format!("transit/{name}"), values);
    for values in ["token-env=PHISEAL_OPENBAO_TOKEN", "token-file=token", &whole] {
        are_one(kek(&at(values), folder.path()).unwrap(), by_hand(&server, &name));
    }
    let wrong = kek(&at("token-file=wrong"), folder.path()).unwrap();
    assert_eq!(kind(block_on(wrong.describe())), Some(ErrorKind::Denied));
    let other = address(&server.address, "transit/no-such-key", "token-env=PHISEAL_OPENBAO_TOKEN");
    let other = kek(&other, folder.path()).unwrap();
    assert_eq!(kind(block_on(other.describe())), Some(ErrorKind::NotFound));
}

#[test]
fn a_mount_has_a_path_and_may_be_in_a_namespace() {
    let Some(server) = Server::given() else { return };
    let (folder, name) = (tempfile::tempdir().unwrap(), server.new_key());
    let _ = server.done("POST", &format!("sys/namespaces/{name}"), &json!({}));
    let transit = json!({"type": "transit"});
    let _ = server.done("POST", &format!("{name}/sys/mounts/clinic/north"), &transit);
    let derived = json!({"derived": true});
    let _ = server.done("POST", &format!("{name}/clinic/north/keys/phi"), &derived);

    let token = "token-env=PHISEAL_OPENBAO_TOKEN";
    let namespace = format!("{token}&namespace={name}");
    let inside = address(&server.address, "clinic/north/phi", &namespace);
    let builder = Server::builder_at(&server.address, "phi", &server.token);
    let by_hand = builder.mount("clinic/north").namespace(&name).build().unwrap();
    are_one(kek(&inside, folder.path()).unwrap(), Arc::new(by_hand));
    let outside = address(&server.address, "clinic/north/phi", token);
    let outside = kek(&outside, folder.path()).unwrap();
    assert!(block_on(outside.describe()).is_err(), "the namespace is not ignored");
}

#[test]
fn certificates_are_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let clients = Authority::new(folder.path(), "clients");
    let (certificate, asked) = (authority.sign("server"), clients.own.certificate.clone());
    let Some(own) = Own::start_with(Storage::Memory, |_| Some((certificate, Some(asked)))) else {
        return;
    };
    let name = own.operator.new_key();
    fs::write(folder.path().join("token"), &own.operator.token).unwrap();
    let client = clients.sign("client");
    let within = |path: &std::path::Path| {
        path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
    };
    let ca = within(&authority.own.certificate);
    let shown =
        format!("client-cert={}&client-key={}", within(&client.certificate), within(&client.key));
    let at = |values: &str| {
        let server = own.tls.as_ref().unwrap();
        kek(
            &address(server, &format!("transit/{name}"), &format!("token-file=token{values}")),
            folder.path(),
        )
    };
    let opened = at(&format!("&ca={ca}&{shown}")).unwrap();
    are_one(opened, Arc::new(own.operator.kek(&name)));

    let unavailable = Some(ErrorKind::Unavailable);
    let no_client = at(&format!("&ca={ca}")).unwrap();
    assert_eq!(support::kind(block_on(no_client.describe())), unavailable);
    let other = within(&clients.own.certificate);
    let other_authority = at(&format!("&ca={other}&{shown}")).unwrap();
    assert_eq!(support::kind(block_on(other_authority.describe())), unavailable);
    assert_eq!(kind(at("")), Some(ErrorKind::Invalid), "no authority is trusted");
}
