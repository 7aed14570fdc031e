//! A list with at least one item, for calls to which an empty list means "all".

/// A list with at least one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// The list; `None` when it is empty.
    pub fn from_vec(items: Vec<T>) -> Option<Self> {
        if items.is_empty() { None } else { Some(Self(items)) }
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The items, as an ordinary list.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The same list with each item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> NonEmpty<U> {
        NonEmpty(self.0.into_iter().map(convert).collect())
    }
}

impl<T> From<T> for NonEmpty<T> {
    fn from(item: T) -> Self {
        Self(vec![item])
    }
}
