//! Reading SAML responses: from what an identity provider sent to the facts in it.
//!
//! [`SamlResponse`] unwraps a response (base64, DEFLATE, an HTML page, a SOAP envelope, what developer tools copy) and keeps
//! the original base64 for STS. [`Assertion`] holds the facts that reading finds, neither verified nor judged.
//! [`problems`](Assertion::problems) judges them: what AWS would refuse, and why. [`Inspection`] combines both into the stable
//! JSON of `tempaccess inspect`.
//!
//! ```
//! use tempaccess_core::SamlResponse;
//! use tempaccess_core::saml::{Inspection, Limits};
//!
//! let copied = r#"{"SAMLResponse": "PHA6UmVzcG9uc2UgeG1sbnM6cD0idXJuOm9hc2lzOm5hbWVzOnRjOlNBTUw6Mi4wOnByb3RvY29sIi8+"}"#;
//! let assertion = SamlResponse::detect(copied.as_bytes(), &Limits::default())?.read()?;
//! let inspection = Inspection::new(&assertion, jiff::Timestamp::now());
//! assert_eq!(inspection.problems[0].code.as_str(), "status_not_success");
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

mod assertion;
mod aws;
mod characters;
mod declaration;
mod document_error;
mod element;
mod inspection;
mod limits;
mod names;
mod namespaces;
mod problem;
mod reader;
mod response;
mod sign_in;
mod skipped;
mod tag;
mod time;
#[cfg(feature = "verify")]
pub(crate) mod tree;
mod wrapping;
mod xml;

pub use assertion::{Assertion, Content, ResponseFacts, Status, Subject, SubjectConfirmation};
pub use aws::AwsAttributes;
#[cfg(feature = "samael")]
pub(crate) use characters::is_name;
#[cfg(feature = "samael")]
pub(crate) use declaration::without as without_declaration;
#[cfg(feature = "verify")]
pub(crate) use document_error::DocumentError;
pub use inspection::{Inspection, Signed};
pub use limits::Limits;
pub use names::AWS_AUDIENCE;
#[cfg(feature = "verify")]
pub(crate) use names::{ASSERTION, PROTOCOL, SIGNATURE};
pub use problem::{Problem, ProblemCode};
pub use response::SamlResponse;
pub(crate) use response::hex;
#[cfg(feature = "browser")]
#[cfg(all(unix, feature = "browser"))]
pub(crate) use sign_in::SIGN_IN_HOSTS;
#[cfg(feature = "verify")]
pub(crate) use sign_in::{is_aws_audience, partition_of_recipient};
pub use skipped::Skipped;
#[cfg(feature = "verify")]
pub(crate) use time::parse as parse_time;
#[cfg(feature = "verify")]
pub(crate) use wrapping::{decode_xml, looks_like_xml};
