//! The regions of STS.

use crate::error::{Error, ErrorKind, Result, Stage};

/// Returns the default region of a partition's STS, or an error that asks for one.
pub(super) fn default_region(partition: &str) -> Result<&'static str> {
    Ok(match partition {
        "aws" => "us-east-1",
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        other => {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Exchange,
                format!("no default region is known for the partition `{other}`"),
            )
            .with_hint("set one with `--region`"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::partition_of_region;

    #[test]
    fn the_default_region_of_a_partition_is_in_it() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"] {
            assert_eq!(partition_of_region(default_region(partition).unwrap()), partition);
        }
        assert!(default_region("aws-moon").is_err());
    }
}
