//! What a leadership lets through, on a clock that the test moves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::pending;
use tokio::sync::{oneshot, watch};

use super::*;

/// A clock that stands, in milliseconds.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn clock(&self) -> Clock {
        let hands = self.clone();
        Arc::new(move || at(hands.0.load(Ordering::Relaxed)))
    }

    fn set(&self, milliseconds: u64) {
        self.0.store(milliseconds, Ordering::Relaxed);
    }
}

fn at(milliseconds: u64) -> Moment {
    Moment::after_start(Duration::from_millis(milliseconds))
}

fn term(until: u64) -> Term {
    Term { number: 1, until: at(until) }
}

#[tokio::test]
async fn a_leadership_ends_by_its_clock_and_never_begins_again() {
    let hands = Hands::default();
    let leadership = Leadership::new(term(3000), hands.clock());
    assert!(leadership.is_valid());
    assert!(leadership.ended().now_or_never().is_none());
    assert!(leadership.renew(term(4000)));
    assert!(leadership.renew(term(3500)), "a late answer to an earlier renewal takes nothing away");
    hands.set(3999);
    assert!(leadership.is_valid());
    hands.set(4000);
    assert!(!leadership.renew(term(9000)), "who renews too late has lost it");
    assert!(!leadership.is_valid());
    hands.set(0);
    assert!(!leadership.is_valid(), "whatever the clock says afterwards");
    leadership.ended().await;
}

#[tokio::test]
async fn a_renewal_of_another_leadership_does_not_prolong_this_one() {
    let leadership = Leadership::new(term(3000), Hands::default().clock());
    assert!(!leadership.renew(Term { number: 2, until: at(9000) }));
}

#[tokio::test]
async fn a_call_is_not_begun_without_leadership() {
    let hands = Hands::default();
    let leadership = Leadership::new(term(3000), hands.clock());
    assert_eq!(leadership.guard(async { 7 }).await, Ok(7));
    hands.set(3000);
    let call = async { unreachable!("it is not even looked at") };
    assert_eq!(leadership.guard(call).await, Err::<(), _>(Closed));
}

#[tokio::test]
async fn a_call_under_way_is_dropped_when_leadership_ends() {
    let leadership = Leadership::new(term(3000), Hands::default().clock());
    let (sender, receiver) = oneshot::channel::<()>();
    let other = leadership.clone();
    let call = async move {
        other.end();
        let _kept = sender;
        pending::<()>().await;
    };
    assert_eq!(leadership.guard(call).await, Err(Closed));
    receiver.await.expect_err("what the call held is gone");
}

#[tokio::test]
async fn a_frozen_process_does_not_go_on_with_a_call_when_it_is_thawed() {
    let hands = Hands::default();
    let leadership = Leadership::new(term(3000), hands.clock());
    let (wake, woken) = oneshot::channel();
    let is_sent = AtomicBool::new(false);
    let mut call = std::pin::pin!(leadership.guard(async {
        woken.await.unwrap();
        is_sent.store(true, Ordering::Relaxed);
    }));
    assert!(call.as_mut().now_or_never().is_none(), "it waits for its turn");
    // Timers stand still meanwhile, and nobody else has noticed.
    hands.set(60_000);
    wake.send(()).unwrap();
    assert_eq!(call.await, Err(Closed));
    assert!(!is_sent.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_connection_ends_with_the_leadership_in_which_it_began() {
    use hyper::rt::Executor;

    let hands = Hands::default();
    let (sender, receiver) = watch::channel(None);
    let connections = Connections::new(receiver);
    let begin = || {
        let ((request, asked), (answer, heard)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        connections.execute(Box::pin(async move {
            if asked.await.is_ok() {
                let _ = answer.send(());
            }
        }));
        (request, heard)
    };
    let (_request, heard) = begin();
    heard.await.expect_err("none without a leadership");

    sender.send_replace(Some(Leadership::new(term(3000), hands.clock())));
    let ((request, heard), (late_request, late_heard)) = (begin(), begin());
    request.send(()).unwrap();
    heard.await.expect("it carries requests");
    // The process was frozen, and nobody else has noticed.
    hands.set(60_000);
    // Whether it is there still or not, there is nobody to send it.
    let _ = late_request.send(());
    late_heard.await.expect_err("what it was about to send is gone");
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_in_time_and_moves_with_renewals() {
    let start = tokio::time::Instant::now();
    let clock: Clock = Arc::new(move || Moment::after_start(start.elapsed()));
    let leadership = Leadership::new(term(3000), clock);
    let other = leadership.clone();
    let renewing = async move {
        tokio::time::advance(Duration::from_millis(1000)).await;
        assert!(other.renew(term(4000)));
    };
    tokio::join!(leadership.ended(), renewing);
    let elapsed = start.elapsed().as_millis();
    assert!((4000..4010).contains(&elapsed), "{elapsed} ms");
}

#[test]
fn the_clock_of_this_machine_goes_on() {
    let clock = clock::system();
    let earlier = clock();
    while clock() == earlier {
        std::hint::spin_loop();
    }
    assert!(clock().since(earlier) < Duration::from_secs(10));
}
