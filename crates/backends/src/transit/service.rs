//! One transit key on one server: the calls that the backend and its administration make.

use super::ciphertext::Ciphertext;
use super::error::{refusal, senseless};
use super::http::{Answer, Content, Http};
use super::key::TransitKey;
use super::renewal::Keeper;
use super::token::{Credential, Token};
use base64ct::{Base64, Encoding};
use core::fmt;
use hyper::Method;
use phiseal_format::{EncryptionContext, KekId};
use phiseal_keys::{DataKey, Error, ErrorKind, runtime};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// One transit key on one server, and the credential that reaches it.
pub(super) struct Service {
    pub(super) http: Http,
    pub(super) mount: String,
    pub(super) name: String,
    pub(super) credential: Credential,
    pub(super) keeper: Keeper,
}

impl Service {
    /// Runs what `work` does with this service on threads that have tokio, whoever polls.
    pub(super) async fn run<T, F>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        Keeper::watch(self)?;
        runtime::run(work(Arc::clone(self))).await?
    }

    /// The id of the secrets engine at the mount, which no other engine ever has, on this server or another one.
    pub(super) async fn mount_id(&self) -> Result<String, Error> {
        let answer = self.get(&format!("sys/internal/ui/mounts/{}", self.mount)).await?;
        let mount: Mount = data(&answer)?;
        let is_id = mount.uuid.len() == 36
            && mount.uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if mount.kind != "transit" {
            return Err(Error::new(ErrorKind::Unsupported, "the mount is not a transit engine"));
        }
        if is_id { Ok(mount.uuid) } else { Err(senseless()) }
    }

    /// What the server says about the key.
    pub(super) async fn key(&self) -> Result<TransitKey, Error> {
        data(&self.get(&format!("{}/keys/{}", self.mount, self.name)).await?)
    }

    /// A new key of 32 bytes, and its wrap.
    pub(super) async fn data_key(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, Wrapped), Error> {
        let content = content(&Sent { bits: Some(256), ..Sent::under(context) })?;
        let answer = self.post(&self.path("datakey/plaintext"), content).await?;
        let answered: Answered<'_> = data(&answer)?;
        Ok((answered.key()?, answered.wrap()?))
    }

    /// A wrap of `content`, which is [`Service::encrypting`].
    pub(super) async fn encrypt(&self, content: Content) -> Result<Wrapped, Error> {
        let answer = self.post(&self.path("encrypt"), content).await?;
        data::<Answered<'_>>(&answer)?.wrap()
    }

    /// A request to wrap `key`.
    pub(super) fn encrypting(key: &DataKey, context: &EncryptionContext) -> Result<Content, Error> {
        let mut base64 = Zeroizing::new([0; 44]);
        let plaintext = Base64::encode(key.expose_secret(), base64.as_mut())
            .map_err(|_| Error::new(ErrorKind::Faulty, "a key cannot be written in base64"))?;
        content(&Sent {
            plaintext: Some(plaintext),
            // Used only for a key that is not there, which the server would make: of this type it can make none.
            kind: Some("phiseal-makes-no-key"),
            ..Sent::under(context)
        })
    }

    /// The key inside a wrap.
    pub(super) async fn decrypt(
        &self,
        wrap: Ciphertext<'_>,
        context: &EncryptionContext,
    ) -> Result<DataKey, Error> {
        let content = content(&Sent { ciphertext: Some(wrap.text()), ..Sent::under(context) })?;
        let answer = self.post(&self.path("decrypt"), content).await?;
        data::<Answered<'_>>(&answer)?.key()
    }

    /// A wrap of what is in this one, under the latest version.
    pub(super) async fn rewrap(
        &self,
        wrap: Ciphertext<'_>,
        context: &EncryptionContext,
    ) -> Result<Wrapped, Error> {
        let content = content(&Sent { ciphertext: Some(wrap.text()), ..Sent::under(context) })?;
        let answer = self.post(&self.path("rewrap"), content).await?;
        data::<Answered<'_>>(&answer)?.wrap()
    }

    /// Changes the key by the operation `of`; what the server then says about it, where it says so at once.
    pub(super) async fn change(
        &self,
        of: &str,
        parameters: &[(&str, u32)],
    ) -> Result<Option<TransitKey>, Error> {
        let parameters: serde_json::Map<_, _> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let path = format!("{}/keys/{}/{of}", self.mount, self.name);
        let answer = self.post(&path, content(&parameters)?).await?;
        if answer.status == 204 { Ok(None) } else { data(&answer).map(Some) }
    }

    /// A request with this token and no other, refused or not.
    pub(super) async fn once(
        &self,
        method: Method,
        path: &str,
        token: &Token,
        content: Option<Content>,
    ) -> Result<Answer, Error> {
        let answer = self.http.send(method, path, token, content).await?;
        match answer.status {
            200 | 204 => Ok(answer),
            status => Err(refusal(status, &answer.body)),
        }
    }

    async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.with_token(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, content: Content) -> Result<Answer, Error> {
        self.with_token(Method::POST, path, Some(content)).await
    }

    /// A request; when its token is denied, once again with the token that the source has by then, if it is another one.
    async fn with_token(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
    ) -> Result<Answer, Error> {
        let token = self.credential.current()?;
        match self.once(method.clone(), path, &token, content.clone()).await {
            Err(error) if error.kind() == ErrorKind::Denied => {
                let Some(other) = self.credential.instead_of(&token) else { return Err(error) };
                self.keeper.ring();
                self.once(method, path, &other, content).await
            }
            done => done,
        }
    }

    fn path(&self, operation: &str) -> String {
        format!("{}/{operation}/{}", self.mount, self.name)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("address", &self.http.address.text())
            .field("namespace", &self.http.namespace)
            .field("mount", &self.mount)
            .field("key", &self.name)
            .field("token", &self.credential)
            .finish_non_exhaustive()
    }
}

