//! The edge to Kubernetes that operator, webhook and plugin share: slim stores fed by watches, and conversions.

mod convert;
mod stores;
mod table;
mod watch;

pub use convert::{pod, service, slice};
pub use stores::{BindingRow, Change, ConfigRow, Stores, Synced};
pub use table::{Difference, Rows, Table};
