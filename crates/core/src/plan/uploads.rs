//! Which upload is the certificate of a Secret, and which ones nobody needs any more.

use std::collections::BTreeMap;

use crate::api::upload_mark::{Scope, UploadMark};
use crate::model::{ListedCertificate, ObjectKey};

/// A certificate that was uploaded from a Secret of this cluster, for this region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// What it is of.
    pub mark: UploadMark,
}

/// What a Secret that a binding names says of its certificate, when it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This is the id of the certificate.
    Id(String),
    /// It cannot be read, holds no certificate, or what it holds could not be uploaded. Whatever was uploaded from it stays.
    Nothing,
}

/// Ours among the certificates of the account. All others are somebody else's, whatever is in them.
pub fn ours(listed: &[ListedCertificate], scope: &Scope) -> Vec<Upload> {
    let upload = |one: &ListedCertificate| {
        let mark = UploadMark::parse(&one.alias).filter(|mark| mark.scope() == scope)?;
        Some(Upload { id: one.id.clone(), mark })
    };
    listed.iter().filter_map(upload).collect()
}

/// The upload with this mark. Where a reply was lost there may be two, of which one counts, for everybody the same.
pub fn find<'a>(uploads: impl IntoIterator<Item = &'a Upload>, mark: &UploadMark) -> Option<&'a Upload> {
    uploads.into_iter().filter(|upload| upload.mark == *mark).min_by(|one, other| one.id.cmp(&other.id))
}

/// The uploads whose Secret is named by no binding, or is in force with another certificate. `named` are the Secrets that bindings name,
/// with what was read of them in this leadership; `namespace` is the only one that is looked after, where there is one.
pub fn superfluous<'a>(
    uploads: &'a [Upload],
    named: &BTreeMap<ObjectKey, Option<Said>>,
    namespace: Option<&str>,
) -> Vec<&'a Upload> {
    let is_superfluous = |upload: &&Upload| {
        if namespace.is_some_and(|namespace| !upload.mark.is_in(namespace)) {
            return false;
        }
        let mut of_secret = named.iter().filter(|(secret, _)| upload.mark.is_of(&secret.namespace, &secret.name));
        of_secret.all(|(_, said)| matches!(said, Some(Said::Id(id)) if *id != upload.id))
    };
    uploads.iter().filter(is_superfluous).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::upload_mark::fingerprint;

    fn scope() -> Scope {
        Scope::new("cluster", "ap-guangzhou")
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("shop", name)
    }

    fn mark(name: &str, chain: &str) -> UploadMark {
        UploadMark::new(&scope(), "shop", name, &fingerprint([chain.as_bytes()]))
    }

    fn upload(id: &str, name: &str, chain: &str) -> Upload {
        Upload { id: id.to_owned(), mark: mark(name, chain) }
    }

    #[test]
    fn foreign_certificates_are_nobodys_of_ours() {
        let (web, other) = (mark("web", "one"), Scope::new("another", "ap-guangzhou"));
        let theirs = UploadMark::new(&other, "shop", "web", &fingerprint([&b"one"[..]]));
        let listed = |id: &str, alias: String| ListedCertificate { id: id.to_owned(), alias, ends: None };
        let all = [
            listed("a", String::new()),
            listed("b", "shop_web".to_owned()),
            listed("c", web.alias("shop", "web")),
            listed("d", theirs.alias("shop", "web")),
        ];
        assert_eq!(ours(&all, &scope()), [upload("c", "web", "one")]);
    }

    #[test]
    fn of_two_uploads_of_one_chain_the_same_one_counts_for_everybody() {
        let mut uploads = vec![upload("b", "web", "one"), upload("a", "web", "one"), upload("0", "web", "two")];
        for _ in 0..2 {
            assert_eq!(find(&uploads, &mark("web", "one")).map(|found| &*found.id), Some("a"));
            uploads.reverse();
        }
        assert_eq!(find(&uploads, &mark("api", "one")), None, "that of another Secret is another one");
    }

    #[test]
    fn an_upload_goes_only_where_its_secret_is_known_to_need_it_no_more() {
        let id = |id: &str| Some(Said::Id(id.to_owned()));
        let uploads = [upload("old", "web", "one"), upload("new", "web", "two"), upload("api", "api", "one")];
        type Row<'a> = (&'a str, &'a [(&'a str, Option<Said>)], Option<&'a str>, &'a [&'a str]);
        let rows: [Row<'_>; 9] = [
            ("all is in force", &[("web", id("new")), ("api", id("api"))], None, &["old"]),
            ("it was renewed and not uploaded yet", &[("web", Some(Said::Nothing)), ("api", id("api"))], None, &[]),
            ("a Secret was not read yet", &[("web", None), ("api", id("api"))], None, &[]),
            ("it was taken back to the former one", &[("web", id("old")), ("api", id("api"))], None, &["new"]),
            ("it names a bought one now", &[("web", id("bought")), ("api", id("api"))], None, &["old", "new"]),
            ("no binding names it", &[("api", id("api"))], None, &["old", "new"]),
            ("no binding names any", &[], None, &["old", "new", "api"]),
            ("no binding of the namespace names any", &[], Some("shop"), &["old", "new", "api"]),
            ("another namespace is not looked after", &[], Some("other"), &[]),
        ];
        for (about, named, namespace, expected) in rows {
            let named = named.iter().map(|(name, said)| (key(name), said.clone())).collect();
            let found: Vec<_> = superfluous(&uploads, &named, namespace).iter().map(|one| one.id.as_str()).collect();
            assert_eq!(found, expected, "{about}");
        }
    }
}
