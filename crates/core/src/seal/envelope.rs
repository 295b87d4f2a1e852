//! The text of a sealed grant: a header in one line of JSON, the credentials as an age file, and the signature of the header.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::signed::{SIGNATURE_BEGIN, SIGNATURE_END, position, signature};
use super::signers::not_genuine;
use super::wrapped::{armor, unbroken, unquoted};
use super::{KeyFile, Namespace, Recipient, Signers};
use crate::arn::{ProviderArn, RoleArn};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::role::RoleOffer;
use crate::saml::hex;
use crate::scope::{SessionDuration, SessionScope};
use crate::secret::{SecretBytes, SecretString};
use crate::sts::{IssuedSession, StsAnswer};
use crate::text::excerpt;

/// The size limit of a sealed grant. A grant has about 3 KB; tickets and mails around it have more.
const MAX_BYTES: usize = 256 << 10;
/// The size limit of the credentials in it.
const MAX_SEALED_BYTES: u64 = 64 << 10;
/// The version of the format.
const VERSION: u8 = 1;

const AGE_BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const AGE_END: &str = "-----END AGE ENCRYPTED FILE-----";
const ARMOR_WIDTH: usize = 64;

/// The facts of a sealed grant, which everybody can read and the signature protects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantHeader {
    /// The version of the format: 1.
    pub version: u8,
    /// The id of the grant.
    pub id: GrantId,
    /// How many times credentials were issued for the grant: 1, and one more for each extension.
    pub issue: u32,
    /// The person who gets access.
    pub to: String,
    /// The administrator who gives it.
    pub by: String,
    /// The ARN of the granted role.
    pub role: String,
    /// The ARN of the session, as CloudTrail and GetCallerIdentity name it.
    pub session: String,
    /// When the access ends.
    pub until: Timestamp,
    /// Why it is given.
    pub reason: String,
    /// The SHA-256 of the session policy, in hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy_sha256: Option<String>,
    /// The fingerprints of the keys that it is sealed to.
    pub recipients: Vec<String>,
    /// The SHA-256 of the age file, in hex.
    pub sealed_sha256: String,
}

impl GrantHeader {
    pub(crate) fn new(id: GrantId, issue: u32, until: Timestamp) -> Self {
        Self {
            version: VERSION,
            id,
            issue,
            to: String::new(),
            by: String::new(),
            role: String::new(),
            session: String::new(),
            until,
            reason: String::new(),
            policy_sha256: None,
            recipients: Vec::new(),
            sealed_sha256: String::new(),
        }
    }

    /// Fails if the grant has ended at the time `now`. The error says whom to ask.
    ///
    /// # Errors
    ///
    /// `grant_ended`.
    pub fn require_live(&self, now: Timestamp) -> Result<()> {
        if self.until <= now {
            return Err(self.id.ended(&self.by, self.until));
        }
        Ok(())
    }

    /// Returns the digest of all facts but the digest of the age file, which the sealed part repeats.
    fn facts_sha256(&self) -> String {
        let facts = Self { sealed_sha256: String::new(), ..self.clone() };
        hex(&Sha256::digest(serde_json::to_vec(&facts).unwrap_or_default()))
    }
}

/// The sealed part.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedKeys<'k> {
    facts_sha256: String,
    access_key_id: &'k str,
    secret_access_key: &'k str,
    session_token: &'k str,
    /// When the keys end, which can be later than the grant does.
    expiration: Timestamp,
    granted_seconds: u32,
    region: Option<String>,
    assumed_role_id: Option<String>,
    source_identity: Option<String>,
    /// The role and the provider that the administrator signed in with, and their session.
    offered_role: String,
    provider: String,
    chained_from: Option<String>,
}

