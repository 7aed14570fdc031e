//! What is believed of the real cloud and not proven, as one table: `docs/assumptions.md` is written from it.
//!
//! Nothing here was seen at the real cloud. A belief that somebody has confirmed or refuted there leaves the table.

use std::time::Duration;

use super::dialect::Departure;
use super::settings::Settings;

/// How a belief is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The vendor's documentation says so.
    Documented,
    /// A client that others use with the real cloud works only if it is so.
    ReliedUpon,
    /// Users of the cloud, or of other clients, report it.
    Reported,
    /// It follows from something else that is documented.
    Inferred,
    /// Nothing speaks for it; one of several possibilities was chosen.
    Chosen,
}

impl Certainty {
    /// All of them, the surest first.
    pub const ALL: [Self; 5] = [Self::Documented, Self::ReliedUpon, Self::Reported, Self::Inferred, Self::Chosen];

    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::ReliedUpon => "relied upon",
            Self::Reported => "reported",
            Self::Inferred => "inferred",
            Self::Chosen => "chosen",
        }
    }

    /// What the word means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Documented => "The vendor's documentation says so.",
            Self::ReliedUpon => "A client that others use with the real cloud works only if it is so.",
            Self::Reported => "Users of the cloud, or of other clients, report it.",
            Self::Inferred => "It follows from something else that is documented.",
            Self::Chosen => "Nothing speaks for it; one of several possibilities was chosen.",
        }
    }
}

/// What makes a simulated cloud one for which a belief is false.
#[derive(Clone, Copy, Debug)]
pub enum Switch {
    /// It departs in this way.
    Departure(Departure),
    /// A setting of another kind is changed: its name in [`Settings`], and the change.
    Setting(&'static str, fn(&mut Settings)),
}

impl Switch {
    /// Its name: that of `clb-simulator --dialect`, or the setting's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Departure(departure) => departure.name(),
            Self::Setting(name, _) => name,
        }
    }

    /// Makes the belief false.
    pub fn apply(self, settings: &mut Settings) {
        match self {
            Self::Departure(departure) => settings.dialect.add(departure),
            Self::Setting(_, change) => change(settings),
        }
    }
}

/// A belief about the real cloud.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    /// A name that is nobody else's, such as `tags-shown`.
    pub name: &'static str,
    /// What is believed, in one sentence.
    pub belief: &'static str,
    /// What speaks for it.
    pub source: &'static str,
    /// Where that is.
    pub address: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
    /// What makes it false in the simulator; `None` where that is not simulated.
    pub switch: Option<Switch>,
    /// What the product does where it is false.
    pub when_false: &'static str,
    /// The function of the test that shows it.
    pub test: &'static str,
}

const STRUCTURES: &str = "https://cloud.tencent.com/document/api/214/30694";
const CREATION: &str = "https://cloud.tencent.com/document/api/214/30692";
const TERRAFORM: &str = "https://github.com/tencentcloudstack/terraform-provider-tencentcloud/blob/master/tencentcloud/services/clb/resource_tc_clb_listener.go";
const TKE: &str = "https://github.com/tkestack/tke-extend-network-controller";
const SDK_ERRORS: &str =
    "https://github.com/TencentCloud/tencentcloud-sdk-go/blob/master/tencentcloud/clb/v20180317/errors.go";

/// All beliefs, in the order of the page.
pub const fn beliefs() -> &'static [Belief] {
    BELIEFS
}

