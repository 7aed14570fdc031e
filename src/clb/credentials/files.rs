//! Keys in files, such as those of a mounted Secret.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{CredentialsError, Keys, SECRET_ID, SECRET_KEY, TOKEN, keys_of};

/// Why files hold no key. It never holds a part of one.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// The folder cannot be read.
    #[error("the folder {0} cannot be read: {1}")]
    Folder(PathBuf, std::io::Error),
    /// A file is there and cannot be read.
    #[error("the file {0} cannot be read: {1}")]
    File(PathBuf, std::io::Error),
    /// What the files hold is no key.
    #[error("in the folder {0}, {1}")]
    Key(PathBuf, CredentialsError),
}

/// Reads the key that files of this folder hold. They are named as the variables of a key are.
///
/// # Errors
/// When one is missing or cannot be used.
pub(super) fn read(folder: &Path) -> Result<Keys, FilesError> {
    // A mounted Secret is exchanged as a whole: its files are links into another folder. All are read from the same one, so that the id
    // of one key never comes with the secret of another.
    let found = fs::canonicalize(folder.join(SECRET_ID)).ok();
    let real = found.as_deref().and_then(Path::parent).unwrap_or(folder);
    fs::read_dir(real).map_err(|error| FilesError::Folder(folder.to_owned(), error))?;
    let mut texts = BTreeMap::new();
    for name in [SECRET_ID, SECRET_KEY, TOKEN] {
        match fs::read_to_string(real.join(name)) {
            Ok(text) => drop(texts.insert(name, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // A token that cannot be read is not a key without a token.
            Err(error) => return Err(FilesError::File(folder.join(name), error)),
        }
    }
    keys_of(|name| texts.get(name).cloned()).map_err(|error| FilesError::Key(folder.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_mounted_secret_is_read_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(read(&at("none")).unwrap_err().to_string().contains("cannot be read"));
        let missing = read(folder.path()).unwrap_err().to_string();
        assert!(missing.ends_with("TENCENTCLOUD_SECRET_ID is not set"), "{missing}");
        for (version, id, key) in [("..1", "AKID1", "one"), ("..2", "AKID2", "two")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join(SECRET_ID), format!("{id}\n")).unwrap();
            fs::write(at(version).join(SECRET_KEY), key).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        for name in [SECRET_ID, SECRET_KEY] {
            symlink(format!("..data/{name}"), at(name)).unwrap();
        }
        assert_eq!(read(folder.path()).unwrap(), Keys::new("AKID1", "one", None).unwrap());
        symlink("..2", at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Keys::new("AKID2", "two", None).unwrap());
        fs::write(at("..2").join(SECRET_KEY), "hun ter2").unwrap();
        let malformed = read(folder.path()).unwrap_err().to_string();
        assert!(malformed.contains("the secret key") && !malformed.contains("hun"), "{malformed}");
        fs::write(at("..2").join(SECRET_KEY), "two").unwrap();
        // What is no text cannot be read, also by who may read everything.
        fs::write(at("..2").join(TOKEN), [0xff, 0xfe]).unwrap();
        let unreadable = read(folder.path()).unwrap_err().to_string();
        assert!(unreadable.contains(TOKEN) && unreadable.contains("cannot be read"), "{unreadable}");
    }
}
