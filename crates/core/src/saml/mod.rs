//! From what an identity provider sent to the facts in it.
//!
//! [`SamlResponse`] unwraps (base64, DEFLATE, an HTML page, a SOAP envelope) and keeps the original base64 for STS.
//! [`Assertion`] is what reading finds: facts, untrusted and unjudged. [`problems`](Assertion::problems) is the judgement:
//! what AWS would refuse, and why. [`Inspection`] is both, as the stable JSON of `tempaccess inspect`.

mod assertion;
mod aws;
mod base64;
mod charset;
mod html;
mod inspection;
mod limits;
mod namespaces;
mod problem;
mod reader;
mod response;
mod soap;
mod tag;
mod time;
#[cfg(feature = "verify")]
pub(crate) mod tree;
mod wrapping;
mod xml;

pub use assertion::{Assertion, Content, ResponseFacts, Skipped, Status, Subject, SubjectConfirmation};
pub use aws::AwsAttributes;
pub use inspection::{Inspection, Signed};
pub use limits::Limits;
#[cfg(feature = "browser")]
pub(crate) use problem::SIGN_IN_HOSTS;
pub use problem::{Problem, ProblemCode};
#[cfg(feature = "verify")]
pub(crate) use problem::{is_aws_audience, partition_of_recipient};
#[cfg(feature = "verify")]
pub(crate) use reader::{ASSERTION, PROTOCOL};
pub use response::SamlResponse;
pub(crate) use response::hex;

/// The audience that AWS expects in an assertion, in every partition but China's and GovCloud's.
pub const AWS_AUDIENCE: &str = "urn:amazon:webservices";
