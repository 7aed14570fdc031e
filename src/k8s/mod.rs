//! The edge to Kubernetes that operator, webhook and plugin share: slim stores fed by watches, and conversions.

mod bounded;
pub mod certificate;
mod convert;
mod events;
mod index;
mod list;
mod ownership;
mod stores;
mod table;
mod view;
mod watch;
mod words;

pub use convert::{pod, service, slice};
pub use events::events;
pub use index::Word;
pub use list::ListError;
pub use stores::{BindingRow, Change, ConfigRow, Stores, Switches, Synced, binding, config, hold, switches, vpc};
pub use table::{Difference, Look, OptionalTable, Rows, Sight, Table};
pub use words::words;
