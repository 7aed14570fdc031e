//! What a file has of the kinds that a plan is made of.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::strict::{Kind, faults};
use crate::cli::Error;
use crate::k8s::words;
use crate::model::nearest;

/// One object of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// Its kind.
    pub(super) kind: Kind,
    /// Its name; empty when it has none.
    pub(super) name: String,
    /// It, with the namespace that it is planned for.
    pub(super) object: Value,
    /// What is wrong with it.
    pub(super) faults: Vec<String>,
}

/// What was read of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manifest {
    /// Objects, in their order.
    pub(super) documents: Vec<Document>,
    /// Objects whose kind is almost one of these.
    pub(super) misspelt: Vec<String>,
}

/// Reads a file, or standard input, which is called `-`.
pub(super) fn read(path: &Path, namespace: &str) -> Result<Manifest, Error> {
    let fault = |why: String| Error::File { path: path.display().to_string(), why };
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| fault(words(&error)))?;
    parse(&text, namespace).map_err(fault)
}

fn parse(text: &str, namespace: &str) -> Result<Manifest, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        format!("it is not YAML: {}; correct the line", words(&error).lines().next().unwrap_or_default())
    })?;
    let mut manifest = Manifest::default();
    for document in documents {
        manifest.add(document, namespace)?;
    }
    if manifest.documents.is_empty() && manifest.misspelt.is_empty() {
        return Err("it has no DirectAccessBinding, TkeServiceConfig or Service; give a file that has".to_owned());
    }
    Ok(manifest)
}

impl Manifest {
    /// Other kinds are passed over.
    fn add(&mut self, mut object: Value, namespace: &str) -> Result<(), String> {
        if object["kind"] == "List" {
            let items = object["items"].take();
            return items.as_array().into_iter().flatten().try_for_each(|item| self.add(item.clone(), namespace));
        }
        let Some(word) = object["kind"].as_str() else { return Ok(()) };
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == word) else {
            // Kubernetes has kinds that are near to Service, and none near to the others.
            let ours = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Service).map(Kind::as_str);
            let near = nearest(word, ours);
            self.misspelt.extend(near.map(|near| format!("kind '{word}' is not known; write {near}")));
            return Ok(());
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match object["metadata"]["namespace"].as_str() {
            Some(own) if own != namespace => {
                return Err(format!("it has a {word} of namespace '{own}'; give that with --namespace"));
            }
            _ => {}
        }
        let faults = faults(kind, &object);
        if object["metadata"].is_object() {
            object["metadata"]["namespace"] = namespace.into();
        }
        self.documents.push(Document { kind, name, object, faults });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<(&'static str, String)>, String> {
        let manifest = parse(text, "shop")?;
        Ok(manifest.documents.into_iter().map(|one| (one.kind.as_str(), one.name)).collect())
    }

    #[test]
    fn objects_are_found_in_documents_and_lists() {
        let binding = "apiVersion: cloud.tencent.com/v1alpha1\nkind: DirectAccessBinding\nmetadata: {name: web}\n";
        let list = "kind: List\nitems:\n- {kind: Service, metadata: {name: web}}\n- {kind: Deployment}\n";
        for (text, expected) in [
            (binding.to_owned(), Ok(vec![("DirectAccessBinding", "web")])),
            (format!("{binding}---\n{list}"), Ok(vec![("DirectAccessBinding", "web"), ("Service", "web")])),
            (
                "kind: Deployment\n".to_owned(),
                Err("it has no DirectAccessBinding, TkeServiceConfig or Service; give a file that has"),
            ),
            (
                "kind: Service\nmetadata: {name: a, namespace: other}\n".to_owned(),
                Err("it has a Service of namespace 'other'; give that with --namespace"),
            ),
        ] {
            let expected = expected.map(|all| all.into_iter().map(|(kind, name)| (kind, name.to_owned())).collect());
            assert_eq!(kinds(&text), expected.map_err(str::to_owned), "{text}");
        }
        let broken = kinds("kind: [").unwrap_err();
        assert!(broken.starts_with("it is not YAML: ") && broken.lines().count() == 1, "{broken}");
    }

    #[test]
    fn a_misspelt_kind_is_named() {
        let manifest = parse("kind: DirectAccesBinding\nmetadata: {name: web}\n", "shop").unwrap();
        assert_eq!(manifest.misspelt, ["kind 'DirectAccesBinding' is not known; write DirectAccessBinding"]);
    }
}