const BELIEFS: &[Belief] = &[
    Belief {
        name: "tags-shown",
        belief: "DescribeTargets shows the tag that a target was registered with.",
        source: "Backend.Tag of the data structures, a member that need not be in a reply",
        address: STRUCTURES,
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::TagsHidden)),
        when_false: "On listeners that carry the binding's mark, untagged targets count as the binding's; addresses of Pods that are gone are given up.",
        test: "an_address_that_another_pod_has_is_given_up_whether_tags_are_shown_or_not",
    },
    Belief {
        name: "flags-shown",
        belief: "AttrFlags of a listener names SnatEnable, ProxyProtocol and the other switches that are on.",
        source: "resource_tc_clb_listener.go reads them, and takes an absent one for off",
        address: TERRAFORM,
        certainty: Certainty::ReliedUpon,
        switch: Some(Switch::Departure(Departure::FlagsHidden)),
        when_false: "What was written is remembered in the status of the binding and not written again; a change by somebody else is not noticed.",
        test: "a_switch_that_was_written_is_not_written_again_where_flags_are_hidden",
    },
    Belief {
        name: "batches-wait",
        belief: "BatchRegisterTargets and BatchDeregisterTargets answer when their work is done.",
        source: "the controller of TKE goes on at once",
        address: TKE,
        certainty: Certainty::Reported,
        switch: Some(Switch::Departure(Departure::BatchTasks)),
        when_false: "The RequestId is polled as a task in either case.",
        test: "a_batch_answers_when_it_is_done_or_is_a_task",
    },
    Belief {
        name: "members-dropped",
        belief: "Members of a health check that its type does not have are null, also after a change of the type.",
        source: "official examples of DescribeListeners",
        address: "https://cloud.tencent.com/document/api/214/30686",
        certainty: Certainty::Inferred,
        switch: Some(Switch::Departure(Departure::MembersKept)),
        when_false: "Such members are neither wished nor sent, so that what is shown of them changes nothing.",
        test: "members_of_another_type_are_not_shown",
    },
    Belief {
        name: "checks-kept",
        belief: "What a change of a health check leaves out stays as it is.",
        source: "HealthCheck.CheckPort: -1 restores the default, which would be needless otherwise",
        address: STRUCTURES,
        certainty: Certainty::Inferred,
        switch: Some(Switch::Departure(Departure::ChecksReset)),
        when_false: "A changed check is sent whole, as it is overlaid by the wish.",
        test: "a_changed_health_check_is_sent_whole_and_fits_its_type",
    },
    Belief {
        name: "check-type-follows",
        belief: "A rule of an HTTPS listener is checked by the protocol towards its targets when no type was asked for.",
        source: "HealthCheck.CheckType of the data structures",
        address: STRUCTURES,
        certainty: Certainty::Documented,
        switch: None,
        when_false: "Members of the health check that the type does not have are refused by the cloud; the condition has its words.",
        test: "the_usual_type_of_https_rules_is_the_protocol_towards_targets",
    },
    Belief {
        name: "ids-at-once",
        belief: "CreateLoadBalancer answers with the ids of what it creates.",
        source: "the example of CreateLoadBalancer; a slow creation may answer without",
        address: CREATION,
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::IdsLate)),
        when_false: "The load balancer is found by its tags.",
        test: "one_whose_creation_is_answered_without_ids_is_found",
    },
    Belief {
        name: "tokens-spent",
        belief: "The ClientToken of a load balancer that was deleted is refused with ClientTokenLimitExceeded.",
        source: "documented for orders that have failed or stalled only",
        address: SDK_ERRORS,
        certainty: Certainty::Chosen,
        switch: Some(Switch::Departure(Departure::TokensReplayed)),
        when_false: "The creation seems to succeed, and nothing is shown of it; nothing else was tried.",
        test: "a_token_stands_for_its_creation_until_that_fails_or_is_gone",
    },
    Belief {
        name: "tokens-stall",
        belief: "The ClientToken of an order that does not end is refused with ClientTokenLimitExceeded after ten minutes.",
        source: "that it is refused some time is documented",
        address: SDK_ERRORS,
        certainty: Certainty::Inferred,
        switch: None,
        when_false: "The creation is repeated with the same token until its order ends.",
        test: "a_token_whose_order_stalls_is_refused",
    },
    Belief {
        name: "dots-in-names",
        belief: "The name of a load balancer may have dots.",
        source: "a client of others allows them since August 2026; the reference has letters, digits, - and _ only",
        address: "https://github.com/TencentBlueKing/bk-hcm/pull/2063",
        certainty: Certainty::ReliedUpon,
        switch: Some(Switch::Departure(Departure::DotsRefused)),
        when_false: "A creation for a binding with a dot in its name is refused, and reported with the cloud's words; set create.name.",
        test: "names_of_load_balancers_have_no_other_characters",
    },
    Belief {
        name: "fixed-addresses",
        belief: "The account makes load balancers with fixed addresses.",
        source: "some accounts do not, and refuse with \"only suport domain clb\"",
        address: TKE,
        certainty: Certainty::Reported,
        switch: Some(Switch::Departure(Departure::DomainsOnly)),
        when_false: "The creation is refused, and the condition says to set create.dynamicVip; with that the statuses have the domain name.",
        test: "an_account_without_fixed_addresses_makes_one_with_a_domain_name",
    },
    Belief {
        name: "lock-lingers",
        belief: "A load balancer stays locked for a moment after a task has ended.",
        source: "the controller of TKE waits for it after a batch; users of other clients meet ResourceInOperating with serial calls",
        address: "https://github.com/certd/certd/issues/314",
        certainty: Certainty::Reported,
        switch: Some(Switch::Setting("timing.tail", |settings| settings.timing.tail = Duration::ZERO)),
        when_false: "Nothing waits for longer than it has to.",
        test: "the_lock_may_outlast_the_task",
    },
    Belief {
        name: "layer7-takes-schedulers",
        belief: "CreateListener takes Scheduler and HealthCheck for HTTP and HTTPS, without effect.",
        source: "resource_tc_clb_listener.go sends Scheduler whatever the protocol is",
        address: TERRAFORM,
        certainty: Certainty::ReliedUpon,
        switch: None,
        when_false: "Nothing: neither is sent.",
        test: "listeners_of_layer_7_take_what_belongs_to_rules_without_effect",
    },
    Belief {
        name: "check-paths-are-short",
        belief: "The path of a health check begins with / and has 1 to 80 characters.",
        source: "the product page on health checks; the API reference has no limit",
        address: "https://cloud.tencent.com/document/product/214/50011",
        certainty: Certainty::Documented,
        switch: None,
        when_false: "Paths of up to 200 characters are sent, so that nothing is lost; a refusal is reported with the cloud's words.",
        test: "nonsense_is_refused",
    },
    Belief {
        name: "all-is-allowed",
        belief: "The key may call every action that the controller needs.",
        source: "UnauthorizedOperation in the codes of nearly all actions",
        address: SDK_ERRORS,
        certainty: Certainty::Documented,
        switch: Some(Switch::Setting("denied_actions", |settings| {
            settings.denied_actions.insert("CreateListener".to_owned());
        })),
        when_false: "The condition says which action is denied, and it is tried again with growing pauses.",
        test: "an_action_may_be_denied",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_departure_makes_one_belief_false() {
        let of = |departure: &Departure| {
            let makes =
                |belief: &&Belief| matches!(belief.switch, Some(Switch::Departure(other)) if other == *departure);
            BELIEFS.iter().filter(makes).count()
        };
        let counts: Vec<_> = Departure::ALL.iter().map(|departure| (departure.name(), of(departure))).collect();
        assert!(counts.iter().all(|(_, count)| *count == 1), "{counts:?}");
    }

    #[test]
    fn names_are_unique_and_switches_change_something() {
        let names: BTreeSet<_> = BELIEFS.iter().map(|belief| belief.name).collect();
        assert_eq!(names.len(), BELIEFS.len());
        let usual = format!("{:?}", Settings::default());
        for (name, switch) in BELIEFS.iter().filter_map(|belief| Some((belief.name, belief.switch?))) {
            let mut settings = Settings::default();
            switch.apply(&mut settings);
            assert_ne!(format!("{settings:?}"), usual, "{name}");
        }
    }
}
