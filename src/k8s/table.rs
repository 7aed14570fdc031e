//! Objects of one kind, by namespace, in the form that the rest of the program wants them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::index::Word;

/// The rows of one namespace, by key.
pub type Rows<V> = Arc<BTreeMap<String, Arc<V>>>;

/// The words under which a row is found.
pub(super) type Index<V> = fn(&V) -> Vec<Word>;
/// Namespace and key of a row.
type Place = (String, String);

/// A table that one watch writes and many read. Readers get a frozen copy of a namespace; a writer copies it only while
/// somebody still reads it.
#[derive(Debug)]
pub struct Table<V> {
    index: Index<V>,
    state: RwLock<State<V>>,
}

/// Whether an object without a row is known not to exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// It is, as far as the last list and the watch since go.
    #[default]
    Complete,
    /// It is not: the API server refuses to list the kind, in these words, and has since the start.
    Refused(String),
}

/// What a look for an object of a kind that may be refused gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look<V> {
    /// It is there.
    Found(V),
    /// It is not.
    Absent,
    /// Nobody knows: the API server refuses it, in these words, and has since the start.
    Refused(String),
}

/// The table of a kind that may be refused. Who looks for an object in it is told whether it is known not to exist. Clones share it.
#[derive(Debug)]
pub struct OptionalTable<V>(Arc<Table<V>>);

impl<V> Default for OptionalTable<V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<V> Clone for OptionalTable<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: PartialEq> OptionalTable<V> {
    /// Looks for an object.
    pub fn look(&self, namespace: &str, key: &str) -> Look<Arc<V>> {
        match (self.0.row(namespace, key), self.0.sight()) {
            (Some(row), _) => Look::Found(row),
            (None, Sight::Complete) => Look::Absent,
            (None, Sight::Refused(words)) => Look::Refused(words),
        }
    }

    /// All rows that are known.
    pub fn all(&self) -> Vec<Arc<V>> {
        self.0.all()
    }

    /// The rows of a namespace that are known.
    pub fn rows(&self, namespace: &str) -> Rows<V> {
        self.0.rows(namespace)
    }

    /// What a watch or a list writes to.
    pub const fn table(&self) -> &Arc<Table<V>> {
        &self.0
    }
}

#[derive(Debug)]
struct State<V> {
    sight: Sight,
    namespaces: HashMap<String, Rows<V>>,
    words: HashMap<Word, BTreeMap<Place, Arc<V>>>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self::indexed(|_| Vec::new())
    }
}

impl<V> Table<V> {
    /// A table whose rows are found by these words, too.
    pub(super) fn indexed(index: Index<V>) -> Self {
        Self {
            index,
            state: RwLock::new(State { sight: Sight::default(), namespaces: HashMap::new(), words: HashMap::new() }),
        }
    }
}

impl<V> State<V> {
    fn write(&mut self, index: Index<V>, namespace: &str, key: &str, row: V) -> Difference<V> {
        let after = Arc::new(row);
        let rows = self.namespaces.entry(namespace.to_owned()).or_default();
        let before = Arc::make_mut(rows).insert(key.to_owned(), after.clone());
        let place = (namespace.to_owned(), key.to_owned());
        if let Some(before) = &before {
            self.forget(index, &place, before);
        }
        for word in index(&after) {
            self.words.entry(word).or_default().insert(place.clone(), after.clone());
        }
        Difference { before, after: Some(after) }
    }

    fn forget(&mut self, index: Index<V>, place: &Place, row: &V) {
        for word in index(row) {
            if let Some(rows) = self.words.get_mut(&word) {
                rows.remove(place);
                if rows.is_empty() {
                    self.words.remove(&word);
                }
            }
        }
    }
}

/// What a write changed.
#[derive(Clone, Debug)]
pub struct Difference<V> {
    /// The row before; `None` when it is new.
    pub before: Option<Arc<V>>,
    /// The row after; `None` when it is gone.
    pub after: Option<Arc<V>>,
}

impl<V: PartialEq> Table<V> {
    fn read(&self) -> RwLockReadGuard<'_, State<V>> {
        // A poisoned lock means that a writer panicked between two rows; each row by itself is still whole.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of a namespace.
    pub fn rows(&self, namespace: &str) -> Rows<V> {
        self.read().namespaces.get(namespace).cloned().unwrap_or_default()
    }

    /// One row.
    pub fn row(&self, namespace: &str, key: &str) -> Option<Arc<V>> {
        self.read().namespaces.get(namespace)?.get(key).cloned()
    }

    /// Whether what has no row does not exist.
    fn sight(&self) -> Sight {
        self.read().sight.clone()
    }

