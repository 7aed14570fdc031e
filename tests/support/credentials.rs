//! Certificates, keys, tokens and kubeconfig files of one control plane. All are made for it and gone with it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use uuid::Uuid;

/// Who talks to the API server. Each is an administrator; the names tell them apart in the audit log.
pub(super) const USERS: [&str; 4] = ["admin", "kube-controller-manager", "kube-scheduler", "node"];

/// The files, by what they are for.
#[derive(Debug)]
pub(super) struct Credentials {
    folder: PathBuf,
    tokens: Vec<(&'static str, String)>,
}

impl Credentials {
    /// Makes certificates, keys and tokens in a folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let credentials = Self {
            folder: folder.to_owned(),
            tokens: USERS.map(|user| (user, Uuid::new_v4().simple().to_string())).to_vec(),
        };
        fs::create_dir_all(folder)?;
        credentials.write_certificates()?;
        let service_accounts = KeyPair::generate()?;
        fs::write(credentials.service_account_key(), service_accounts.serialize_pem())?;
        fs::write(credentials.service_account_public_key(), service_accounts.public_key_pem())?;
        let lines: String = credentials
            .tokens
            .iter()
            .map(|(user, token)| format!("{token},{user},{user},\"system:masters\"\n"))
            .collect();
        fs::write(credentials.tokens_file(), lines)?;
        Ok(credentials)
    }

    fn write_certificates(&self) -> Result<()> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name = named("tests of tke-direct-access");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "kubernetes.default.svc".to_owned()])?;
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        server.distinguished_name = named("kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = server.signed_by(&key, &authority)?;

        fs::write(self.authority(), authority.pem())?;
        fs::write(self.server_certificate(), certificate.pem())?;
        fs::write(self.server_key(), key.serialize_pem())?;
        Ok(())
    }

    /// Writes the kubeconfig file of each user for an API server.
    pub(super) fn write_kubeconfigs(&self, server: &str) -> Result<()> {
        for (user, token) in &self.tokens {
            let authority = self.authority();
            let config = serde_json::json!({
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "tests", "cluster": {"server": server, "certificate-authority": authority}}],
                "users": [{"name": user, "user": {"token": token}}],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
                "current-context": "tests",
            });
            fs::write(self.kubeconfig(user), serde_json::to_string_pretty(&config)?)?;
        }
        Ok(())
    }

    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub(super) fn server_certificate(&self) -> PathBuf {
        self.folder.join("apiserver.crt")
    }

    pub(super) fn server_key(&self) -> PathBuf {
        self.folder.join("apiserver.key")
    }

    pub(super) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-accounts.key")
    }

    pub(super) fn service_account_public_key(&self) -> PathBuf {
        self.folder.join("service-accounts.pub")
    }

    pub(super) fn tokens_file(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}
