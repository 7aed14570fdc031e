//! What the cloud had some time ago, for clouds whose reads are late.

use std::collections::VecDeque;
use std::time::Duration;

use super::Moment;
use super::dialect::{Departure, Dialect};
use super::settings::Timing;
use super::state::State;

/// How late reads are. Nobody reports any of this cloud; those of others show what was written within some seconds.
const LATE: Duration = Duration::from_secs(3);

/// What the cloud had, as far back as a read shows.
pub(crate) struct Past {
    /// How late reads are; `None`: they show what is.
    late: Option<Duration>,
    /// In order: the cloud had this until that moment, from the moment of the one before.
    states: VecDeque<(Moment, State)>,
}

impl Past {
    pub(crate) fn new(dialect: &Dialect, timing: &Timing) -> Self {
        let late = dialect.has(Departure::ReadsLate).then(|| timing.scaled(LATE));
        Self { late, states: VecDeque::new() }
    }

    /// Whether reads are late.
    pub(crate) const fn is_kept(&self) -> bool {
        self.late.is_some()
    }

    /// The cloud has this until this moment, when something may change.
    pub(crate) fn keep(&mut self, state: &State, now: Moment) {
        if self.late.is_none() {
            return;
        }
        match self.states.back_mut() {
            // Of changes at one moment, the first is from what was there before.
            Some((until, _)) if *until == now => {}
            _ => self.states.push_back((now, state.to_be_read())),
        }
    }

    /// What a read at this moment shows; `None`: what there is now.
    pub(crate) fn shown(&mut self, now: Moment) -> Option<&mut State> {
        let then = now.saturating_sub(self.late?);
        while self.states.front().is_some_and(|(until, _)| *until < then) {
            self.states.pop_front();
        }
        self.states.front_mut().map(|(_, state)| state)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::super::pure::PureCloud;
    use super::super::settings::{LoadBalancerSpec, Settings};
    use super::*;
    use crate::clb::wire::Service;

    fn listeners(cloud: &mut PureCloud, milliseconds: u64) -> Vec<String> {
        let body = json!({"LoadBalancerId": "lb-one"}).to_string();
        let now = Moment::from_millis(milliseconds);
        let arrived = cloud.call(Service::Clb, "DescribeListeners", body.as_bytes(), "read", now);
        let reply: Value = serde_json::from_slice(&arrived.reply.unwrap().1).unwrap();
        let rows = reply["Response"]["Listeners"].as_array().unwrap();
        rows.iter().map(|row| row["ListenerName"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn reads_show_what_was_three_seconds_before() {
        let dialect = Dialect::from([Departure::ReadsLate]);
        let settings = Settings { dialect, rate_per_second: None, ..Settings::default() };
        let mut cloud = PureCloud::new(&settings, Timestamp::UNIX_EPOCH);
        assert!(cloud.add_load_balancer(&"lb-one".parse::<LoadBalancerSpec>().unwrap()));
        assert_eq!(listeners(&mut cloud, 1_000), Vec::<String>::new());
        for (milliseconds, port) in [(2_000, 80), (4_000, 81)] {
            let body = json!({
                "LoadBalancerId": "lb-one", "Ports": [port], "Protocol": "TCP", "ListenerNames": [format!("at-{port}")],
            });
            let body = body.to_string();
            let now = Moment::from_millis(milliseconds);
            let arrived = cloud.call(Service::Clb, "CreateListener", body.as_bytes(), "write", now);
            let reply = String::from_utf8(arrived.reply.unwrap().1).unwrap();
            assert!(reply.contains("ListenerIds"), "{reply}");
        }
        for (milliseconds, names) in [
            (4_000, &[][..]),
            // They are made when their tasks have ended.
            (5_400, &[]),
            (5_600, &["at-80"]),
            (7_400, &["at-80"]),
            (7_600, &["at-80", "at-81"]),
            (60_000, &["at-80", "at-81"]),
        ] {
            assert_eq!(listeners(&mut cloud, milliseconds), names, "{milliseconds}");
        }
    }
}