    /// Writes down what the last list has said of what has no row, and returns what was known before.
    pub fn set_sight(&self, sight: Sight) -> Sight {
        std::mem::replace(&mut self.state.write().unwrap_or_else(PoisonError::into_inner).sight, sight)
    }

    /// All rows of all namespaces.
    pub fn all(&self) -> Vec<Arc<V>> {
        self.read().namespaces.values().flat_map(|rows| rows.values().cloned()).collect()
    }

    /// The rows of all namespaces with this word.
    pub fn found(&self, word: &Word) -> Vec<Arc<V>> {
        self.read().words.get(word).map(|rows| rows.values().cloned().collect()).unwrap_or_default()
    }

    /// There is a row with this word.
    pub fn has(&self, word: &Word) -> bool {
        self.read().words.contains_key(word)
    }

    /// Writes a row; `None` when it is as it was.
    pub fn put(&self, namespace: &str, key: &str, row: V) -> Option<Difference<V>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = state.namespaces.get(namespace).and_then(|rows| rows.get(key));
        if before.is_some_and(|before| **before == row) {
            return None;
        }
        Some(state.write(self.index, namespace, key, row))
    }

    /// Puts a row that did not come from the API server into the place of the one that is there, if any. It is written even where it
    /// counts as the same: rows of some kinds are compared by resource version, which says nothing of an object that nobody stored.
    pub fn overwrite(&self, namespace: &str, key: &str, row: V) -> Difference<V> {
        self.state.write().unwrap_or_else(PoisonError::into_inner).write(self.index, namespace, key, row)
    }

    /// Takes a row away; `None` when there was none.
    pub fn remove(&self, namespace: &str, key: &str) -> Option<Difference<V>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let rows = state.namespaces.get_mut(namespace)?;
        let before = Arc::make_mut(rows).remove(key)?;
        if rows.is_empty() {
            state.namespaces.remove(namespace);
        }
        state.forget(self.index, &(namespace.to_owned(), key.to_owned()), &before);
        Some(Difference { before: Some(before), after: None })
    }

    /// Takes away every row that `keep` does not want, after a list that showed which rows exist.
    pub fn retain(&self, keep: impl Fn(&str, &str) -> bool) -> Vec<Difference<V>> {
        let stale: Vec<Place> = {
            let state = self.read();
            let places =
                state.namespaces.iter().flat_map(|(namespace, rows)| rows.keys().map(move |key| (namespace, key)));
            let stale = places.filter(|(namespace, key)| !keep(namespace, key));
            stale.map(|(namespace, key)| (namespace.clone(), key.clone())).collect()
        };
        stale.iter().filter_map(|(namespace, key)| self.remove(namespace, key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_of_the_same_row_changes_nothing() {
        let table = Table::default();
        assert!(table.put("a", "x", 1).is_some());
        assert!(table.put("a", "x", 1).is_none());
        assert_eq!(table.put("a", "x", 2).and_then(|change| change.before).as_deref(), Some(&1));
    }

    #[test]
    fn a_reader_keeps_what_it_read() {
        let table = Table::default();
        table.put("a", "x", 1);
        let rows = table.rows("a");
        table.remove("a", "x");
        assert_eq!(rows.len(), 1);
        assert!(table.rows("a").is_empty());
        assert!(table.remove("a", "x").is_none());
    }

    #[test]
    fn a_list_takes_away_what_it_did_not_show() {
        let table = Table::default();
        table.put("a", "x", 1);
        table.put("a", "y", 2);
        table.put("b", "x", 3);
        let gone = table.retain(|namespace, key| (namespace, key) == ("a", "x"));
        assert_eq!(gone.len(), 2);
        assert_eq!(table.all().len(), 1);
    }

    #[test]
    fn a_row_is_found_by_the_words_that_it_has_now() {
        let table = Table::indexed(|row: &u32| vec![Word::Uid((row % 10).to_string())]);
        let found = |word: u32| table.found(&Word::Uid(word.to_string())).iter().map(|row| **row).collect::<Vec<_>>();
        for (namespace, row) in [("a", 11), ("b", 21), ("a", 32)] {
            table.put(namespace, &row.to_string(), row);
        }
        assert_eq!((found(1), found(2)), (vec![11, 21], vec![32]));
        table.put("a", "11", 12);
        assert_eq!((found(1), found(2)), (vec![21], vec![12, 32]));
        table.remove("b", "21");
        assert!(found(1).is_empty() && !table.has(&Word::Uid("1".to_owned())));
        table.retain(|_, key| key == "32");
        assert_eq!(found(2), [32]);
        table.retain(|_, _| false);
        assert!(table.state.read().unwrap().words.is_empty());
    }
}
