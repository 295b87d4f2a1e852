//! Buckets, and the lists of their objects.

use axum::response::{IntoResponse, Response};

use super::{NAMESPACE, REGION, Request, S3Error, xml};
use crate::http::encode_component;
use crate::idp::escape;

pub(super) fn list_buckets(request: &Request<'_>) -> Result<Response, S3Error> {
    request.judge("s3:ListAllMyBuckets", "arn:aws:s3:::*", |_| {})?;
    let account = &request.caller.session.account;
    let buckets = request.shared.buckets.lock();
    let own = buckets.iter().filter(|(_, bucket)| bucket.account == *account);
    let listed: String = own
        .map(|(name, _)| {
            format!(
                "<Bucket><Name>{}</Name><CreationDate>2026-01-15T09:00:00.000Z</CreationDate></Bucket>",
                escape(name)
            )
        })
        .collect();
    Ok(xml(&format!(
        r#"<ListAllMyBucketsResult xmlns="{NAMESPACE}"><Owner><ID>{account}</ID></Owner><Buckets>{listed}</Buckets></ListAllMyBucketsResult>"#
    )))
}

pub(super) fn get_bucket_location(request: &Request<'_>) -> Result<Response, S3Error> {
    request.authorize_bucket("s3:GetBucketLocation", |_| {})?;
    // us-east-1 has no constraint.
    Ok(xml(&format!(r#"<LocationConstraint xmlns="{NAMESPACE}"/>"#)))
}

pub(super) fn head_bucket(request: &Request<'_>) -> Result<Response, S3Error> {
    request.authorize_bucket("s3:ListBucket", |_| {})?;
    Ok([("x-amz-bucket-region", REGION)].into_response())
}

pub(super) fn list_objects_v2(request: &Request<'_>) -> Result<Response, S3Error> {
    let parameter = |name: &str| request.query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    request.authorize_bucket("s3:ListBucket", |keys| {
        for name in ["prefix", "delimiter", "max-keys"] {
            if let Some(value) = request.query.get(name) {
                keys.set(&format!("s3:{name}"), value);
            }
        }
    })?;
    let limit = match parameter("max-keys").map(str::parse::<usize>) {
        None => 1000,
        Some(Ok(limit)) => limit.min(1000),
        Some(Err(_)) => return Err(S3Error::new(400, "InvalidArgument", "Provided max-keys not an integer")),
    };
    let is_encoded = parameter("encoding-type") == Some("url");
    let shown = |text: &str| if is_encoded { encode_component(text).replace("%2F", "/") } else { escape(text) };
    let prefix = parameter("prefix").unwrap_or_default();
    // S3's tokens are opaque. This one is the last key or common prefix of the page before.
    let after = parameter("continuation-token").or(parameter("start-after"));
    let buckets = request.shared.buckets.lock();
    let bucket = buckets.get(&request.bucket).ok_or_else(S3Error::no_such_bucket)?;
    let (mut contents, mut prefixes) = (String::new(), String::new());
    let (mut count, mut last, mut is_truncated) = (0, String::new(), false);
    for (key, object) in bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        let rest = key.strip_prefix(prefix).unwrap_or_default();
        let common = parameter("delimiter").and_then(|delimiter| {
            rest.find(delimiter).and_then(|at| rest.get(..at + delimiter.len())).map(|head| format!("{prefix}{head}"))
        });
        let name = common.as_ref().unwrap_or(key);
        if *name == last || after.is_some_and(|after| name.as_str() <= after) {
            continue;
        }
        if count == limit {
            is_truncated = true;
            break;
        }
        count += 1;
        last.clone_from(name);
        if common.is_some() {
            prefixes.push_str(&format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", shown(name)));
        } else {
            contents.push_str(&format!(
                "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                shown(key),
                object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                escape(&object.etag()),
                object.content.len()
            ));
        }
    }
    let element = |name: &str, value: Option<&str>| {
        value.map(|value| format!("<{name}>{}</{name}>", shown(value))).unwrap_or_default()
    };
    let token = if is_truncated {
        format!("<NextContinuationToken>{}</NextContinuationToken>", escape(&last))
    } else {
        String::new()
    };
    Ok(xml(&format!(
        r#"<ListBucketResult xmlns="{NAMESPACE}"><Name>{}</Name><Prefix>{}</Prefix>{}{}<MaxKeys>{limit}</MaxKeys><KeyCount>{count}</KeyCount><IsTruncated>{is_truncated}</IsTruncated>{token}{}{contents}{prefixes}</ListBucketResult>"#,
        escape(&request.bucket),
        shown(prefix),
        element("Delimiter", parameter("delimiter")),
        element("StartAfter", parameter("start-after")),
        if is_encoded { "<EncodingType>url</EncodingType>" } else { "" },
    )))
}
