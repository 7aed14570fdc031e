//! Certificates: uploads, what there is, and where it is in use. No private key is in what any of these gives.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use super::Clb;
use super::convert::{deleted, in_use, listed};
use super::error::{UNREADABLE_REPLY, own};
use super::fence::{Fence, Writer};
use super::reads::chunks;
use super::wire::{self, Action, Secret};
use crate::model::{Failure, ListedCertificate};

/// Certificates on one page of `DescribeCertificates`.
const CERTIFICATES_PER_PAGE: usize = 1000;
/// Certificates that one `DescribeCertificates` call may name.
const CERTIFICATES_PER_CALL: usize = 50;
/// Certificates in one `DescribeLoadBalancerListByCertId` call.
const CERTIFICATES_PER_USE: usize = 20;
/// After so many pages nobody believes that a list comes to an end.
const MOST_PAGES: usize = 100;

impl Clb {
    /// All certificates in whose alias this is. A search may show others as well.
    ///
    /// # Errors
    /// When one of the calls (one for 1000 certificates) failed.
    pub async fn certificates_like(&self, part_of_alias: &str) -> Result<Vec<ListedCertificate>, Failure> {
        let search = wire::DescribeCertificates { search_key: Some(part_of_alias.to_owned()), ..Default::default() };
        self.all_certificates(&search).await
    }

    /// Certificates by id; unknown ids are absent, and no ids are no call.
    ///
    /// # Errors
    /// When one of the calls (one for 50 ids) failed.
    pub async fn certificates(&self, ids: &BTreeSet<String>) -> Result<Vec<ListedCertificate>, Failure> {
        let ids: Vec<&String> = ids.iter().collect();
        let parts = chunks(&ids, CERTIFICATES_PER_CALL).map(|part| async move {
            let search = wire::DescribeCertificates { cert_ids: Some(part), ..Default::default() };
            self.all_certificates(&search).await
        });
        let found = try_join_all(parts).await?.into_iter().flatten();
        Ok(found.filter(|found| ids.contains(&&found.id)).collect())
    }

    async fn all_certificates(&self, search: &wire::DescribeCertificates) -> Result<Vec<ListedCertificate>, Failure> {
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = wire::DescribeCertificates {
                offset: i64::try_from(found.len()).ok(),
                limit: i64::try_from(CERTIFICATES_PER_PAGE).ok(),
                ..search.clone()
            };
            let (page, total) = self.read(&page, listed).await?;
            let is_last = page.is_empty();
            found.extend(page);
            if found.len() == total {
                return Ok(found);
            }
            if is_last {
                break;
            }
        }
        let message = format!("Certificates has {} items, and not as many as TotalCount says", found.len());
        Err(own(wire::DescribeCertificates::NAME, UNREADABLE_REPLY, message))
    }

    /// Which of these certificates load balancers of the region have.
    ///
    /// # Errors
    /// When one of the calls (one for 20 ids) failed.
    pub async fn certificates_in_use(&self, ids: &[String]) -> Result<BTreeSet<String>, Failure> {
        let parts = chunks(ids, CERTIFICATES_PER_USE).map(|cert_ids| async move {
            let asked = cert_ids.clone();
            let request = wire::DescribeLoadBalancerListByCertId { cert_ids };
            self.read(&request, |reply| in_use(reply, &asked)).await
        });
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }
}

impl<F: Fence> Writer<'_, F> {
    /// Uploads a certificate of a server, in PEM, under an alias. Returns its id. It is not idempotent: look for the alias before.
    ///
    /// # Errors
    /// When the call failed. After [`Class::Unreachable`](crate::model::Class::Unreachable) or
    /// [`Class::Transient`](crate::model::Class::Transient) it may have happened.
    pub async fn upload_certificate(&self, alias: &str, chain: &str, key: &Secret) -> Result<String, Failure> {
        let request = wire::UploadCertificate {
            certificate_public_key: chain.to_owned(),
            certificate_private_key: Some(key.clone()),
            certificate_type: Some("SVR".to_owned()),
            alias: Some(alias.to_owned()),
            // One that somebody else has uploaded is theirs: they may delete it.
            repeatable: Some(true),
            ..Default::default()
        };
        self.write(&request, super::convert::uploaded).await.map(|(id, _)| id)
    }

    /// Deletes a certificate. The cloud does not look whether it is in use.
    ///
    /// # Errors
    /// When the call failed; [`Class::NotFound`](crate::model::Class::NotFound) when there is none.
    pub async fn delete_certificate(&self, id: &str) -> Result<(), Failure> {
        let request = wire::DeleteCertificate { certificate_id: id.to_owned(), is_check_resource: None };
        self.write(&request, |reply| deleted(&reply)).await.map(drop)
    }
}
