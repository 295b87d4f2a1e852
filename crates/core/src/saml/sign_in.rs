//! The sign-in endpoints of AWS, to which SAML responses are sent.

use super::names::AWS_AUDIENCE;

/// The hosts of AWS's sign-in, each with its partition. Regional endpoints are subdomains of them.
pub(crate) const SIGN_IN_HOSTS: [(&str, &str); 8] = [
    ("signin.aws.amazon.com", "aws"),
    ("signin.amazonaws.cn", "aws-cn"),
    ("signin.amazonaws-us-gov.com", "aws-us-gov"),
    ("signin.amazonaws-eusc.eu", "aws-eusc"),
    ("signin.c2shome.ic.gov", "aws-iso"),
    ("signin.sc2shome.sgov.gov", "aws-iso-b"),
    ("signin.csphome.adc-e.uk", "aws-iso-e"),
    ("signin.csphome.hci.ic.gov", "aws-iso-f"),
];

/// The partition whose sign-in endpoint `url` is: `https://[REGION.]HOST[/static]/saml[/acs/ID]`.
pub(crate) fn partition_of_recipient(url: &str) -> Option<&'static str> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let path = path.strip_prefix("static/").unwrap_or(path);
    let is_id =
        |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if path != "saml" && !path.strip_prefix("saml/acs/").is_some_and(is_id) {
        return None;
    }
    SIGN_IN_HOSTS.iter().find_map(|(known, partition)| {
        let before = host.strip_suffix(known)?;
        (before.is_empty() || before.strip_suffix('.').is_some_and(is_region)).then_some(*partition)
    })
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether an audience is AWS in any partition: its entity ID or its sign-in endpoint.
pub(crate) fn is_aws_audience(audience: &str) -> bool {
    matches!(audience, AWS_AUDIENCE | "urn:amazon:webservices:cn-north-1" | "urn:amazon:webservices:govcloud")
        || partition_of_recipient(audience).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_of_every_partition() {
        for (url, partition) in [
            ("https://signin.aws.amazon.com/saml", Some("aws")),
            ("https://eu-west-1.signin.aws.amazon.com/saml", Some("aws")),
            ("https://signin.aws.amazon.com/static/saml", Some("aws")),
            ("https://us-east-1.signin.aws.amazon.com/saml/acs/SAMLSPABC", Some("aws")),
            ("https://signin.amazonaws.cn/saml", Some("aws-cn")),
            ("https://us-gov-west-1.signin.amazonaws-us-gov.com/saml", Some("aws-us-gov")),
        ] {
            assert_eq!(partition_of_recipient(url), partition, "{url}");
        }
    }

    #[test]
    fn other_addresses_are_not_sign_in_endpoints() {
        for url in [
            "http://signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com.evil.example/saml",
            "https://a.b.signin.aws.amazon.com/saml",
            "https://xsignin.aws.amazon.com/saml",
            "https://.signin.aws.amazon.com/saml",
            "https://evil.example?.signin.aws.amazon.com/saml",
            "https://evil.example#.signin.aws.amazon.com/saml",
            "https://evil.example\\.signin.aws.amazon.com/saml",
            "https://2130706433:80?.signin.aws.amazon.com/saml",
            "https://user@.signin.aws.amazon.com/saml",
            "https://user:pass@signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com:8443/saml",
            "https://EU-WEST-1.signin.aws.amazon.com/saml",
            "https://eu west 1.signin.aws.amazon.com/saml",
            "https://e\u{fc}.signin.aws.amazon.com/saml",
            "https://eu_west_1.signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com/samlx",
            "https://signin.aws.amazon.com/saml/",
            "https://signin.aws.amazon.com/saml?x",
            "https://signin.aws.amazon.com/saml/acs/",
            "https://signin.aws.amazon.com/saml/acs/../../x",
            "https://signin.aws.amazon.com/saml/acs/A?x",
            "https://signin.aws.amazon.com",
        ] {
            assert_eq!(partition_of_recipient(url), None, "{url}");
        }
    }
}
