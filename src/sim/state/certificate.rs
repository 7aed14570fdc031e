//! Certificates of the account: they are uploaded, listed and deleted at once. Listeners take any id, as if somebody else had bought it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use x509_parser::pem::Pem;

use super::super::error::{ApiError, ApiResult};
use super::query::check_length;
use super::{Context, Handle, Handled, Listener, LoadBalancer, State};
use crate::clb::wire::{
    CertIdRelatedWithLoadBalancers, CertificateOutput, DeleteCertificate, DeleteCertificateReply, DescribeCertificates,
    DescribeCertificatesReply, DescribeLoadBalancerListByCertId, DescribeLoadBalancerListByCertIdReply, TagInfo,
    UploadCertificate, UploadCertificateReply,
};
use crate::model::{ListenerId, LoadBalancerId};

/// A certificate that somebody has uploaded. Its private key is not kept.
#[derive(Clone, Debug)]
pub(super) struct Uploaded {
    alias: String,
    kind: String,
    project: i64,
    tags: Vec<TagInfo>,
    fingerprint: String,
    domain: String,
    names: Vec<String>,
    begins: Timestamp,
    ends: Timestamp,
    at: String,
}

/// The uploads by id.
pub(super) type Uploads = BTreeMap<String, Uploaded>;

fn refused(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(format!("FailedOperation.{code}"), message)
}