/// Seals the credentials of an issued session to keys. `header` gets the fingerprints of the keys and the digest of the
/// sealed part. `signature` signs the header's line.
pub(crate) async fn seal(
    mut header: GrantHeader,
    issued: &IssuedSession,
    recipients: &[Recipient],
    signer: &dyn super::Signer,
) -> Result<(GrantHeader, String)> {
    header.recipients = recipients.iter().map(|recipient| recipient.fingerprint().to_owned()).collect();
    let answer = &issued.answer;
    let keys = SealedKeys {
        facts_sha256: header.facts_sha256(),
        access_key_id: &answer.credentials.access_key_id,
        secret_access_key: answer.credentials.secret_access_key.expose(),
        session_token: answer.credentials.session_token.expose(),
        expiration: answer.credentials.expiration,
        granted_seconds: issued.granted_seconds,
        region: answer.credentials.region.clone(),
        assumed_role_id: answer.assumed_role_id.clone(),
        source_identity: answer.source_identity.clone(),
        offered_role: issued.offer.role().to_string(),
        provider: issued.offer.provider().to_string(),
        chained_from: issued.chained_from.clone(),
    };
    let file = encrypt(SecretString::from_json(&keys).expose().as_bytes(), recipients).map_err(cannot_seal)?;
    header.sealed_sha256 = hex(&Sha256::digest(&file));
    let line = serde_json::to_string(&header).map_err(|error| cannot_seal(error.into()))?;
    let signature = super::signer::sign(signer, Namespace::Grant, line.as_bytes()).await?;
    let armor = armor(AGE_BEGIN, &[&STANDARD.encode(&file)], AGE_END, ARMOR_WIDTH);
    Ok((header, format!("{line}\n{armor}{}\n", signature.trim_end())))
}

fn cannot_seal(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, Stage::Grant, format!("the credentials cannot be sealed: {error}"))
}

/// Encrypts to every recipient, as a binary age file.
fn encrypt(plaintext: &[u8], recipients: &[Recipient]) -> std::io::Result<Vec<u8>> {
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(Recipient::as_age))
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file)?;
    writer.write_all(plaintext)?;
    writer.finish()?;
    Ok(file)
}

/// A sealed grant that was parsed. Nothing in it can be trusted yet.
#[derive(Debug, Clone)]
pub struct SealedGrant {
    /// The texts that the header's line may have been, before a ticket or a mail wrapped it.
    lines: Vec<String>,
    file: Vec<u8>,
    signature: String,
}

impl SealedGrant {
    /// Finds a sealed grant in a text: a file, a ticket, a mail. Text around it is ignored, as are line ends, quotation marks
    /// of mails (`> `) and line breaks that were inserted into the header.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the text has no sealed grant or several.
    pub fn parse(text: &str) -> Result<Self> {
        let missing = |what: &str| {
            Error::new(
                ErrorKind::InvalidArgument,
                Stage::Grant,
                format!("this is not a sealed grant: it has no {what}"),
            )
            .with_hint("copy the whole text, from the line that begins with `{` to `-----END SSH SIGNATURE-----`")
        };
        if text.len() > MAX_BYTES {
            let message = format!("this is not a sealed grant: it has more than {} KiB", MAX_BYTES >> 10);
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message));
        }
        let lines: Vec<_> = text.lines().collect();
        let begins = lines.iter().filter(|line| unquoted(line) == AGE_BEGIN).count();
        if begins > 1 {
            let message = format!("the text has {begins} sealed grants");
            return Err(
                Error::new(ErrorKind::InvalidArgument, Stage::Grant, message).with_hint("open them one at a time")
            );
        }
        let position = |wanted: &str| position(&lines, 0, wanted);
        let (begin, end) = position(AGE_BEGIN).zip(position(AGE_END)).ok_or_else(|| missing("age file"))?;
        let body: String = lines.get(begin + 1..end).unwrap_or_default().iter().map(|line| unquoted(line)).collect();
        let file = STANDARD.decode(body.trim()).map_err(|_| missing("complete age file"))?;
        let marks = position(SIGNATURE_BEGIN).zip(position(SIGNATURE_END)).filter(|(from, to)| from < to);
        let (from, to) = marks.ok_or_else(|| missing("signature"))?;
        let signature = signature(lines.get(from..=to).unwrap_or_default());
        let before = lines.get(..begin).unwrap_or_default();
        let start = before.iter().rposition(|line| unquoted(line).starts_with("{\""));
        let header = before.get(start.ok_or_else(|| missing("header"))?..).unwrap_or_default();
        Ok(Self { lines: unbroken(header), file, signature })
    }

    /// Verifies that a trusted administrator signed it for the time `now`.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`.
    pub fn verify(self, signers: &Signers, now: Timestamp) -> Result<VerifiedGrant> {
        let mut refused = None;
        for line in &self.lines {
            match verify_line(line, &self.signature, signers, now) {
                Ok(header) => {
                    if header.sealed_sha256 != hex(&Sha256::digest(&self.file)) {
                        return Err(not_genuine("the sealed part does not belong to the signed header"));
                    }
                    return Ok(VerifiedGrant { header, file: self.file });
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| not_genuine("it has no header")))
    }
}

