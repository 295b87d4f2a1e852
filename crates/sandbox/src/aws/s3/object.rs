//! Objects.

use std::ops::Range;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use roxmltree::Document;

use super::state::Object;
use super::{Keys, NAMESPACE, Request, S3Error, body, xml};
use crate::http::http_date;
use crate::idp::escape;

/// GetObject and HeadObject.
pub(super) fn get_object(request: &Request<'_>) -> Result<Response, S3Error> {
    request.authorize_object("s3:GetObject", &request.key, |_| {})?;
    let Some(object) = find(request) else {
        // Who must not list the bucket does not learn which objects exist.
        request.authorize_bucket("s3:ListBucket", |_| {})?;
        return Err(S3Error::no_such_key());
    };
    let size = object.content.len();
    let (status, range) = match request.received.header("range") {
        None => (StatusCode::OK, 0..size),
        Some(text) => (StatusCode::PARTIAL_CONTENT, byte_range(text, size).ok_or_else(S3Error::invalid_range)?),
    };
    let headers = [
        ("content-type", object.content_type.clone()),
        ("content-length", range.len().to_string()),
        ("etag", object.etag()),
        ("last-modified", http_date(object.modified)),
    ];
    let content_range = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| [("content-range", format!("bytes {}-{}/{size}", range.start, range.end - 1))]);
    let content = if request.received.method == Method::HEAD { None } else { object.content.get(range) };
    let mut answer = (status, headers, content.unwrap_or_default().to_vec()).into_response();
    for (name, value) in content_range.into_iter().flatten() {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

/// Reads a header `Range` with one range: `bytes=0-9`, `bytes=10-` or `bytes=-5`. `None` if nothing of it is there.
fn byte_range(text: &str, size: usize) -> Option<Range<usize>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", length) => size.saturating_sub(length.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => first.parse().ok()?..last.parse::<usize>().ok()?.saturating_add(1).min(size),
    };
    (!range.is_empty()).then_some(range)
}

/// PutObject, with the conditions `If-None-Match: *` and `If-Match`.
pub(super) fn put_object(request: &Request<'_>) -> Result<Response, S3Error> {
    let set = |keys: &mut Keys| {
        if let Some(condition) = request.received.header("if-none-match") {
            keys.set("s3:if-none-match", condition);
        }
    };
    request.authorize_object("s3:PutObject", &request.key, set)?;
    if request.received.header("x-amz-copy-source").is_some() {
        return Err(S3Error::not_implemented());
    }
    let content = body::content(request.received, &request.caller)?;
    let content_type = request.received.header("content-type").unwrap_or("binary/octet-stream").to_owned();
    let object = Object { content, content_type, modified: request.shared.clock.now() };
    let etag = object.etag();
    let mut buckets = request.shared.buckets.lock();
    let bucket = buckets.get_mut(&request.bucket).ok_or_else(S3Error::no_such_bucket)?;
    if bucket.object_lock && !has_checksum(request) {
        return Err(S3Error::new(
            400,
            "InvalidRequest",
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
        ));
    }
    let existing = bucket.objects.get(&request.key).map(Object::etag);
    match (request.received.header("if-none-match"), request.received.header("if-match"), existing) {
        (Some("*"), _, Some(_)) => return Err(S3Error::precondition_failed()),
        (Some(other), _, _) if other != "*" => return Err(S3Error::not_implemented()),
        (_, Some(_), None) => return Err(S3Error::no_such_key()),
        (_, Some(wanted), Some(found)) if wanted.trim_matches('"') != found.trim_matches('"') => {
            return Err(S3Error::precondition_failed());
        }
        _ => {}
    }
    bucket.objects.insert(request.key.clone(), object);
    Ok(([("etag", etag)], "").into_response())
}

/// Whether an upload has a checksum, which is not verified.
fn has_checksum(request: &Request<'_>) -> bool {
    request.received.headers.keys().any(|name| {
        let name = name.as_str();
        name.starts_with("x-amz-checksum-") || ["content-md5", "x-amz-trailer"].contains(&name)
    })
}

/// DeleteObject, which succeeds as well if there is no such object.
pub(super) fn delete_object(request: &Request<'_>) -> Result<Response, S3Error> {
    request.authorize_object("s3:DeleteObject", &request.key, |_| {})?;
    request.shared.buckets.delete_object(&request.bucket, &request.key);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// DeleteObjects. Each object is judged by itself.
pub(super) fn delete_objects(request: &Request<'_>) -> Result<Response, S3Error> {
    let malformed = || S3Error::new(400, "MalformedXML", "The XML you provided was not well-formed");
    let content = body::content(request.received, &request.caller)?;
    let text = String::from_utf8(content).map_err(|_| malformed())?;
    let document = Document::parse(&text).map_err(|_| malformed())?;
    let keys = document.descendants().filter(|node| node.tag_name().name() == "Key").filter_map(|node| node.text());
    let mut results = String::new();
    for key in keys {
        let shown = escape(key);
        match request.authorize_object("s3:DeleteObject", key, |_| {}) {
            Ok(()) => {
                request.shared.buckets.delete_object(&request.bucket, key);
                results.push_str(&format!("<Deleted><Key>{shown}</Key></Deleted>"));
            }
            Err(error) => results.push_str(&format!("<Error><Key>{shown}</Key>{}</Error>", error.elements())),
        }
    }
    Ok(xml(&format!(r#"<DeleteResult xmlns="{NAMESPACE}">{results}</DeleteResult>"#)))
}

fn find(request: &Request<'_>) -> Option<Object> {
    request.shared.buckets.lock().get(&request.bucket)?.objects.get(&request.key).cloned()
}
