//! Certificates.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, offset};

use super::{Malformed, Result, collect, needed};
use crate::clb::wire;
use crate::model::ListedCertificate;

/// The cloud's times are those of Beijing, without saying so.
const HOURS_AHEAD: i8 = 8;

/// One page of certificates, and how many there are in all.
pub(in crate::clb) fn certificates(reply: wire::DescribeCertificatesReply) -> Result<(Vec<ListedCertificate>, usize)> {
    let total = needed(reply.total_count, "TotalCount")?;
    let total = usize::try_from(total).map_err(|_| Malformed::new(format!("TotalCount is {total}")))?;
    let rows =
        if total == 0 { reply.certificates.unwrap_or_default() } else { needed(reply.certificates, "Certificates")? };
    let page = collect("Certificates", rows, |row| {
        let row: wire::ListedCertificate =
            serde_json::from_value(row).map_err(|error| Malformed::new(error.to_string()))?;
        let id = needed(row.certificate_id.filter(|id| !id.is_empty()), "CertificateId")?;
        // One without a name is nobody's of ours.
        let alias = row.alias.unwrap_or_default();
        Ok(ListedCertificate { id, alias, ends: row.cert_end_time.as_deref().and_then(time) })
    })?;
    Ok((page, total))
}

fn time(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    Some(civil.to_zoned(TimeZone::fixed(offset(HOURS_AHEAD))).ok()?.timestamp())
}

/// The id of an upload.
pub(in crate::clb) fn uploaded(reply: wire::UploadCertificateReply) -> Result<String> {
    let is_said = |id: &String| !id.is_empty();
    needed(reply.certificate_id.filter(is_said), "CertificateId")
}

/// Whether a certificate was deleted.
pub(in crate::clb) fn deleted(reply: &wire::DeleteCertificateReply) -> Result<()> {
    match reply.delete_result {
        Some(true) => Ok(()),
        _ => Err(Malformed::partial("DeleteResult is not true")),
    }
}

/// Which of these certificates load balancers of the region have. One that the reply does not name may have been lost, which fails.
pub(in crate::clb) fn in_use(
    reply: wire::DescribeLoadBalancerListByCertIdReply,
    asked: &[String],
) -> Result<BTreeSet<String>> {
    let rows = collect("CertSet", needed(reply.cert_set, "CertSet")?, |row| {
        let id = needed(row.cert_id, "CertId")?;
        let users = needed(row.load_balancers, "LoadBalancers")?;
        Ok((id, !users.is_empty()))
    })?;
    match asked.iter().find(|id| !rows.iter().any(|(named, _)| named == *id)) {
        Some(missing) => Err(Malformed::partial(format!("CertSet does not name '{missing}'"))),
        None => Ok(rows.into_iter().filter(|(_, is_used)| *is_used).map(|(id, _)| id).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reply<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_list_is_read_as_a_whole_or_not_at_all() {
        let row = json!({"CertificateId": "abc", "Alias": "mine", "CertEndTime": "2026-12-01 08:00:00", "Status": 1});
        let (page, total) = certificates(reply(json!({"TotalCount": 7, "Certificates": [row]}))).unwrap();
        let ends = Some("2026-12-01T00:00:00Z".parse().unwrap());
        assert_eq!((&page[..], total), (&[ListedCertificate { id: "abc".into(), alias: "mine".into(), ends }][..], 7));
        assert_eq!(certificates(reply(json!({"TotalCount": 0, "Certificates": null}))).unwrap(), (Vec::new(), 0));
        for lacking in [
            json!({"Certificates": [{"CertificateId": "abc"}]}),
            json!({"TotalCount": 1}),
            json!({"TotalCount": 1, "Certificates": [{"Alias": "mine"}]}),
            json!({"TotalCount": 1, "Certificates": ["abc"]}),
            json!({"TotalCount": -1, "Certificates": []}),
        ] {
            assert!(certificates(reply(lacking.clone())).is_err(), "{lacking}");
        }
    }

    #[test]
    fn a_certificate_is_unused_only_where_the_reply_says_so() {
        let asked = ["a".to_owned(), "b".to_owned()];
        let used = json!({"CertId": "a", "LoadBalancers": [{"LoadBalancerId": "lb-1"}]});
        let both = json!({"CertSet": [used, {"CertId": "b", "LoadBalancers": []}]});
        assert_eq!(in_use(reply(both), &asked).unwrap(), ["a".to_owned()].into());
        for lacking in [
            json!({"CertSet": null}),
            json!({"CertSet": [used]}),
            json!({"CertSet": [used, {"CertId": "b", "LoadBalancers": null}]}),
        ] {
            assert!(in_use(reply(lacking.clone()), &asked).is_err(), "{lacking}");
        }
    }
}
