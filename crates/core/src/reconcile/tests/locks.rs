//! A load balancer that stays locked after each write, while Pods come all the time: one that ends does not wait for them.

use std::time::Duration;

use super::super::*;
use crate::api::condition::ChangeReason;
use crate::model::{Address, Class, Failure, ListenerId, Route};
use crate::plan::{Registration, Removal, Step, WeightChange};
use crate::status::TICK;

fn route() -> Route {
    Route { listener: ListenerId::new("lbl-1"), rule: None }
}

/// A new one in each round.
fn newcomer(number: u8) -> Step {
    Step::Register(vec![Registration {
        owner: "web".to_owned(),
        route: route(),
        address: Address { ip: [10, 0, 1, number].into(), port: 80 },
        pod: format!("new-{number}"),
        pod_uid: format!("uid-{number}"),
        reason: ChangeReason::PodReady,
        weight: 10,
        tag: String::new(),
    }])
}

fn leaving(is_weighted: bool) -> Step {
    let (owner, route, address) = ("web".to_owned(), route(), Address { ip: [10, 0, 0, 1].into(), port: 80 });
    let (pod, reason) = (Some("old".to_owned()), ChangeReason::PodDeleted);
    if is_weighted {
        let remark = String::new();
        Step::Reweight(vec![WeightChange { owner, route, address, pod, from: 10, to: 0, reason, remark }])
    } else {
        Step::Deregister(vec![Removal { owner, route, address, pod, weight: 0, reason }])
    }
}

/// How long one that ends waits, `begin` after the first newcomer. Each write, and nothing else, locks for `lock`.
fn waits(lock: Duration, begin: Duration, is_weighted: bool) -> Duration {
    let busy = Failure {
        class: Class::Busy,
        action: "Some",
        code: "FailedOperation.ResourceInOperating".to_owned(),
        message: String::new(),
        request_id: None,
    };
    let (mut refusals, mut now, mut locked, mut number) = (Refusals::default(), Duration::ZERO, Duration::ZERO, 0);
    loop {
        let ends = now >= begin;
        let steps: Vec<Step> = std::iter::once(newcomer(number)).chain(ends.then(|| leaving(is_weighted))).collect();
        let mut execution = Execution::new(&steps, &refusals, now);
        while let Some(step) = execution.next_call() {
            let is_newcomer = matches!(step, Step::Register(_));
            let reply = match now < locked {
                true => Err(busy.clone()),
                false if is_newcomer => Ok(Reply::Done),
                false => return now.saturating_sub(begin),
            };
            if reply.is_ok() {
                locked = now + lock;
                number += 1;
            }
            execution.reply(reply, &mut refusals, now);
        }
        let outcome = execution.finish(&mut refusals);
        refusals.forget_all_but(&steps);
        assert!(now < begin + Duration::from_secs(60), "lock {lock:?}: it waits for ever");
        // Pods that come ask for rounds, at ticks.
        now += outcome.retry_after.unwrap_or(TICK).clamp(Duration::from_millis(20), TICK);
    }
}

#[test]
fn whoever_ends_waits_for_one_lock_and_not_for_those_that_come() {
    for lock in [0, 50, 200, 500, 1_000, 2_000].map(Duration::from_millis) {
        for begin in (0..30).map(|number| Duration::from_millis(100) * number) {
            for is_weighted in [true, false] {
                let waits = waits(lock, begin, is_weighted);
                // The lock, a pause for another try, and the round that was to come.
                let longest = lock + TICK * 2;
                assert!(waits <= longest, "lock {lock:?}, {begin:?}, a weight: {is_weighted}: {waits:?}");
            }
        }
    }
}
