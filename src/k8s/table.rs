//! Objects of one kind, by namespace, in the form that the rest of the program wants them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// The rows of one namespace, by key.
pub type Rows<V> = Arc<BTreeMap<String, Arc<V>>>;

/// A table that one watch writes and many read. Readers get a frozen copy of a namespace; a writer copies it only while
/// somebody still reads it.
#[derive(Debug)]
pub struct Table<V> {
    namespaces: RwLock<HashMap<String, Rows<V>>>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { namespaces: RwLock::new(HashMap::new()) }
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
    /// The rows of a namespace.
    pub fn rows(&self, namespace: &str) -> Rows<V> {
        // A poisoned lock means that a writer panicked between two rows; each row by itself is still whole.
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        namespaces.get(namespace).cloned().unwrap_or_default()
    }

    /// One row.
    pub fn row(&self, namespace: &str, key: &str) -> Option<Arc<V>> {
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        namespaces.get(namespace)?.get(key).cloned()
    }

    /// All rows of all namespaces.
    pub fn all(&self) -> Vec<Arc<V>> {
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        namespaces.values().flat_map(|rows| rows.values().cloned()).collect()
    }

    /// Writes a row; `None` when it is as it was.
    pub fn put(&self, namespace: &str, key: &str, row: V) -> Option<Difference<V>> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        let rows = namespaces.entry(namespace.to_owned()).or_default();
        let before = rows.get(key).cloned();
        if before.as_deref() == Some(&row) {
            return None;
        }
        let after = Arc::new(row);
        Arc::make_mut(rows).insert(key.to_owned(), after.clone());
        Some(Difference { before, after: Some(after) })
    }

    /// Takes a row away; `None` when there was none.
    pub fn remove(&self, namespace: &str, key: &str) -> Option<Difference<V>> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        let rows = namespaces.get_mut(namespace)?;
        let before = Arc::make_mut(rows).remove(key)?;
        if rows.is_empty() {
            namespaces.remove(namespace);
        }
        Some(Difference { before: Some(before), after: None })
    }

    /// Takes away every row that `keep` does not want, after a list that showed which rows exist.
    pub fn retain(&self, keep: impl Fn(&str, &str) -> bool) -> Vec<Difference<V>> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        let mut gone = Vec::new();
        for (namespace, rows) in namespaces.iter_mut() {
            let stale: Vec<String> = rows.keys().filter(|key| !keep(namespace, key)).cloned().collect();
            for key in stale {
                let before = Arc::make_mut(rows).remove(&key);
                gone.push(Difference { before, after: None });
            }
        }
        namespaces.retain(|_, rows| !rows.is_empty());
        gone
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
}