/// The text of a wrap, as it was answered: strictly read.
pub(super) struct Wrapped(String);

impl Wrapped {
    pub(super) fn ciphertext(&self) -> Result<Ciphertext<'_>, Error> {
        Ciphertext::answered(&self.0)
    }

    pub(super) fn wrapped(&self, id: &KekId) -> Result<phiseal_format::WrappedKey, Error> {
        self.ciphertext()?.wrapped(id)
    }
}

#[derive(Deserialize)]
struct Mount {
    #[serde(rename = "type")]
    kind: String,
    uuid: String,
}

/// What requests are made of.
#[derive(Default, Serialize)]
struct Sent<'a> {
    context: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<u16>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

impl Sent<'_> {
    fn under(context: &EncryptionContext) -> Self {
        Self { context: Base64::encode_string(context.as_bytes()), ..Self::default() }
    }
}

/// What answers about wraps hold. Its strings lie in the answer's own bytes, which are zeroed.
#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    plaintext: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ciphertext: Option<Cow<'a, str>>,
    key_version: Option<u32>,
}

impl Answered<'_> {
    fn key(&self) -> Result<DataKey, Error> {
        let mut bytes = Zeroizing::new([0; MAX_PLAINTEXT]);
        let text = self.plaintext.as_deref().ok_or_else(senseless)?;
        DataKey::from_backend(Base64::decode(text, bytes.as_mut()).map_err(|_| senseless())?)
    }

    fn wrap(&self) -> Result<Wrapped, Error> {
        let wrapped = Wrapped(self.ciphertext.as_deref().ok_or_else(senseless)?.to_owned());
        let version = wrapped.ciphertext()?.version().0;
        if self.key_version.is_some_and(|said| said != version) {
            return Err(senseless());
        }
        Ok(wrapped)
    }
}

impl Drop for Answered<'_> {
    /// A string with escapes is a copy.
    fn drop(&mut self) {
        if let Some(Cow::Owned(plaintext)) = &mut self.plaintext {
            plaintext.zeroize();
        }
    }
}

/// Room for what no server should answer, so that its length is judged and not its base64.
const MAX_PLAINTEXT: usize = 96;

/// The longest request: a context is at most 1,024 bytes.
const MAX_REQUEST: usize = 4096;

/// `value` in JSON, in memory that does not move while it is written.
pub(super) fn content(value: &impl Serialize) -> Result<Content, Error> {
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_REQUEST));
    serde_json::to_writer(&mut *content, value)
        .map_err(|_| Error::new(ErrorKind::Faulty, "a request cannot be written"))?;
    Ok(Content::from_owner(content))
}

/// What is in `data` of an answer.
pub(super) fn data<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Envelope<T> {
        data: T,
        errors: Option<Vec<serde::de::IgnoredAny>>,
    }
    let envelope: Envelope<T> = serde_json::from_slice(&answer.body).map_err(|_| senseless())?;
    match envelope.errors {
        Some(errors) if !errors.is_empty() => Err(senseless()),
        _ => Ok(envelope.data),
    }
}
