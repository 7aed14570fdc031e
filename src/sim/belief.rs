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
const CHECKS: &str = "https://cloud.tencent.com/document/product/214/6097";
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
        when_false: "On listeners that carry the binding's mark, untagged targets count as the binding's, also those of somebody else; on others the condition says that tags are not shown.",
        test: "misfortune_console_is_answered_so_where_the_cloud_shows_no_tags",
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
        when_false: "The misfortunes of the tables end as they do where it is true.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "members-dropped",
        belief: "Members of a health check that its type does not have are null, also after a change of the type.",
        source: "official examples of DescribeListeners",
        address: "https://cloud.tencent.com/document/api/214/30686",
        certainty: Certainty::Inferred,
        switch: Some(Switch::Departure(Departure::MembersKept)),
        when_false: "The misfortunes of the tables end as they do where it is true, but for members that the cloud goes on showing after a change of the type.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
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
        when_false: "Members of a check are judged by the type that is believed.",
        test: "the_type_of_a_check_is_the_wished_one_else_that_which_is_there_else_the_usual_one",
    },
    Belief {
        name: "reads-current",
        belief: "A read that begins after a task has ended shows what the task has done.",
        source: "resource_tc_clb_listener.go reads what it has made as soon as the task has ended, and forgets what is not shown",
        address: TERRAFORM,
        certainty: Certainty::ReliedUpon,
        switch: Some(Switch::Departure(Departure::ReadsLate)),
        when_false: "The misfortunes of the tables end as they do where it is true, some seconds later. What a read still shows is asked to go once more, and no status calls the refusal of that a failure.",
        test: "dialects_late_reads_make_no_status_say_that_anything_failed",
    },
    Belief {
        name: "ids-at-once",
        belief: "CreateLoadBalancer answers with the ids of what it creates.",
        source: "the example of CreateLoadBalancer; a slow creation may answer without",
        address: CREATION,
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::IdsLate)),
        when_false: "The load balancer is found, and no second one is made.",
        test: "one_whose_creation_is_answered_without_ids_is_found",
    },
    Belief {
        name: "tags-at-once",
        belief: "A load balancer is found by its tag as soon as its creation is answered.",
        source: "Tags of CreateLoadBalancer; nothing is said of when the filter finds them",
        address: CREATION,
        certainty: Certainty::Inferred,
        switch: Some(Switch::Departure(Departure::LoadBalancerTagsLate)),
        when_false: "The id that the creation's task names is followed, and no second one is made. One that was made and not named, and that no read by tag finds for ten minutes, is asked for anew.",
        test: "what_a_task_has_made_is_adopted_before_a_read_finds_it",
    },
    Belief {
        name: "tokens-spent",
        belief: "The ClientToken of a load balancer that was deleted is refused with ClientTokenLimitExceeded.",
        source: "documented for orders that have failed or stalled only",
        address: SDK_ERRORS,
        certainty: Certainty::Chosen,
        switch: Some(Switch::Departure(Departure::TokensReplayed)),
        when_false: "A wish that has brought nothing for ten minutes is recorded anew, with another token.",
        test: "a_wish_that_brings_nothing_is_recorded_anew_for_another_token",
    },
    Belief {
        name: "tokens-stall",
        belief: "The ClientToken of an order that does not end is refused with ClientTokenLimitExceeded after ten minutes.",
        source: "that it is refused some time is documented",
        address: SDK_ERRORS,
        certainty: Certainty::Inferred,
        switch: None,
        when_false: "A wish that has brought nothing for ten minutes is recorded anew, with another token.",
        test: "a_wish_that_brings_nothing_is_recorded_anew_for_another_token",
    },
    Belief {
        name: "dots-in-names",
        belief: "The name of a load balancer may have dots.",
        source: "a client of others allows them since August 2026; the reference has letters, digits, - and _ only",
        address: "https://github.com/TencentBlueKing/bk-hcm/pull/2063",
        certainty: Certainty::ReliedUpon,
        switch: Some(Switch::Departure(Departure::DotsRefused)),
        when_false: "A creation for a binding with a dot in its name is refused, and the binding is not ready.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
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
        name: "new-targets-wait",
        belief: "A new target gets no traffic before its probes agree.",
        source: "nothing says what a target gets before it was probed",
        address: CHECKS,
        certainty: Certainty::Chosen,
        switch: Some(Switch::Departure(Departure::NewTargetsServe)),
        when_false: "Nothing is sent to a Pod before its containers are ready: it is no target until then.",
        test: "a_pod_with_another_selector_or_without_ready_containers_is_no_target",
    },
    Belief {
        name: "new-targets-not-alive",
        belief: "A target is not shown as Alive before its probes have found it so.",
        source: "TargetHealth.HealthStatusDetail: Unknown while it is probed, or before",
        address: STRUCTURES,
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::NewTargetsAlive)),
        when_false: "The misfortunes of the tables end as they do where it is true.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "new-targets-not-dead",
        belief: "A target is not shown as Dead before its probes have found it so.",
        source: "TargetHealth.HealthStatusDetail: Unknown while it is probed, or before",
        address: STRUCTURES,
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::NewTargetsDead)),
        when_false: "The misfortunes of the tables end as they do where it is true.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "targets-on-one-listener",
        belief: "A target that another listener of its protocol has fails in a batch on its own listener only.",
        source: "FailListenerIdSet of BatchRegisterTargets",
        address: "https://www.tencentcloud.com/document/api/214/33843",
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::ConflictsWhole)),
        when_false: "The misfortunes of the tables end as they do where it is true: of a batch that is refused, the others are tried without the one that has a conflict.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "absent-targets-in-batches",
        belief: "A batch with a target that is not registered, or with more than the quota, is refused as a whole.",
        source: "FailListenerIdSet of BatchDeregisterTargets might name the listener instead",
        address: "https://www.tencentcloud.com/document/api/214/33845",
        certainty: Certainty::Chosen,
        switch: Some(Switch::Departure(Departure::BatchesInPart)),
        when_false: "The misfortunes of the tables end as they do where it is true.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "weights-whole",
        belief: "BatchModifyTargetWeight that is refused has changed nothing.",
        source: "nothing says what becomes of the other targets",
        address: "https://cloud.tencent.com/document/api/214/34309",
        certainty: Certainty::Chosen,
        switch: Some(Switch::Departure(Departure::WeightsInPart)),
        when_false: "The misfortunes of the tables end as they do where it is true.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "stop-shown",
        belief: "AttrFlags of a listener that is stopped names Stop.",
        source: "the example of DescribeListeners",
        address: "https://cloud.tencent.com/document/api/214/30686",
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::StopHidden)),
        when_false: "The binding is not ready while a listener of it is stopped; it is not said why.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "stopped-closes-health",
        belief: "The targets of a listener that is stopped are reported as Close.",
        source: "TargetHealth.HealthStatusDetail",
        address: STRUCTURES,
        certainty: Certainty::Documented,
        switch: Some(Switch::Departure(Departure::StoppedHealthKept)),
        when_false: "The binding is not ready, and counts no target of the stopped listener as healthy.",
        test: "dialects_each_alone_break_no_rule_and_end_as_believed",
    },
    Belief {
        name: "lock-lingers",
        belief: "A load balancer stays locked for a moment after a task has ended.",
        source: "the controller of TKE waits for it after a batch; users of other clients meet ResourceInOperating with serial calls",
        address: "https://github.com/certd/certd/issues/314",
        certainty: Certainty::Reported,
        switch: Some(Switch::Setting("timing.tail", |settings| settings.timing.tail = Duration::ZERO)),
        when_false: "No rule of the worlds is broken, whose load balancers are locked after a task only where a story says so.",
        test: "worlds_of_fixed_seeds_break_no_rule",
    },
    Belief {
        name: "layer7-takes-schedulers",
        belief: "CreateListener takes Scheduler and HealthCheck for HTTP and HTTPS, without effect.",
        source: "resource_tc_clb_listener.go sends Scheduler whatever the protocol is",
        address: TERRAFORM,
        certainty: Certainty::ReliedUpon,
        switch: None,
        when_false: "Nothing: a config has these members for listeners of layer 4 and for rules only.",
        test: "each_field_is_one_attribute_or_is_told",
    },
    Belief {
        name: "check-paths-are-short",
        belief: "The path of a health check begins with / and has 1 to 80 characters.",
        source: "the product page on health checks; the API reference has no limit",
        address: "https://cloud.tencent.com/document/product/214/50011",
        certainty: Certainty::Documented,
        switch: None,
        when_false: "A path that the cloud refuses is reported with its words, and the rest goes on.",
        test: "what_the_cloud_refuses_is_told_and_the_rest_goes_on",
    },
    Belief {
        name: "aliases-are-searched",
        belief: "SearchKey of DescribeCertificates finds every certificate in whose alias it is.",
        source: "DescribeCertificates: it matches a part of id, alias and domain",
        address: "https://cloud.tencent.com/document/product/400/41671",
        certainty: Certainty::Documented,
        switch: None,
        when_false: "An upload that is not found is made again after each restart and every five minutes, and the former ones stay.",
        test: "an_upload_is_found_by_its_alias_and_ends_when_it_says",
    },
    Belief {
        name: "certificates-go-unasked",
        belief: "DeleteCertificate does not look whether a listener has the certificate.",
        source: "IsCheckResource of DeleteCertificate, which is off by default",
        address: "https://cloud.tencent.com/document/product/400/41675",
        certainty: Certainty::Documented,
        switch: None,
        when_false: "A deletion that is refused because the certificate is in use is tried again later.",
        test: "a_renewed_secret_is_followed_without_a_moment_without_certificate",
    },
    Belief {
        name: "ends-are-of-beijing",
        belief: "CertEndTime of DescribeCertificates is the time of Beijing.",
        source: "other times of the API that say no zone",
        address: "https://cloud.tencent.com/document/product/400/41671",
        certainty: Certainty::Inferred,
        switch: None,
        when_false: "The end of a certificate that is named by its id is reported eight hours too early or too late.",
        test: "a_list_is_read_as_a_whole_or_not_at_all",
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
        when_false: "The condition of a binding says which call was denied, and what was to be done is done once it is allowed.",
        test: "a_binding_that_cannot_be_taken_down_says_why",
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
