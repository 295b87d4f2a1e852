//! Bodies in chunks (`aws-chunked`): "Signature calculations for the Authorization header", S3 user guide.

use sha2::{Digest, Sha256};

use super::error::S3Error;
use crate::aws::credentials::{Caller, CallerError};
use crate::aws::received::Received;
use crate::aws::sigv4::{self, hex};

/// Returns the content of a request. Chunks are joined, their signatures verified, and checksums after them ignored.
pub(super) fn content(request: Received<'_>, caller: &Caller) -> Result<Vec<u8>, S3Error> {
    let Some(kind) = request.header("x-amz-content-sha256").filter(|kind| kind.starts_with("STREAMING-")) else {
        return Ok(request.body.to_vec());
    };
    let incomplete = || S3Error::new(400, "IncompleteBody", "The request body terminated unexpectedly");
    let signed = sigv4::read(request.headers).ok_or(CallerError::NotSigned)?;
    let has_signatures = kind.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    let mut previous = signed.signature.to_owned();
    let mut content = Vec::new();
    let mut rest = request.body;
    loop {
        let (head, after) = line(rest).ok_or_else(incomplete)?;
        let (size, extension) = head.split_once(';').unwrap_or((head, ""));
        let size = usize::from_str_radix(size, 16).map_err(|_| incomplete())?;
        let chunk = after.get(..size).ok_or_else(incomplete)?;
        if has_signatures {
            let to_sign = format!(
                "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{previous}\n{}\n{}",
                signed.date,
                signed.scope,
                hex(&Sha256::digest(b"")),
                hex(&Sha256::digest(chunk))
            );
            previous = sigv4::sign(signed.scope, &caller.session.secret, &to_sign);
            if extension.strip_prefix("chunk-signature=") != Some(previous.as_str()) {
                return Err(CallerError::WrongSignature.into());
            }
        }
        if size == 0 {
            break;
        }
        content.extend_from_slice(chunk);
        rest = after.get(size..).and_then(|rest| rest.strip_prefix(b"\r\n")).ok_or_else(incomplete)?;
    }
    let stated = request.header("x-amz-decoded-content-length").and_then(|length| length.parse::<usize>().ok());
    if stated.is_some_and(|length| length != content.len()) {
        return Err(incomplete());
    }
    Ok(content)
}

/// Splits a line from the rest.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 2..)?))
}
