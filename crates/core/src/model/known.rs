//! Whether something is the case, as far as anybody knows.

/// Whether something is the case, as far as the API server lets us look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
    /// The API server refuses what says so: nothing new is made by it, and nothing that is there is given up.
    Unknown,
}

impl From<bool> for Known {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}
