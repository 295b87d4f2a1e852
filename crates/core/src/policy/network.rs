//! Networks that access is limited to: CIDR blocks.

use std::net::IpAddr;

/// Parses a CIDR block: its first address as a number, the bits of an address, and the length of the prefix.
fn parse_network(block: &str) -> Option<(u128, u8, u8)> {
    let (address, length) = block.split_once('/').map_or((block, None), |(address, length)| (address, Some(length)));
    let (number, bits) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let length = length.map_or(Some(bits), |length| length.parse().ok()).filter(|length| *length <= bits)?;
    Some((number, bits, length))
}

/// Whether a CIDR block has every address of another one.
fn contains(block: &str, other: &str) -> bool {
    let (Some((start, bits, length)), Some((inner, inner_bits, inner_length))) =
        (parse_network(block), parse_network(other))
    else {
        return false;
    };
    let prefix = |number: u128| number.checked_shr(u32::from(bits - length)).unwrap_or(0);
    bits == inner_bits && inner_length >= length && prefix(start) == prefix(inner)
}

/// Returns the first network that is not within one of the allowed ones. Without allowed ones, all are.
pub(crate) fn outside<'n>(networks: &'n [String], allowed: &[String]) -> Option<&'n String> {
    networks.iter().find(|network| !allowed.is_empty() && !allowed.iter().any(|block| contains(block, network)))
}

/// Whether a text is a CIDR block.
pub(crate) fn is_network(block: &str) -> bool {
    parse_network(block).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_those_within_it() {
        for (block, other, expected) in [
            ("10.0.0.0/8", "10.1.2.3/32", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "0.0.0.0/0", false),
            ("0.0.0.0/0", "10.0.0.0/8", true),
            ("::/0", "2001:db8::/32", true),
            ("::/0", "10.0.0.0/8", false),
            ("2001:db8::/32", "2001:db9::/48", false),
        ] {
            assert_eq!(contains(block, other), expected, "{block} {other}");
        }
    }
}
