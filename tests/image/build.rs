//! Building the image, and what the build leaves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = "direct-access-controller";

/// The image as a layout of the Open Container Initiative.
pub(crate) struct Image {
    folder: TempDir,
    files: OnceLock<PathBuf>,
}

/// What a file of the image is.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) mode: String,
    pub(crate) owner: String,
    pub(crate) size: u64,
    pub(crate) modified: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

impl Image {
    /// Has it built by `tools/image` from the program of the tests, with a storage of Buildah of its own.
    pub(crate) fn built() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("storage.conf");
        let text = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n",
            folder.path().display()
        );
        std::fs::write(&storage, text).unwrap();
        let mut command = Command::new(root().join("tools/image"));
        command.args(["--program", env!("CARGO_BIN_EXE_direct-access-controller"), "--output"]).arg(folder.path());
        let output = command.env("CONTAINERS_STORAGE_CONF", &storage).output().unwrap();
        if output.status.success() {
            Ok(Self { folder, files: OnceLock::new() })
        } else {
            Err(format!("tools/image: {}", both(&output)))
        }
    }

    pub(crate) fn digest(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("digest")).unwrap()
    }

    pub(crate) fn materials(&self) -> Value {
        json(&self.folder.path().join(format!("{PROGRAM}.cdx.json")))
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join(format!("{PROGRAM}.oci"))
    }

    fn blob(&self, digest: &Value) -> PathBuf {
        self.layout().join("blobs").join(digest.as_str().unwrap().replace(':', "/"))
    }

    pub(crate) fn manifest(&self) -> Value {
        let index = json(&self.layout().join("index.json"));
        let manifests = index["manifests"].as_array().unwrap();
        assert_eq!((manifests.len(), manifests[0]["digest"].as_str()), (1, Some(self.digest().as_str())));
        json(&self.blob(&manifests[0]["digest"]))
    }

    /// What an engine is to run.
    pub(crate) fn config(&self) -> Value {
        json(&self.blob(&self.manifest()["config"]["digest"]))
    }

    fn layers(&self) -> Vec<PathBuf> {
        self.manifest()["layers"].as_array().unwrap().iter().map(|layer| self.blob(&layer["digest"])).collect()
    }

    /// Everything in it but folders, by path.
    pub(crate) fn entries(&self) -> BTreeMap<String, Entry> {
        let lines = self.layers().into_iter().flat_map(|layer| {
            let list = ["--list", "--verbose", "--full-time", "--numeric-owner", "--gzip", "--file"];
            let output = tar(&list, &layer, &[]);
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        });
        let entry = |line: String| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [mode, owner, size, day, time, path, ..] = words[..] else { panic!("{line}") };
            let (mode, owner, modified) = (mode.to_owned(), owner.to_owned(), format!("{day} {time}"));
            (path.to_owned(), Entry { mode, owner, size: size.parse().unwrap(), modified })
        };
        lines.map(entry).filter(|(path, _)| !path.ends_with('/')).collect()
    }

    /// The folder of all files, unpacked as an engine does it before it starts a container.
    pub(crate) fn files(&self) -> &Path {
        self.files.get_or_init(|| {
            let folder = self.folder.path().join("rootfs");
            std::fs::create_dir(&folder).unwrap();
            for layer in self.layers() {
                tar(&["--extract", "--gzip", "--file"], &layer, &["--directory", folder.to_str().unwrap()]);
            }
            folder
        })
    }
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn tar(arguments: &[&str], file: &Path, more: &[&str]) -> Output {
    let output = Command::new("tar").args(arguments).arg(file).args(more).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    output
}

pub(crate) fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