/// A time as the service shows it: Beijing's, without saying so.
fn shown_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::fixed(offset(8))).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Reads the first certificate of a chain.
fn read(request: &UploadCertificate, at: String) -> ApiResult<Uploaded> {
    let invalid = |message: String| refused("CertificateInvalid", message);
    let blocks: Result<Vec<Pem>, _> = Pem::iter_from_buffer(request.certificate_public_key.as_bytes()).collect();
    let blocks = blocks.map_err(|error| invalid(error.to_string()))?;
    let first = blocks.first().filter(|block| block.label == "CERTIFICATE");
    let first = first.ok_or_else(|| invalid("there is no certificate".to_owned()))?;
    let leaf = first.parse_x509().map_err(|error| invalid(error.to_string()))?;
    let names = leaf.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|found| &found.value.general_names).filter_map(|name| match name {
        x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let common = leaf.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default();
    Ok(Uploaded {
        alias: request.alias.clone().unwrap_or_default(),
        kind: request.certificate_type.clone().unwrap_or_else(|| "SVR".to_owned()),
        project: request.project_id.unwrap_or_default(),
        tags: request.tags.clone().unwrap_or_default(),
        fingerprint: hex::encode(Sha256::digest(&first.contents)),
        domain: common.to_owned(),
        names: names.collect(),
        begins: time(leaf.validity().not_before.timestamp()),
        ends: time(leaf.validity().not_after.timestamp()),
        at,
    })
}

/// The key must be there and belong to the certificate, as far as its form says.
fn check_key(request: &UploadCertificate) -> ApiResult<()> {
    let Some(key) = &request.certificate_private_key else { return Err(ApiError::missing("CertificatePrivateKey")) };
    let mismatch =
        |why: String| refused("CertificateMismatch", format!("certificate and private key do not match: {why}"));
    let key = rcgen::KeyPair::from_pem(key.expose()).map_err(|error| mismatch(error.to_string()))?;
    let first = Pem::iter_from_buffer(request.certificate_public_key.as_bytes()).next();
    let first = first.and_then(Result::ok).ok_or_else(|| mismatch("there is no certificate".to_owned()))?;
    let leaf = first.parse_x509().map_err(|error| mismatch(error.to_string()))?;
    if leaf.public_key().subject_public_key.data != rcgen::PublicKeyData::der_bytes(&key) {
        return Err(mismatch("another public key".to_owned()));
    }
    Ok(())
}

impl Uploaded {
    /// A row of a list.
    fn shown(&self, id: &str, owner: &str) -> Value {
        let days = (self.ends.as_second() - self.begins.as_second()) / 86_400;
        let mut row = json!({
            "OwnerUin": owner, "ProjectId": self.project.to_string(), "From": "upload", "PackageType": "",
            "CertificateType": self.kind, "ProductZhName": "", "Domain": self.domain, "Alias": self.alias, "Status": 1,
            "CertificateExtra": {
                "DomainNumber": "1", "OriginCertificateId": null, "ReplacedBy": null, "ReplacedFor": null,
                "RenewOrder": null, "SMCert": 0, "CompanyType": 0, "ServiceRenewCertificateId": "",
                "ServiceOriginCertificateId": "",
            },
            "VulnerabilityStatus": "INACTIVE", "StatusMsg": "", "VerifyType": "", "StatusName": "",
            "CertBeginTime": shown_time(self.begins), "CertEndTime": shown_time(self.ends),
            "ValidityPeriod": (days / 30).to_string(), "InsertTime": self.at, "CertificateId": id,
            "SubjectAltName": self.names, "PackageTypeName": "", "Tags": self.tags, "BoundResource": [],
            "ProjectInfo": {
                "ProjectName": "", "ProjectCreatorUin": 0, "ProjectCreateTime": "", "ProjectResume": "", "OwnerUin": 0,
                "ProjectId": self.project.to_string(),
            },
        });
        row.as_object_mut().into_iter().for_each(|row| row.extend(unused()));
        row
    }

    fn matches(&self, id: &str, asked: &DescribeCertificates) -> bool {
        let is_found = |part: &String| {
            [id, &self.alias, &self.domain]
                .into_iter()
                .chain(self.names.iter().map(String::as_str))
                .any(|text| text.contains(part.as_str()))
        };
        asked.search_key.as_ref().is_none_or(is_found)
            && asked.certificate_type.as_ref().is_none_or(|kind| *kind == self.kind)
            && asked.project_id.is_none_or(|project| project == self.project)
            && asked.cert_ids.as_ref().is_none_or(|ids| ids.iter().any(|one| one == id))
    }
}

/// What rows of lists have beside that, of uploads the same for each.
fn unused() -> Map<String, Value> {
    let no = "IsVip IsDv IsWildcard IsVulnerability RenewAble IsIgnore IsSM ReplaceOriCertIsDelete IsExpiring IsDNSPODResolve IsPackage \
              KeyPasswordCustomFlag IsHostingUploadRenewCert";
    let empty = "EncryptAlgorithm HostingCompleteTime HostingRenewCertId HasRenewOrder DVAuthDeadline ValidationPassedTime \
                 AwaitingValidationMsg";
    let none = "CAEncryptAlgorithms CAEndTimes CACommonNames CertSANs";
    let all =
        |names: &'static str, value: Value| names.split_whitespace().map(move |name| (name.to_owned(), value.clone()));
    let servers = ["NGINX", "APACHE", "TOMCAT", "IIS", "JKS", "OTHER", "ROOT"];
    let downloads: Map<_, _> = servers.into_iter().map(|server| (server.to_owned(), json!(true))).collect();
    let others = [
        ("Deployable", json!(true)),
        ("AllowDownload", json!(true)),
        ("AutoRenewFlag", json!(0)),
        ("HostingStatus", json!(0)),
        ("PreAuditInfo", json!({"TotalPeriod": 0, "NowPeriod": 0, "ManagerId": ""})),
        ("SupportDownloadType", downloads.into()),
    ];
    let others = others.into_iter().map(|(name, value)| (name.to_owned(), value));
    all(no, json!(false)).chain(all(empty, json!(""))).chain(all(none, json!([]))).chain(others).collect()
}

impl Handle for UploadCertificate {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<UploadCertificateReply>> {
        let uploaded = read(&self, shown_time(state.wall(context.now)))?;
        if uploaded.kind == "SVR" {
            check_key(&self)?;
        }
        let same = |other: &&Uploaded| other.fingerprint == uploaded.fingerprint;
        let there = state.certificates.iter().find(|(_, other)| same(other)).map(|(id, _)| id.clone());
        if let Some(there) = there.filter(|_| self.repeatable == Some(false)) {
            return Ok(
                UploadCertificateReply { certificate_id: Some(String::new()), repeat_cert_id: Some(there) }.into()
            );
        }
        let id = state.new_id("");
        state.certificates.insert(id.clone(), uploaded);
        Ok(UploadCertificateReply { certificate_id: Some(id), repeat_cert_id: Some(String::new()) }.into())
    }
}

impl Handle for DescribeCertificates {
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<DescribeCertificatesReply>> {
        // More are treated as 1000.
        let limit = usize::try_from(self.limit.unwrap_or(10)).unwrap_or_default().min(1000);
        let offset = usize::try_from(self.offset.unwrap_or(0)).map_err(|_| ApiError::value("Offset is negative"))?;
        if self.cert_ids.as_ref().is_some_and(|ids| ids.len() > 50) {
            return Err(ApiError::new("InvalidParameter.CertificateIdNumberLimit", "at most 50 CertIds"));
        }
        let owner = &state.config.account;
        let matching: Vec<_> = state.certificates.iter().filter(|(id, one)| one.matches(id, &self)).collect();
        let page = matching.iter().skip(offset).take(limit).map(|(id, one)| one.shown(id, owner));
        let certificates = Some(page.collect());
        Ok(DescribeCertificatesReply { total_count: i64::try_from(matching.len()).ok(), certificates }.into())
    }
}

impl Handle for DeleteCertificate {
    /// As the reference says: unless it is asked for, nobody looks whether something uses it.
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<DeleteCertificateReply>> {
        if self.is_check_resource == Some(true) {
            let role = "SSL_QCSLinkedRoleInReplaceLoadCertificate";
            return Err(refused("RoleNotFoundAuthorization", format!("the role {role} does not exist")));
        }
        if state.certificates.remove(&self.certificate_id).is_none() {
            return Err(refused("CertificateNotFound", "the certificate does not exist"));
        }
        Ok(DeleteCertificateReply { delete_result: Some(true), task_id: Some(String::new()) }.into())
    }
}

/// The ids of the certificates that a listener and its rules have.
fn ids_of(listener: &Listener) -> impl Iterator<Item = &str> {
    let rules = listener.rules.iter().map(|rule| &rule.shown.certificate);
    let all = std::iter::once(&listener.shown.certificate).chain(rules).flatten();
    all.flat_map(|one| {
        let CertificateOutput { cert_id, cert_ca_id, ext_cert_ids, .. } = one;
        cert_id.iter().chain(cert_ca_id).chain(ext_cert_ids.iter().flatten()).map(String::as_str)
    })
}

impl Handle for DescribeLoadBalancerListByCertId {
    fn handle(
        self,
        state: &mut State,
        _: &mut Context<'_>,
    ) -> ApiResult<Handled<DescribeLoadBalancerListByCertIdReply>> {
        check_length("CertIds", Some(&self.cert_ids), 20)?;
        let has = |one: &&LoadBalancer, id: &str| one.listeners.iter().flat_map(ids_of).any(|other| other == id);
        let row = |id: &String| CertIdRelatedWithLoadBalancers {
            cert_id: Some(id.clone()),
            load_balancers: Some(
                state.load_balancers.values().filter(|one| has(one, id)).map(|one| one.shown.clone()).collect(),
            ),
        };
        Ok(DescribeLoadBalancerListByCertIdReply { cert_set: Some(self.cert_ids.iter().map(row).collect()) }.into())
    }
}

impl State {
    /// Uploads a certificate as somebody else would, whose key is not looked at. Returns its id.
    ///
    /// # Errors
    /// When the chain is none.
    pub fn add_certificate(&mut self, alias: &str, chain: &str) -> Result<String, super::ConsoleError> {
        let request = UploadCertificate {
            certificate_public_key: chain.to_owned(),
            alias: Some(alias.to_owned()),
            ..UploadCertificate::default()
        };
        let uploaded = read(&request, shown_time(self.config.origin));
        let uploaded = uploaded.map_err(|error| super::ConsoleError::Refused(error.message))?;
        let id = self.new_id("");
        self.certificates.insert(id.clone(), uploaded);
        Ok(id)
    }

    /// Deletes a certificate as somebody else would; false when there was none.
    pub fn remove_certificate(&mut self, id: &str) -> bool {
        self.certificates.remove(id).is_some()
    }

    /// The ids of the certificates that a listener and its rules show.
    pub fn certificates_of(&self, load_balancer: &LoadBalancerId, listener: &ListenerId) -> Vec<String> {
        let found = self.load_balancers.get(load_balancer).and_then(|found| found.listener(listener.as_str()));
        let ids = found.into_iter().flat_map(ids_of);
        ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }

    /// The certificates that were uploaded: id and alias.
    pub fn certificates(&self) -> Vec<(String, String)> {
        self.certificates.iter().map(|(id, one)| (id.clone(), one.alias.clone())).collect()
    }
}
