//! The cloud's side: credentials, load balancers, quotas; and how the bindings stand.

use super::{Check, Verdict};
use crate::api::condition::ConditionType;
use crate::cli::Error;
use crate::cli::error::of_cloud;
use crate::cli::remarks::{Remark, Topic, of_binding, of_service};
use crate::cli::session::Session;
use crate::cli::ungated::{Ungated, ungated};
use crate::cli::world::{Seen, Sight, World};
use crate::model::{Caller, Service};
use crate::plan::Cloud;
use crate::plan::vpc::{ClusterVpc, Witness};

const BINDINGS: &str = "Bindings";
/// Part of a quota, in percent, from which it is worth a word.
const NEARLY: usize = 90;
/// The most remarks that are shown one by one.
const NAMED: usize = 5;

pub(super) async fn checks(session: &Session) -> Result<Vec<Check>, Error> {
    let mut checks = vec![credentials(session).await?];
    let world = match World::read(session, false).await {
        Ok(world) => world,
        // The checks before this one say what to do about it.
        Err(Error::List(error)) => {
            checks.push(Check::unknown(BINDINGS, error.to_string()));
            return Ok(checks);
        }
        Err(error) => return Err(error),
    };
    let sights = world.look(session).await?;
    checks.push(vpc(&world.vpc(session, &sights), &sights));
    checks.extend(sights.iter().filter_map(quota));
    checks.push(bindings(&world, &sights));
    checks.extend(gates(&world, &sights));
    checks.extend(remarks(session, &world, &sights));
    Ok(checks)
}

async fn credentials(session: &Session) -> Result<Check, Error> {
    const CHECK: &str = "Credentials";
    if let Err(why) = &session.credentials {
        return Ok(Check::unknown(CHECK, format!("none here, so CLB is not looked at: {why}")));
    }
    let Some(clb) = session.cloud(&session.region)? else { return Ok(Check::unknown(CHECK, "none here")) };
    Ok(match clb.quotas().await {
        Ok(_) => {
            let account = match session.caller(&clb).await {
                Caller::Known(account) => format!("these are of account {account}"),
                Caller::Unknown(failure) => format!("their account is not known: {}", of_cloud(&failure)),
                Caller::NotAsked => "their account is not known".to_owned(),
            };
            Check::fine(CHECK, format!("CLB in {} answers; {account}", session.region))
        }
        Err(failure) => Check::wrong(
            CHECK,
            of_cloud(&failure),
            "Correct TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or allow the action; the controller needs the same.",
        ),
    })
}

/// Which VPC the controller takes for the cluster's, by the same flags.
fn vpc(vpc: &ClusterVpc, sights: &[Sight]) -> Check {
    const CHECK: &str = "VPC";
    let why = match vpc {
        ClusterVpc::Known(known) => {
            let message = format!("the cluster is in {}: {known}", known.id);
            // Load balancers may be of other VPCs, which their own bindings say.
            let is_doubted = known.dissent.iter().any(|one| one.witness == Witness::TkeConfig);
            let remedy = "Correct --vpc-id (the chart's vpcId) of the controller, and here, or TKE_VPC_ID.";
            return if is_doubted { Check::doubtful(CHECK, message, remedy) } else { Check::fine(CHECK, message) };
        }
        ClusterVpc::Pending => {
            let failure = sights.iter().find_map(|sight| match &sight.snapshot.cloud {
                Cloud::Failed(failure) => Some(of_cloud(failure)),
                _ => None,
            });
            let why = failure.unwrap_or_else(|| "nobody has looked".to_owned());
            return Check::unknown(
                CHECK,
                format!("the load balancers that bindings name were not read, which may say it: {why}"),
            );
        }
        ClusterVpc::Unknown(doubt) => doubt.to_string(),
    };
    Check::new(
        CHECK,
        Verdict::Unknown,
        format!("that of the cluster is not known: {why}"),
        "Without it no internal load balancer is created: set the controller's --vpc-id (the chart's vpcId), and here the same.",
    )
}

