//! Certificates: the actions of SSL that are used (<https://cloud.tencent.com/document/product/400/41665>,
//! <https://cloud.tencent.com/document/product/400/41671>, <https://cloud.tencent.com/document/product/400/41675>), and the one of CLB that
//! says where a certificate is in use (<https://cloud.tencent.com/document/product/214/40953>).
//!
//! `DescribeCertificateDetail` and `DescribeCertificate` are not among them: a reply of the former has the private key.

use serde_json::Value;

use super::{LoadBalancer, Secret, TagInfo};

request! {
    /// Uploads a certificate, in PEM. Synchronous; not idempotent unless `repeatable` is false.
    pub struct UploadCertificate {
        required {
            /// The chain, the server's certificate first.
            certificate_public_key: String,
        }
        optional {
            /// The private key; mandatory for `SVR`.
            certificate_private_key: Secret,
            /// `SVR` (default) for servers, `CA` for authorities.
            certificate_type: String,
            /// A name for people.
            alias: String,
            /// Project, 0 by default.
            project_id: i64,
            /// What it is for, such as `CLB`.
            certificate_use: String,
            /// Tags.
            tags: Vec<TagInfo>,
            /// A certificate that is there already may be uploaded again; true by default.
            repeatable: bool,
            /// Password of the private key.
            key_password: Secret,
        }
    }

    /// Lists certificates.
    pub struct DescribeCertificates {
        required {}
        optional {
            /// How many to pass over.
            offset: i64,
            /// How many to show, at most 1000.
            limit: i64,
            /// A part of the id, the alias or a domain.
            search_key: String,
            /// `SVR` or `CA`.
            certificate_type: String,
            /// Project.
            project_id: i64,
            /// Order by the end: `ASC` or `DESC`.
            expiration_sort: String,
            /// These states only.
            certificate_status: Vec<i64>,
            /// 1 for those that can be deployed.
            deployable: i64,
            /// 1 for uploaded ones.
            upload: i64,
            /// 1 for those that can be renewed.
            renew: i64,
            /// `upload` or `buy`.
            filter_source: String,
            /// 1 for those by Chinese algorithms.
            #[serde(rename = "IsSM")]
            is_sm: i64,
            /// 1 for those that end soon.
            filter_expiring: i64,
            /// 1 for those that can be hosted.
            hostable: i64,
            /// Tags.
            tags: Vec<TagInfo>,
            /// 1 for those that wait to be issued.
            is_pending_issue: i64,
            /// These ids only.
            cert_ids: Vec<String>,
            /// The service that a certificate is a part of.
            service_id: String,
        }
    }

    /// Deletes a certificate. Whether it is in use is looked at only with `is_check_resource`, which needs a role of the account and makes
    /// it asynchronous.
    pub struct DeleteCertificate {
        required {
            /// The certificate.
            certificate_id: String,
        }
        optional {
            /// Refuse while something uses it.
            is_check_resource: bool,
        }
    }

    /// Shows which load balancers of the region have certificates.
    pub struct DescribeLoadBalancerListByCertId {
        required {
            /// Up to 20 certificates.
            cert_ids: Vec<String>,
        }
        optional {}
    }
}

reply! {
    /// An upload.
    pub struct UploadCertificateReply {
        /// Its id.
        certificate_id: String,
        /// The id of the certificate that was there already, where it may not be repeated.
        repeat_cert_id: String,
    }

    /// Certificates.
    pub struct DescribeCertificatesReply {
        /// How many match.
        total_count: i64,
        /// One page of them. Each has some sixty members; those that are read are in [`ListedCertificate`].
        certificates: Vec<Value>,
    }

    /// What is read of a certificate in a list.
    pub struct ListedCertificate {
        /// Id.
        certificate_id: String,
        /// The name for people.
        alias: String,
        /// When it ends, `YYYY-MM-DD HH:MM:SS`.
        cert_end_time: String,
    }

    /// A deletion.
    pub struct DeleteCertificateReply {
        /// It was deleted.
        delete_result: bool,
        /// Its task, when it is asynchronous.
        task_id: String,
    }

    /// Where certificates are in use.
    pub struct DescribeLoadBalancerListByCertIdReply {
        /// One entry for each certificate.
        cert_set: Vec<CertIdRelatedWithLoadBalancers>,
    }

    /// Where a certificate is in use.
    pub struct CertIdRelatedWithLoadBalancers {
        /// The certificate.
        cert_id: String,
        /// The load balancers that have it.
        load_balancers: Vec<LoadBalancer>,
    }
}

actions! {
    of Ssl;
    UploadCertificate writes -> UploadCertificateReply;
    DescribeCertificates reads -> DescribeCertificatesReply;
    DeleteCertificate writes -> DeleteCertificateReply;
}

actions! {
    DescribeLoadBalancerListByCertId reads -> DescribeLoadBalancerListByCertIdReply;
}
