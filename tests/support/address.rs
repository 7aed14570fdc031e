//! Addresses of Pods.

/// Where a Pod's address is served: `127.a.b.c` for `10.a.b.c`. Nothing may dial the address itself.
pub fn twin(address: &str) -> String {
    match address.strip_prefix("10.") {
        Some(rest) => format!("127.{rest}"),
        None => address.to_owned(),
    }
}