/// How much of its quotas a load balancer uses; nothing when it was not read.
fn quota(sight: &Sight) -> Option<Check> {
    const CHECK: &str = "Quota";
    let Cloud::Observed(observed) = &sight.snapshot.cloud else { return None };
    let limits = &sight.snapshot.limits;
    let id = &observed.load_balancer.id;
    let most = observed.targets.values().map(Vec::len).max().unwrap_or_default();
    let listeners = observed.listeners.len();
    let message = format!(
        "{id}: {listeners} of {} listeners, at most {most} of {} targets on a listener",
        limits.listeners_per_load_balancer, limits.targets_per_route
    );
    let is_near = |used: usize, limit: usize| used * 100 >= limit * NEARLY;
    let is_nearly_full =
        is_near(most, limits.targets_per_route) || is_near(listeners, limits.listeners_per_load_balancer);
    Some(if is_nearly_full {
        Check::doubtful(
            CHECK,
            message,
            "Have TOTAL_TARGET_BIND_QUOTA or TOTAL_LISTENER_QUOTA raised before more Pods or ports come.",
        )
    } else {
        Check::fine(CHECK, message)
    })
}

/// What bindings and Services say besides, such as annotations that cannot be read; nothing when there is nothing.
fn remarks(session: &Session, world: &World, sights: &[Sight]) -> Vec<Check> {
    const CHECK: &str = "Remarks";
    const REMEDY: &str =
        "kubectl direct-access get says all of this, and kubectl direct-access explain pod/NAME for one Pod.";
    let own: Vec<_> =
        sights.iter().flat_map(Sight::bindings).filter(|seen| world.is_asked_for(&seen.view.binding)).collect();
    let is_lasting = |remark: &Remark| !matches!(remark.topic, Topic::Gates | Topic::NextLook | Topic::Condition);
    let of = |seen: &Seen<'_>| {
        let name = seen.view.display_name();
        let lasting = of_binding(seen).into_iter().filter(is_lasting);
        lasting.map(move |remark| format!("{name}: {}", remark.message))
    };
    let mut lines: Vec<_> = own.iter().flat_map(of).collect();
    // What has no binding yet, for what its annotations say.
    let services = world.stores.services.rows(&session.namespace);
    let is_bound = |service: &Service| {
        own.iter().any(|seen| seen.view.service.as_deref().is_some_and(|bound| bound.key == service.key))
    };
    let others = services.values().filter(|service| !is_bound(service));
    lines.extend(others.filter_map(|service| of_service(service)).map(|remark| remark.message));
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines.into_iter().map(|line| Check::doubtful(CHECK, line, REMEDY)).collect()
}

/// Pods that run without a readiness gate, by the command that helps; nothing when all have one that is asked for.
fn gates(world: &World, sights: &[Sight]) -> Vec<Check> {
    const CHECK: &str = "Gates";
    let own = sights.iter().flat_map(Sight::bindings).filter(|seen| world.is_asked_for(&seen.view.binding));
    let check = |(name, row): (String, Ungated)| {
        Check::doubtful(CHECK, format!("{name}: {}", row.words()), format!("What gives them one: {}", row.remedy()))
    };
    own.flat_map(|seen| ungated(&seen).into_iter().map(move |row| (seen.view.display_name(), row))).map(check).collect()
}

fn bindings(world: &World, sights: &[Sight]) -> Check {
    let seen = sights.iter().flat_map(Sight::bindings);
    let own: Vec<_> = seen.filter(|seen| world.is_asked_for(&seen.view.binding)).collect();
    let is_ready = |seen: &&Seen<'_>| {
        let status = seen.view.binding.status.as_ref();
        let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
        conditions.any(|found| found.type_ == ConditionType::Ready.as_str() && found.status == "True")
    };
    let unready: Vec<_> = own.iter().filter(|seen| !is_ready(seen)).map(|seen| seen.view.display_name()).collect();
    if unready.is_empty() {
        return Check::fine(BINDINGS, format!("{} here, all ready", own.len()));
    }
    Check::doubtful(
        BINDINGS,
        format!("{} of {} not ready: {}", unready.len(), own.len(), unready.join(", ")),
        "kubectl direct-access get says why, and kubectl direct-access explain pod/NAME for one Pod.",
    )
}
