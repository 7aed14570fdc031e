//! Plays a story on a stage, and compares what comes of it with what comes of it in the world.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kube::api::{Api, ListParams};
use serde_json::Value;
use tke_direct_access::sim::{LoadBalancerSpec, Settings, Timing};
use tke_direct_access_worlds::{Ending, Kind, Outcome, Story, tell};

use crate::replica::Replica;
use crate::stage::Stage;
use crate::support::within;

/// The load balancers that a world has from the start.
const LOAD_BALANCERS: [&str; 2] = ["lb-one", "lb-two"];
/// How long the next act waits at most for the control plane to be where the world is then.
const PAUSE: Duration = Duration::from_secs(4);
/// Users do at once what they do within this time.
const MOMENT: Duration = Duration::from_millis(300);
/// How long all acts of a story wait at most.
const PAUSES: Duration = Duration::from_secs(40);
/// How long it takes at most, after the last act, until all is as in the world: a Service says after a minute that it does not get what it
/// asks for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// How a story went.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) acts: usize,
    /// Before how many of them, that somebody waited for, all was as in the world.
    pub(crate) met: usize,
    pub(crate) lasted: Duration,
    /// The story, and how the two ends differ; `None` where they are the same.
    pub(crate) difference: Option<String>,
}

/// Something that is to happen by time alone.
pub(crate) enum Later {
    /// A replica begins.
    Start(usize),
    /// A replica goes on.
    Thaw(usize),
    /// A Pod is well again.
    Heal(String),
}

/// A story on a stage.
pub(crate) struct Player {
    pub(crate) stage: Stage,
    pub(crate) replicas: BTreeMap<usize, Replica>,
    later: Vec<(Instant, Later)>,
    /// The second, of Unix time, in which a binding was applied last.
    pub(crate) last_binding: u64,
    /// Objects that users are about to apply.
    pub(crate) applied: Vec<Value>,
    /// The versions of the templates of Deployments.
    pub(crate) revisions: BTreeMap<String, u32>,
    /// The kinds of workloads.
    pub(crate) kinds: BTreeMap<String, Kind>,
}

/// Plays a story in the world and on a control plane.
pub(crate) async fn play((name, story): (String, Story)) -> Told {
    let begun = Instant::now();
    let world = tokio::task::block_in_place(|| tell(&story, None));
    assert!(world.violations.is_empty(), "{name}: {:?}\n{story}", world.violations);
    let mut player = Player::new().await;
    let longest = PAUSE.min(PAUSES / u32::try_from(story.acts.len().max(1)).unwrap_or(u32::MAX));
    let met = player.play(&story, &world, longest).await;
    let ended = player.until(PATIENCE, &world.summary).await;
    let lasted = begun.elapsed();
    let difference = match ended {
        Ok(()) => None,
        Err(found) => Some(format!(
            "{name}\n{story}\nin the world:\n{}\n\non a control plane:\n{found}\n{}",
            world.summary,
            player.stage.ok(&["get", "dab,services,pods", "-o", "wide"]).await
        )),
    };
    player.end().await;
    Told { name, acts: story.acts.len(), met, lasted, difference }
}

impl Player {
    pub(crate) async fn new() -> Self {
        let timing = Timing { scale: 0.2, ..Timing::default() };
        let settings = Settings { timing, rate_per_second: None, ..Settings::default() };
        let stage = Stage::on("worlds", settings, LOAD_BALANCERS[0]).await;
        stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(LOAD_BALANCERS[1])).expect("it can be made");
        // A world has nothing of others at first.
        let (id, foreign) = (stage.load_balancer.clone(), stage.foreign_listener().clone());
        assert!(stage.cloud.console(|state| state.remove_listener(&id, &foreign)));
        let replicas = (0..2).map(|number| (number, Replica::start(&stage, number))).collect();
        Self {
            stage,
            replicas,
            later: Vec::new(),
            last_binding: 0,
            applied: Vec::new(),
            revisions: BTreeMap::new(),
            kinds: BTreeMap::new(),
        }
    }

    /// Does all that is done in a story. Returns before how many acts all was as in the world.
    pub(crate) async fn play(&mut self, story: &Story, world: &Outcome, longest: Duration) -> usize {
        let (mut last, mut met) = (0, 0);
        for ((at, act), before) in story.acts.iter().zip(&world.before) {
            let pause = Duration::from_millis(at - last).min(longest);
            last = *at;
            // What is applied within a moment is applied by one command.
            if pause > MOMENT {
                self.flush().await;
                // As far as the world was, or on the way there: users do not wait for ever.
                met += usize::from(self.until(pause, before).await.is_ok());
            }
            self.act(act.clone()).await;
        }
        self.flush().await;
        met
    }

    pub(crate) async fn end(self) {
        drop(self.replicas);
        self.stage.cloud.shutdown().await;
    }

    pub(crate) fn after(&mut self, seconds: u64, what: Later) {
        self.later.push((Instant::now() + Duration::from_secs(seconds), what));
    }

    /// Waits until there is what this digest says. Returns what there was last where that does not come about in time.
    pub(crate) async fn until(&mut self, deadline: Duration, digest: &str) -> Result<(), String> {
        let end = Instant::now() + deadline;
        loop {
            let is_due = |(at, _): &(Instant, Later)| *at <= Instant::now();
            let (due, later) = std::mem::take(&mut self.later).into_iter().partition(is_due);
            self.later = later;
            for (_, what) in Vec::from_iter::<Vec<_>>(due) {
                self.do_later(what).await;
            }
            // What is still due is part of the story.
            let next = self.later.iter().map(|(at, _)| *at).min();
            let left = next.unwrap_or(end).min(end).saturating_duration_since(Instant::now());
            let stage = &self.stage;
            let found = within(left, || async {
                let found = digest_of(stage).await;
                if is_same(&found, digest) && next.is_none() { Ok(Some(())) } else { Err(found) }
            })
            .await;
            match found {
                Ok(()) => return Ok(()),
                Err(found) if Instant::now() >= end => {
                    return if is_same(&found, digest) { Ok(()) } else { Err(found) };
                }
                Err(_) => {}
            }
        }
    }
}

/// Whether two ends are the same. After some minutes without progress a binding says that it is stalled, for which nobody waits here.
fn is_same(one: &str, other: &str) -> bool {
    let lines = |digest: &str| {
        let mut lines: Vec<String> = digest.lines().map(|line| line.replace("Reconciling", "Stalled")).collect();
        lines.sort();
        lines
    };
    lines(one) == lines(other)
}

/// What there is, in the words of the world.
async fn digest_of(stage: &Stage) -> String {
    let (client, all) = (stage.namespace.client(), ListParams::default());
    let ending = Ending {
        bindings: Api::default_namespaced(client.clone()).list(&all).await.expect("they can be listed").items,
        services: Api::default_namespaced(client.clone()).list(&all).await.expect("they can be listed").items,
        pods: Api::default_namespaced(client).list(&all).await.expect("they can be listed").items,
        configs: Vec::new(),
    };
    stage.cloud.console(|state| ending.digest(state))
}
