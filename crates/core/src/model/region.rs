//! Regions of the cloud, for words: which of them there are, the cloud alone decides.

use super::{Failure, Region, nearest};

/// Regions that a misspelt one may stand for. A name that is missing here is only not offered. Source: "Hosted region" on the page
/// "Request Structure" of CLB's API (214/33791), and the list of regions of CVM (213/6091).
const KNOWN: [&str; 20] = [
    "ap-bangkok",
    "ap-beijing",
    "ap-chengdu",
    "ap-chongqing",
    "ap-guangzhou",
    "ap-hongkong",
    "ap-jakarta",
    "ap-mumbai",
    "ap-nanjing",
    "ap-seoul",
    "ap-shanghai",
    "ap-shanghai-fsi",
    "ap-shenzhen-fsi",
    "ap-singapore",
    "ap-tokyo",
    "eu-frankfurt",
    "na-ashburn",
    "na-siliconvalley",
    "na-toronto",
    "sa-saopaulo",
];

/// Codes by which the cloud says that it has no such region. Source: the pages on common errors and on `DescribeLoadBalancers` of
/// CLB's API.
const CODES: [&str; 2] = ["UnsupportedRegion", "InvalidParameter.RegionNotFound"];

/// The cloud has no region of the name that the call was sent to.
pub fn is_unknown_region(failure: &Failure) -> bool {
    CODES.iter().any(|code| failure.code == *code || failure.code.starts_with(&format!("{code}.")))
}

/// The region that was probably meant; `None` where no other is near.
pub fn nearest_region(region: &Region) -> Option<&'static str> {
    nearest(region.as_str(), KNOWN.iter().copied().filter(|known| *known != region.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Class;

    #[test]
    fn the_region_that_was_meant_is_found() {
        for (region, expected) in [
            ("ap-guangzou", Some("ap-guangzhou")),
            ("AP-Shanghai", Some("ap-shanghai")),
            ("ap-shanghai", None),
            ("guangzhou", Some("ap-guangzhou")),
            ("us-east-1", None),
        ] {
            assert_eq!(nearest_region(&Region::new(region)), expected, "{region}");
        }
    }

    #[test]
    fn only_a_refusal_of_the_region_is_one() {
        for (code, expected) in [
            ("UnsupportedRegion", true),
            ("UnsupportedRegion.Offline", true),
            ("InvalidParameter.RegionNotFound", true),
            ("UnsupportedRegions", false),
            ("InvalidParameter.LBIdNotFound", false),
        ] {
            let failure = Failure {
                class: Class::Invalid,
                action: "DescribeLoadBalancers",
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
            };
            assert_eq!(is_unknown_region(&failure), expected, "{code}");
        }
    }
}
