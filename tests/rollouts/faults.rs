//! A cloud that fails in the middle of a rollout.

use serde_json::json;
use tke_direct_access::sim::{Effect, Fault, When};

use crate::load::{Clients, turn};
use crate::scene::{begin_rollout, brisk, end_rollout, pods, workload};
use crate::stage::{Stage, binding, service};
use crate::witness::watched;

/// Time for a write to be refused a few times before it is done.
const FAREWELL: u32 = 12;

fn refusal(code: &str) -> Effect {
    Effect::Error { code: code.to_owned(), message: "injected".to_owned() }
}

fn fault(action: &str, when: When, effect: Effect) -> Fault {
    Fault { action: Some(action.to_owned()), load_balancer: None, names: None, when, effect }
}

/// Every kind of fault strikes each write of a rollout, and reads fail now and then.
fn faults() -> Vec<Fault> {
    let mut faults = vec![
        fault("DescribeTargetHealth", When::Every(7), refusal("RequestLimitExceeded")),
        fault("DescribeTargets", When::Every(9), Effect::HttpStatus { status: 502, done: false }),
        fault("DescribeTaskStatus", When::Every(5), Effect::LostReply),
    ];
    for write in ["BatchRegisterTargets", "BatchModifyTargetWeight", "BatchDeregisterTargets"] {
        faults.push(fault(write, When::Call(1), refusal("FailedOperation.ResourceInOperating")));
        faults.push(fault(write, When::Call(2), Effect::LostReply));
        faults.push(fault(write, When::Call(4), refusal("RequestLimitExceeded")));
        faults.push(fault(write, When::Call(5), Effect::LostRequest));
    }
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_on_a_failing_cloud_loses_nothing() {
    let _turn = turn().await;
    let mut stage = Stage::without_controller("failing", brisk()).await;
    stage.start_controller(&[]).await;
    for object in [service(), workload(8, "25%", FAREWELL), binding("web", &json!({}))] {
        stage.apply(&object).await;
    }
    stage.until_ready("web", "8/8").await;
    let rollout = async {
        let old = pods(&stage).await;
        let clients = Clients::start(&stage).await;
        faults().into_iter().for_each(|fault| stage.cloud.inject(fault));
        begin_rollout(&stage, 2).await;
        end_rollout(&stage, 8, &old).await;
        clients.lost_nothing("rollout on a failing cloud", 16).await;
    };
    watched(&stage, rollout).await;
    let struck = stage.cloud.struck();
    stage.cloud.clear_faults();
    for write in ["BatchRegisterTargets", "BatchModifyTargetWeight"] {
        assert!(struck.get(write).is_some_and(|count| *count >= 3), "{write} was struck: {struck:?}");
    }
    stage.until_ready("web", "8/8").await;
    stage.finish().await;
}