fn verify_line(line: &str, signature: &str, signers: &Signers, now: Timestamp) -> Result<GrantHeader> {
    let header: GrantHeader = serde_json::from_str(line).map_err(|error| {
        not_genuine(format!("its first line cannot be read: {}", excerpt(&error.to_string())))
            .with_hint("a mail or a ticket may have changed the line that begins with `{`: send the grant as a file")
    })?;
    if header.version != VERSION {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Grant,
            format!("the sealed grant has version {} of the format, and this program reads {VERSION}", header.version),
        )
        .with_hint("install a newer version of tempaccess"));
    }
    signers.verify(Namespace::Grant, &header.by, line.as_bytes(), signature, now)?;
    Ok(header)
}

/// A sealed grant that a trusted administrator signed.
#[derive(Debug, Clone)]
pub struct VerifiedGrant {
    header: GrantHeader,
    file: Vec<u8>,
}

impl VerifiedGrant {
    /// The facts of the grant.
    pub fn header(&self) -> &GrantHeader {
        &self.header
    }

    /// Whether it is sealed to this key.
    pub fn is_for(&self, key: &KeyFile) -> bool {
        self.header.recipients.contains(&key.fingerprint())
    }

    /// Opens it with an unlocked key.
    ///
    /// # Errors
    ///
    /// `grant_not_for_you` if it is not sealed to the key, `grant_ended` if it ended before `now`, `grant_not_genuine` if the
    /// sealed part does not fit the header.
    pub fn open(self, key: &KeyFile, now: Timestamp) -> Result<OpenedGrant> {
        let header = self.header;
        header.require_live(now)?;
        let identity = key.as_age()?;
        let opened = decrypt(&self.file, &*identity).map_err(|_| not_for(&header, Some(&key.fingerprint())))?;
        let broken = || not_genuine("the sealed part cannot be read");
        let keys: SealedKeys<'_> = serde_json::from_slice(opened.as_slice()).map_err(|_| broken())?;
        if keys.facts_sha256 != header.facts_sha256() {
            return Err(not_genuine("the sealed part belongs to another grant"));
        }
        let role: RoleArn = header.role.parse().map_err(|_| broken())?;
        let offered: RoleArn = keys.offered_role.parse().map_err(|_| broken())?;
        let provider: ProviderArn = keys.provider.parse().map_err(|_| broken())?;
        let mut credentials = SessionCredentials::new(
            keys.access_key_id,
            keys.secret_access_key.into(),
            keys.session_token.into(),
            // The grant can end before its keys do.
            keys.expiration.min(header.until),
            role,
        );
        credentials.region = keys.region;
        if let Some(defect) = credentials.defect() {
            return Err(not_genuine(defect));
        }
        let mut answer = StsAnswer::new(credentials);
        answer.assumed_role_arn = Some(header.session.clone());
        answer.assumed_role_id = keys.assumed_role_id;
        answer.source_identity = keys.source_identity;
        let granted = header.until.duration_since(now).max(SignedDuration::ZERO).as_secs();
        let scope = SessionScope::new(SessionDuration::from_seconds(granted.clamp(900, 43_200))?);
        let session = IssuedSession {
            offer: RoleOffer::new(offered, provider),
            chained_from: keys.chained_from,
            scope,
            granted_seconds: u32::try_from(granted).unwrap_or(keys.granted_seconds),
            shortened: Vec::new(),
            excess_seconds: None,
            clock_ahead: None,
            answer,
        };
        Ok(OpenedGrant { header, session })
    }
}

fn decrypt(file: &[u8], identity: &dyn age::Identity) -> Result<SecretBytes, age::DecryptError> {
    let decryptor = age::Decryptor::new(file)?;
    let reader = decryptor.decrypt(std::iter::once(identity))?;
    let mut plaintext = SecretBytes::default();
    plaintext.read_to_end(reader.take(MAX_SEALED_BYTES))?;
    Ok(plaintext)
}

/// The error for a grant that is sealed to other keys.
pub(crate) fn not_for(header: &GrantHeader, key: Option<&str>) -> Error {
    let message = match key {
        Some(key) => format!("the grant {} is not sealed to the key {key}", header.id),
        None => format!("the grant {} is not sealed to any of your keys", header.id),
    };
    let sealed = header.recipients.join("`, `");
    Error::new(ErrorKind::GrantNotForYou, Stage::Grant, message).with_hint(format!(
        "it is for `{}`, sealed to `{sealed}`; name the file of that private key with `--identity`, or send `{}` the output of `tempaccess grant key`",
        header.to, header.by
    ))
}

/// A grant whose credentials were decrypted.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenedGrant {
    /// The facts of the grant.
    pub header: GrantHeader,
    /// The session, with its credentials.
    pub session: IssuedSession,
}
