//! Whether a load balancer is there: one empty answer is no proof that it is not.

use tke_direct_access::clb::Presence;
use tke_direct_access::model::Witnesses;
use tke_direct_access::model::{Class, LoadBalancerId, Protocol};
use tke_direct_access::sim::{Effect, Fault, Simulator, When};

use crate::support::{client, listener, simulator};

fn once(simulator: &Simulator, action: &str, effect: Effect) {
    simulator.inject(Fault { action: Some(action.to_owned()), load_balancer: None, when: When::Next(1), effect });
}

fn error(code: &str) -> Effect {
    Effect::Error { code: code.to_owned(), message: String::new() }
}

/// Who says that it is gone; `None` when it is there.
async fn witnesses(simulator: &Simulator, id: &LoadBalancerId) -> Result<Option<Witnesses>, Class> {
    match client(simulator).contents(id).await {
        Ok(Presence::Found(found)) => {
            assert_eq!(found.load_balancer.id, *id);
            Ok(None)
        }
        Ok(Presence::NotShown { witnesses }) => Ok(Some(witnesses)),
        Err(failure) => Err(failure.class),
    }
}

#[tokio::test]
async fn a_load_balancer_that_does_not_exist_has_two_witnesses() {
    let (simulator, lb) = simulator();
    assert_eq!(witnesses(&simulator, &lb).await, Ok(None));
    let unknown = LoadBalancerId::new("lb-unknown");
    assert_eq!(witnesses(&simulator, &unknown).await, Ok(Some(Witnesses::ListAndListeners)));
    assert!(simulator.console(|state| state.remove_load_balancer(&lb)));
    assert_eq!(witnesses(&simulator, &lb).await, Ok(Some(Witnesses::ListAndListeners)));
}

#[tokio::test]
async fn an_empty_list_alone_is_doubtful() {
    let (simulator, lb) = simulator();
    // With listeners and without.
    for port in [80, 81] {
        once(&simulator, "DescribeLoadBalancers", Effect::EmptyReply);
        assert_eq!(witnesses(&simulator, &lb).await, Ok(Some(Witnesses::ListOnly)));
        assert_eq!(witnesses(&simulator, &lb).await, Ok(None), "the fault strikes once");
        listener(&simulator, &lb, Protocol::Tcp, port);
    }
}

#[tokio::test]
async fn a_second_witness_that_cannot_be_heard_fails_the_read() {
    let (simulator, lb) = simulator();
    for (effect, expected) in [
        (error("InternalError"), Class::Transient),
        (error("UnauthorizedOperation"), Class::Denied),
        (error("RequestLimitExceeded"), Class::Throttled),
        (Effect::LostReply, Class::Unreachable),
        (Effect::MalformedBody { body: None }, Class::Unreachable),
    ] {
        once(&simulator, "DescribeLoadBalancers", Effect::EmptyReply);
        once(&simulator, "DescribeListeners", effect);
        assert_eq!(witnesses(&simulator, &lb).await, Err(expected));
    }
    once(&simulator, "DescribeLoadBalancers", Effect::EmptyReply);
    once(&simulator, "DescribeListeners", error("InvalidParameter.LBIdNotFound"));
    assert_eq!(witnesses(&simulator, &lb).await, Ok(Some(Witnesses::ListAndListeners)));
}
