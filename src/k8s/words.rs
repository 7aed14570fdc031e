//! What a failed request says to people.

use std::error::Error;

/// Why a request failed, for people: in the API server's own words where it has answered, and else with what lies at the root of it.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let answered = causes(error).find_map(|cause| match cause.downcast_ref()? {
        kube::Error::Api(status) => Some(status),
        _ => None,
    });
    if let Some(status) = answered {
        let said = [&status.message, &status.reason].into_iter().find(|words| !words.is_empty());
        return said.cloned().unwrap_or_else(|| format!("the API server answered {}", status.code));
    }
    let (words, root) = (error.to_string(), causes(error).last().unwrap_or(error).to_string());
    if words.contains(&root) { words } else { format!("{words}: {root}") }
}

/// The error, and what has caused it, from the outside in.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::runtime::watcher;

    use super::*;

    fn answer(message: &str, reason: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status { code: 403, ..Status::failure(message, reason) }))
    }

    #[test]
    fn the_api_server_speaks_for_itself() {
        let inner = watcher::Error::InitialListFailed(answer("pods is forbidden", "Forbidden"));
        let broken = std::io::Error::other("connection refused");
        for (error, expected) in [
            (&answer("pods is forbidden", "Forbidden") as &(dyn Error + 'static), "pods is forbidden"),
            (&answer("", "Forbidden"), "Forbidden"),
            (&answer("", ""), "the API server answered 403"),
            (&inner, "pods is forbidden"),
            (&kube::Error::ReadEvents(broken), "Error reading events stream: connection refused"),
        ] {
            assert_eq!(words(error), expected, "{error:?}");
        }
    }
}
