//! The events of a watch that cannot fall silent for long, and that finds its way back from every answer.

use std::fmt::Debug;

use futures::{Stream, StreamExt, stream};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

/// Seconds after which the API server ends a watch, which then goes on from where it was. It tells first up to where that is, so that this
/// costs one request and no list. A watch from which nothing has come 5 s later is given up: so long at most does a connection that died
/// in silence go unnoticed.
const LONGEST_WATCH: u32 = 15;
/// "Gone": the version from which to go on is too old.
const GONE: u16 = 410;

/// What happens to all objects of a kind, or to the only one of this name, for ever. Failures are part of it, and each is followed by
/// another attempt, with back-off.
pub fn events<K>(api: Api<K>, only: Option<&str>) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    // Lists in pages, and no streamed ones: kube 5 asks for a streamed list of resource version 0, which an API server may answer from a
    // cache that is behind. Pods that are younger would be missing from a list that counts as complete, and their targets would go.
    let all = watcher::Config::default().timeout(LONGEST_WATCH);
    let config = only.map_or(all.clone(), |name| all.fields(&format!("metadata.name={name}")));
    let begin = move || watcher(api.clone(), config.clone()).boxed();
    let restarted = stream::unfold((begin(), begin), |(mut watch, begin)| async move {
        let event = watch.next().await?;
        if matches!(&event, Err(error) if is_gone(error)) {
            watch = begin();
        }
        Some((event, (watch, begin)))
    });
    restarted.default_backoff()
}

/// kube 5 lists anew when a watch that goes on is told so by an event. Where the request itself is answered so, as proxies and aggregated
/// API servers do, it would ask from the same version for ever.
fn is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == GONE)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use axum::http::{Request, Response};
    use k8s_openapi::api::core::v1::Pod;
    use kube::Client;
    use kube::client::Body;

    use super::*;

    /// Lists are empty, and watches are answered by 410.
    fn server(asked: Arc<Mutex<Vec<String>>>) -> Client {
        let answer = move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let is_watch = query.contains("watch=");
            asked.lock().unwrap().push(query);
            let (code, body) = if is_watch {
                (410, r#"{"kind":"Status","apiVersion":"v1","status":"Failure","code":410,"reason":"Expired"}"#)
            } else {
                (200, r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}"#)
            };
            let response = Response::builder().status(code).body(Body::from(body.as_bytes().to_vec())).unwrap();
            async move { Ok::<_, Infallible>(response) }
        };
        Client::new(tower::service_fn(answer), "default")
    }

    #[tokio::test]
    async fn a_version_that_is_too_old_by_the_status_of_the_answer_is_listed_anew() {
        let asked = Arc::default();
        let api: Api<Pod> = Api::default_namespaced(server(Arc::clone(&asked)));
        let found: Vec<_> = events(api, None).take(5).collect().await;
        let is_done = |event: &watcher::Result<watcher::Event<Pod>>| matches!(event, Ok(watcher::Event::InitDone));
        assert_eq!(found.iter().filter(|event| is_done(event)).count(), 2, "{found:?}");
        assert_eq!(found.iter().filter(|event| event.is_err()).count(), 1, "{found:?}");
        let asked = asked.lock().unwrap();
        let watch = asked.iter().find(|query| query.contains("watch=")).unwrap();
        assert!(watch.contains(&format!("timeoutSeconds={LONGEST_WATCH}")), "{watch}");
    }
}
