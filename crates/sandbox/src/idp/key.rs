use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use bergshamra::keys::loader;
use bergshamra::{DsigContext, KeysManager};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use x509_cert::builder::{Builder, CertificateBuilder, Profile};
use x509_cert::der::EncodePem;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;

/// The key that the sandbox's Okta signs with. Each process has one of its own.
#[derive(Clone)]
pub(crate) struct SigningKey {
    private_pem: String,
    certificate_pem: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// The process's key, made when it is first needed.
    pub(crate) fn of_this_process() -> Result<&'static Self, String> {
        static KEY: OnceLock<Result<SigningKey, String>> = OnceLock::new();
        KEY.get_or_init(|| Self::generate().map_err(|error| format!("no signing key can be made: {error}")))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn generate() -> Result<Self, Box<dyn std::error::Error>> {
        let key = RsaPrivateKey::new(&mut OsRng, 2048)?;
        let private_pem = key.to_pkcs8_pem(LineEnding::LF)?.to_string();
        let public = SubjectPublicKeyInfoOwned::from_key(key.to_public_key())?;
        let signer = pkcs1v15::SigningKey::<Sha256>::new(key);
        let builder = CertificateBuilder::new(
            Profile::Root,
            SerialNumber::from(1_u32),
            Validity::from_now(Duration::from_secs(10 * 365 * 86_400))?,
            Name::from_str("CN=tempaccess sandbox - trust it in tests only")?,
            public,
            &signer,
        )?;
        let certificate = builder.build::<pkcs1v15::Signature>()?;
        Ok(Self { private_pem, certificate_pem: certificate.to_pem(x509_cert::der::pem::LineEnding::LF)? })
    }

    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The certificate's base64 alone, as XML has it.
    pub(crate) fn certificate_base64(&self) -> String {
        self.certificate_pem.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    /// A signature over bytes: RSASSA-PKCS1-v1_5 with SHA-256, as `RS256` of JWTs.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        use rsa::pkcs8::DecodePrivateKey;
        use rsa::signature::{SignatureEncoding, Signer};
        // The PEM is our own.
        let key = RsaPrivateKey::from_pkcs8_pem(&self.private_pem).map(pkcs1v15::SigningKey::<Sha256>::new);
        key.map(|key| key.sign(bytes).to_vec()).unwrap_or_default()
    }

    /// Fills in the first signature of the document.
    pub(crate) fn sign(&self, template: &str) -> Result<String, String> {
        let key = loader::load_pem_auto(self.private_pem.as_bytes(), None).map_err(|error| error.to_string())?;
        let mut keys = KeysManager::new();
        keys.add_key(key);
        let context = DsigContext::new(keys);
        bergshamra::sign(&context, template).map_err(|error| error.to_string())
    }
}
