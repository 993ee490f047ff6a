//! Keys in the transit engines of OpenBao and Vault servers.

use super::values::Values;
use super::wrong;
use phiseal_backends::transit::TransitKek;
use phiseal_keys::{Error, KekBackend};
use std::path::Path;
use std::sync::Arc;

/// The KEK that is meant by `transit+https` or `transit+http` and what stands behind the colon.
pub(super) fn open(scheme: &str, rest: &str, folder: &Path) -> Result<Arc<dyn KekBackend>, Error> {
    let address = Address::parse(scheme, rest)?;
    let mut builder = TransitKek::builder(&address.server, &address.name).mount(&address.mount);
    if let Some(namespace) = address.namespace {
        builder = builder.namespace(&namespace);
    }
    builder = match address.token {
        Token::Usual => builder,
        Token::Variable(name) => builder.token_from_env(&name),
        Token::File(path) => builder.token_from_file(folder.join(path)),
    };
    if let Some(path) = address.authority {
        builder = builder.authority(folder.join(path));
    }
    if let Some((chain, key)) = address.client {
        builder = builder.client_certificate(folder.join(chain), folder.join(key));
    }
    Ok(Arc::new(builder.build()?))
}

/// What an address says. The builder checks what may stand in names and paths, and which server may be without TLS.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    server: String,
    mount: String,
    name: String,
    token: Token,
    namespace: Option<String>,
    authority: Option<String>,
    /// Certificate and key.
    client: Option<(String, String)>,
}

/// Where the token is.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// In one of the environment variables that the servers' own tools read.
    Usual,
    Variable(String),
    File(String),
}

impl Address {
    fn parse(scheme: &str, rest: &str) -> Result<Self, Error> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let shape =
            || wrong("the address of a transit key is transit+https://server:port/mount/name");
        let scheme = scheme.strip_prefix("transit+").ok_or_else(shape)?;
        let place = place.strip_prefix("//").filter(|place| !place.contains('#'));
        let (server, path) = place.and_then(|place| place.split_once('/')).ok_or_else(shape)?;
        let (mount, name) = path.rsplit_once('/').ok_or_else(shape)?;
        // The builder takes slashes at the ends of a mount for none.
        if mount.is_empty() || mount.starts_with('/') || mount.ends_with('/') {
            return Err(shape());
        }
        let mut values = Values::of(query, '&')?;
        if values.take_bytes("token")?.is_some() {
            return Err(wrong(
                "no token stands in an address: say with token-env or token-file where it is",
            ));
        }
        let token = match (values.take("token-env")?, values.take("token-file")?) {
            (None, None) => Token::Usual,
            (Some(name), None) if !name.contains(['=', '\0']) => Token::Variable(name),
            (Some(_), None) => return Err(wrong("no environment variable can have this name")),
            (None, Some(path)) => Token::File(path),
            (Some(_), Some(_)) => {
                return Err(wrong("a token is in one place: token-env or token-file"));
            }
        };
        let client = match (values.take("client-cert")?, values.take("client-key")?) {
            (None, None) => None,
            (Some(chain), Some(key)) => Some((chain, key)),
            _ => return Err(wrong("a client's certificate and its key go together")),
        };
        let (namespace, authority) = (values.take("namespace")?, values.take("ca")?);
        values.end(
            "behind the ? of a transit key are token-env or token-file, namespace, ca, client-cert \
             and client-key, and nothing else",
        )?;
        let server = format!("{scheme}://{server}");
        let (mount, name) = (mount.to_owned(), name.to_owned());
        Ok(Self { server, mount, name, token, namespace, authority, client })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(rest: &str) -> Result<Address, String> {
        Address::parse("transit+https", rest).map_err(|error| error.to_string())
    }

    fn address(mount: &str, token: Token) -> Address {
        Address {
            server: "https://bao.example:8200".to_owned(),
            mount: mount.to_owned(),
            name: "phi".to_owned(),
            token,
            namespace: None,
            authority: None,
            client: None,
        }
    }

    #[test]
    fn server_mount_and_name_are_read() {
        let bao = "//bao.example:8200";
        for (rest, expected) in [
            ("/transit/phi", address("transit", Token::Usual)),
            ("/clinic/north/phi", address("clinic/north", Token::Usual)),
            (
                "/transit/phi?token-env=CLINIC_TOKEN",
                address("transit", Token::Variable("CLINIC_TOKEN".to_owned())),
            ),
            (
                "/transit/phi?token-file=/run/bao/to%20ken",
                address("transit", Token::File("/run/bao/to ken".to_owned())),
            ),
        ] {
            assert_eq!(parsed(&format!("{bao}{rest}")), Ok(expected), "{rest}");
        }
        let all = "?ca=ca.pem&client-key=a.key&client-cert=a.pem&namespace=clinic/north";
        let expected = Address {
            namespace: Some("clinic/north".to_owned()),
            authority: Some("ca.pem".to_owned()),
            client: Some(("a.pem".to_owned(), "a.key".to_owned())),
            ..address("transit", Token::Usual)
        };
        assert_eq!(parsed(&format!("{bao}/transit/phi{all}")), Ok(expected));
        let plain = Address::parse("transit+http", "//[::1]:8200/transit/phi").unwrap();
        assert_eq!(plain.server, "http://[::1]:8200");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let shape = "the address of a transit key is transit+https://server:port/mount/name";
        for (rest, said) in [
            ("", shape),
            ("bao.example/transit/phi", shape),
            ("//bao.example", shape),
            ("//bao.example/phi", shape),
            ("//bao.example//phi", shape),
            ("//bao.example//transit/phi", shape),
            ("//bao.example/transit//phi", shape),
            ("//bao.example#/transit/phi", shape),
            ("//bao.example/transit/phi#", shape),
        ] {
            assert_eq!(parsed(rest), Err(said.to_owned()), "{rest}");
        }
        for (query, said) in [
            (
                "token=hvs.1",
                "no token stands in an address: say with token-env or token-file where it is",
            ),
            ("token-env=A&token-file=b", "a token is in one place: token-env or token-file"),
            ("token-env=A%3DB", "no environment variable can have this name"),
            ("client-cert=a.pem", "a client's certificate and its key go together"),
            ("client-key=a.key", "a client's certificate and its key go together"),
            ("token-env=", "a value of an address is empty"),
            ("ca=a.pem&ca=b.pem", "a value of an address is given twice"),
            ("ca", "what an address says is name=value"),
        ] {
            let parsed = parsed(&format!("//bao.example/transit/phi?{query}"));
            assert_eq!(parsed, Err(said.to_owned()), "{query}");
        }
        for unknown in ["timeout=10", "insecure=1", "Ca=a.pem"] {
            let said = parsed(&format!("//bao.example/transit/phi?{unknown}")).unwrap_err();
            assert!(said.starts_with("behind the ? of a transit key are token-env"), "{said}");
        }
        assert!(parsed("//bao.example/transit/phi?ca=a.pem").is_ok(), "the control");
    }
}
