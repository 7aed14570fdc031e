//! Condition types and their reasons: the only place where these strings are spelled.
//!
//! They are part of the interface. Programs compare them, so a spelling never changes its meaning; a new one may be
//! added. Each says what it means and what to do, which the plugin's `explain` and the documentation print.

macro_rules! vocabulary {
    (
        $(#[$doc:meta])*
        $name:ident {
            $( $variant:ident = $text:literal : $meaning:literal, $remedy:literal; )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( #[doc = $meaning] #[doc = ""] #[doc = $remedy] $variant, )+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The spelling in Kubernetes objects.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }

            /// What to do about it, in one sentence.
            pub const fn remedy(self) -> &'static str {
                match self { $( Self::$variant => $remedy, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            /// Reads the spelling in Kubernetes objects. A newer controller may have written a word that is not known
            /// here.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or(UnknownWord)
            }
        }
    };
}

pub(super) use vocabulary;

/// A word that this version of the vocabulary does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word that this version knows")]
pub struct UnknownWord;

vocabulary! {
    /// The type of a condition of a binding or config.
    ConditionType {
        Accepted = "Accepted": "The object is valid, and it owns the ports it asks for.",
            "When False, correct the spec as the message says.";
        ResolvedRefs = "ResolvedRefs": "The Service, its ports, the config, the load balancer and the certificates exist and may be used.",
            "When False, create or correct what the message names; the binding goes on by itself.";
        Programmed = "Programmed": "A read of the cloud equals what is desired.",
            "When False or Unknown for long, look at its reason.";
        TargetsHealthy = "TargetsHealthy": "The cloud reports every desired target healthy.",
            "When False, look at the Pods and at the health check of the listener.";
        Ready = "Ready": "All other conditions hold, for the current generation.",
            "When not True, its reason is that of the first condition that does not hold.";
        Reconciling = "Reconciling": "Work is under way that will end by itself; present only while True.",
            "Wait.";
        Stalled = "Stalled": "Nothing will happen before somebody changes something; present only while True.",
            "Change what the message names.";
    }
}

vocabulary! {
    /// The reason of a condition of a binding or config.
    Reason {
        Ready = "Ready": "Everything holds.", "Nothing to do.";
        Accepted = "Accepted": "The spec is valid and without conflict.", "Nothing to do.";
        Resolved = "Resolved": "Everything the spec names exists and may be used.", "Nothing to do.";
        Programmed = "Programmed": "The last read of the cloud equals what is desired.", "Nothing to do.";
        Healthy = "Healthy": "The cloud reports every desired target healthy.", "Nothing to do.";
        Pending = "Pending": "This was not looked at yet, because something before it does not hold.",
            "Look at the first condition that is False.";
        Invalid = "Invalid": "The spec contradicts itself or the Service.", "Correct the field that the message names.";
        PortConflict = "PortConflict": "Another binding, or a foreign listener, has the port on this load balancer; or the listener of listenerId is another \
             namespace's, which does not share it.",
            "Use another port, or bind into the existing listener with listenerId, which its namespace has to share by sharedWith; the older \
             claim keeps working.";
        NotAdopted = "NotAdopted": "The annotation direct-access.cloud.tencent.com/adopt asks for the place of a binding that this one may not take; everything else goes on.",
            "Name the UID of a former binding of this namespace and name, which kubectl direct-access adopt finds, or remove the annotation.";
        ManagedByTke = "ManagedByTke": "TKE's own service controller programs this Service or load balancer.",
            "Use mode Delegate, or set the annotation service.cloud.tencent.com/mode to skip on the Service.";
        SwitchesRefused = "SwitchesRefused": "The API server does not let the controller see whether TKE's own service controller programs this Service.",
            "Allow the controller to list and watch the ConfigMap kube-system/tke-service-controller-config, as deploy/roles.yaml does.";
        UnsupportedValue = "UnsupportedValue": "The spec asks for something that this mode or this version cannot do.",
            "Remove or change the field that the message names.";
        Suspended = "Suspended": "spec.suspend is true: nothing is changed in the cloud, and gates are opened.",
            "Set spec.suspend to false to go on.";
        ServiceNotFound = "ServiceNotFound": "The Service of serviceRef does not exist in this namespace.",
            "Create the Service; it need not exist before the binding.";
        ServicePortNotFound = "ServicePortNotFound": "The Service has no port of this name or number and transport.",
            "Correct servicePort, or the ports of the Service.";
        NoSelector = "NoSelector": "The Service has no selector, so there are no Pods to bind.",
            "Give the Service a selector.";
        ConfigNotFound = "ConfigNotFound": "The TkeServiceConfig does not exist; targets and gates are not held up by that.",
            "Create it in this namespace, or correct serviceConfigRef.";
        ConfigNotOwned = "ConfigNotOwned": "The TkeServiceConfig that autoServiceConfig would make exists and belongs to somebody else; targets and gates are not held up by that.",
            "Delete the config of that name, or switch autoServiceConfig off.";
        ConfigUnreadable = "ConfigUnreadable": "The API server refuses to list configs, so that nobody knows what this one says; targets and gates are not held up by that.",
            "Allow the controller to list and watch tkeserviceconfigs, as deploy/cluster-role.yaml does.";
        LoadBalancerNotFound = "LoadBalancerNotFound": "The load balancer does not exist in this region, or not for these credentials.",
            "Correct loadBalancer.id or loadBalancer.region; neither can be changed in place, so make the binding anew.";
        ListenerNotFound = "ListenerNotFound": "The listener of listenerId, or one of its rules, does not exist on the load balancer.",
            "Correct listenerId or the rules, or leave listenerId out to have a listener made.";
        CertificateNotFound = "CertificateNotFound": "The Secret of a certificate does not exist, or what it holds cannot be used.",
            "Create the Secret, of type kubernetes.io/tls or with the key qcloud_cert_id, or correct what the message says.";
        InProgress = "InProgress": "Changes are being made; the cloud works on them.", "Wait.";
        Busy = "Busy": "Another task holds the load balancer.", "Wait; look for other controllers or people who change it when this lasts.";
        Throttled = "Throttled": "The cloud answers that there were too many calls.",
            "Wait; share the account's call rate with fewer programs when this lasts.";
        QuotaExceeded = "QuotaExceeded": "A quota of the account, load balancer, listener or rule is used up.",
            "Raise the quota that the message names, or use fewer listeners or Pods.";
        BackendConflict = "BackendConflict": "The same Pod address and port is a target of somebody else, or of another listener of the same protocol.",
            "Let the Pods listen on one port per listener, use another load balancer, or remove one of the two: the message names both.";
        Denied = "Denied": "The credentials are missing, wrong, expired, or not allowed to do this.",
            "Correct the credentials, or allow the action that the message names.";
        Arrears = "Arrears": "The account is in arrears, or the load balancer is isolated or blocked.", "Pay what is open in the billing center of the console; what is isolated comes back then, and is looked at again by itself.";
        RemovalHeld = "RemovalHeld": "Something that serves would be taken away on doubt, or the last Pods that can serve, and is kept.",
            "Do what the message names; until then everything goes on as it is.";
        RemovalsHeld = "RemovalsHeld": "Removals are held for all bindings, by flag, by the controller's ConfigMap, or because too much was to be removed at once; something of this binding is kept by that.",
            "See whether what is to be removed should be; then let removals go on, as the message says.";
        Replacing = "Replacing": "Targets that are on their way out keep their weight until those that replace them are healthy.", "Wait; when it lasts, look at the Pods that are not healthy.";
        SlicesStale = "SlicesStale": "For more than a minute, the EndpointSlices of the Service have not named the Pods that its selector and ports stand for.",
            "Look at the cluster's endpoint slice controller; until it works, Pods that the slices do not name keep their targets, and are not registered anew.";
        ListenerStopped = "ListenerStopped": "A listener was stopped in the cloud, so it takes no traffic.", "Start the listener, by the console or by SetLoadBalancerStartStatus.";
        TagsNotShown = "TagsNotShown": "The cloud does not show the tags of targets, by which they are distinguished from those of others.",
            "Nothing to do for listeners that this binding has created: every untagged target there is its own. On a listener given by listenerId, remove targets of Pods that are gone by hand.";
        LoadBalancerNotShown = "LoadBalancerNotShown": "The cloud does not show the load balancer, which is no proof yet that it is gone.",
            "Wait for the second look; for a binding that is being deleted, set deletionPolicy to Retain to give it up.";
        OtherAccount = "OtherAccount": "The credentials belong to another account than the one that the load balancer is in, so nothing is created, changed or deleted.",
            "Give the controller credentials of the account that the message names; to give up a binding that is being deleted, set deletionPolicy to Retain.";
        Parked = "Parked": "The Service no longer asks for direct access; the load balancer that was created for it is kept, and costs money.",
            "Delete the binding to delete the load balancer, or ask for direct access again to have it back.";
        GateNotWritten = "GateNotWritten": "The API server refuses to take the readiness gates of Pods.",
            "Allow what the message names; the Pods become ready once it is written.";
        NotWritten = "NotWritten": "The API server refuses to take something that is written for this binding: on its Service, its config, or itself.",
            "Allow what the message names; it has the API server's words, and is tried again by itself.";
        Internal = "Internal": "A fault of this controller: it cannot decide what to do for this binding. What the binding has in the cloud stays as it is, and other bindings go on.",
            "Report it, with the message and the controller's log; a change of the binding or its Service may get round it.";
        CloudUnreachable = "CloudUnreachable": "The cloud could not be reached, or did not answer in its protocol.",
            "Check the network and the endpoint; what is bound stays as it is.";
        Failed = "Failed": "The cloud refused a call for a reason not listed here.", "Correct the setting that the cloud's words name, or, where they name none, look the code up in docs/errors.md; it is tried again by itself, and the controller's log has the request id.";
        Waiting = "Waiting": "Targets are registered, and the cloud has not finished probing them.", "Wait for as long as the health check takes.";
        Unhealthy = "Unhealthy": "The cloud reports targets as unhealthy.",
            "Check that the Pods answer the listener's health check, and that security groups let it through.";
        NoTargets = "NoTargets": "No endpoint is desired as a target.",
            "Look at the Service's Pods, and at status.excluded for those that were left out.";
        NoWeight = "NoWeight": "Every Pod has weight 0, which somebody has asked for, so nobody gets traffic.",
            "Take a drain back with the command of the message, or give Pods a weight: by the annotation service.cloud.tencent.com/custom-weight, lb-rs-weight of the Service, or the weight of the listener.";
        HealthCheckOff = "HealthCheckOff": "The health check is switched off, so health is not known.",
            "Switch it on, or accept that traffic goes to every Pod.";
        Deleting = "Deleting": "The object is being deleted, and what it owns in the cloud is being removed.", "Wait.";
        NotUsed = "NotUsed": "No binding refers to this config.", "Refer to it with serviceConfigRef, or delete it.";
        PartlyApplied = "PartlyApplied": "Parts of this config have problems, listed in status.problems; the rest is applied.",
            "Correct the entries listed in status.problems.";
    }
}

vocabulary! {
    /// The reason of the readiness gate's condition on a Pod.
    GateReason {
        BackendReady = "LoadBalancerNetworkGroupReady": "Every binding of the Pod has it registered and healthy. TKE writes the same word.",
            "Nothing to do.";
        Registered = "Registered": "The Pod is registered, and its bindings ask for no more.", "Nothing to do.";
        HealthCheckOff = "HealthCheckOff": "The Pod is registered, and the health check is switched off.", "Nothing to do.";
        WeightZero = "WeightZero": "The Pod is registered with the weight 0 that is asked for it, so it gets no traffic.", "Nothing to do; raise the weight to send it traffic.";
        NotBound = "NotBound": "No binding will bind the Pod: none selects it, or those that do are parked or being deleted.",
            "Nothing to do; when it should be bound, compare its labels with the Service's selector, and look at the binding.";
        Suspended = "Suspended": "The bindings of the Pod are suspended.", "Set spec.suspend of the binding to false.";
        PolicyDisabled = "PolicyDisabled": "The bindings of the Pod have readinessGate.policy Disabled.", "Nothing to do.";
        TimedOut = "TimedOut": "The Pod waited for readinessGate.timeoutSeconds and was let through unhealthy or unregistered.",
            "Look at the binding's conditions for what it waited for.";
        NotRegistered = "NotRegistered": "The Pod is not a target of some listener.",
            "Wait; look at the binding's conditions and status.excluded when this lasts.";
        Registering = "Registering": "The cloud was asked to register the Pod.", "Wait for some seconds.";
        HealthCheck = "HealthCheck": "The Pod is registered and not yet reported healthy.",
            "Wait for as long as the health check takes; then check that the Pod answers it.";
        WeightUnreadable = "WeightUnreadable": "The weight that is asked for the Pod cannot be read, so it got weight 0.",
            "Correct the annotation that the binding's condition names.";
        ListenerStopped = "ListenerStopped": "A listener of the Pod is stopped in the cloud.", "Start the listener.";
        BindingHeld = "BindingHeld": "Nothing is done for a binding of the Pod at present, and it may serve the Pod later.",
            "Look at the binding's conditions for what it waits for.";
    }
}

impl GateReason {
    /// True for reasons with which the condition is True.
    pub const fn opens(self) -> bool {
        !matches!(
            self,
            Self::NotRegistered
                | Self::Registering
                | Self::HealthCheck
                | Self::WeightUnreadable
                | Self::ListenerStopped
                | Self::BindingHeld
        )
    }
}

vocabulary! {
    /// Why an endpoint of the Service is not desired as a target.
    ExclusionReason {
        NoAddress = "NoAddress": "The Pod has no address yet.", "Wait for the Pod to start.";
        WrongFamily = "WrongFamily": "The Pod has no address of the load balancer's family.",
            "Use a load balancer of the other ipVersion, or dual-stack Pods.";
        ContainersNotReady = "ContainersNotReady": "The Pod's containers are not ready.", "Look at the Pod's readiness probes.";
        ReadinessGateFalse = "ReadinessGateFalse": "A readiness gate of another controller is not True.", "Look at the Pod's conditions, and at the controller that the gate belongs to.";
        Terminating = "Terminating": "The Pod is being deleted.", "Nothing to do.";
        Finished = "Finished": "The Pod's containers ended for good.", "Nothing to do; delete the Pod when it is in the way.";
        HostNetwork = "HostNetwork": "The Pod uses its node's address, which other Pods share.",
            "Switch hostNetwork off, or run the controller with --host-network=Allow.";
        NetworkModeMismatch = "NetworkModeMismatch": "The Pod's network is not the one that spec.network asks for.",
            "Change spec.network, or the Pod's network annotation and resources.";
        GlobalRouteDisabled = "GlobalRouteDisabled": "The Pod is in the GlobalRouter network, and the cluster does not permit direct access to it, as far as this controller may look.",
            "Set GlobalRouteDirectAccess to \"true\" in the ConfigMap kube-system/tke-service-controller-config, and allow the controller to list and watch it.";
        SnatProRequired = "SnatProRequired": "The Pod is in the GlobalRouter network, and the load balancer cannot bind addresses outside its VPC.",
            "Switch SnatPro (cross-region binding 2.0) on for the load balancer.";
        OverQuota = "OverQuota": "The listener has as many targets as its quota allows.",
            "Raise TOTAL_TARGET_BIND_QUOTA, or run fewer Pods.";
        DuplicateAddress = "DuplicateAddress": "Two Pods claim the same address; the one that started last is bound.",
            "Nothing to do; the other one is usually gone in a moment.";
        AddressInUse = "AddressInUse": "The address and port is a foreign target of the same listener.",
            "Remove the foreign target, or leave the listener to its owner.";
        NotAPod = "NotAPod": "The address belongs to no Pod.", "Remove hand-made EndpointSlices; only Pods are bound.";
        NodeGone = "NodeGone": "The Pod's node does not answer, or does not exist any more.", "Wait until Kubernetes has removed the Pod, or delete it.";
        NotInSlice = "NotInSlice": "No EndpointSlice of the Service names the Pod.",
            "Wait a moment; when it lasts, look whether the Service has the load balancer's family in ipFamilies, and at the cluster's endpoint slice controller.";
        NoPort = "NoPort": "No container of the Pod declares the port name of the Service's targetPort.",
            "Name a container port like the Service's targetPort, or give the number.";
    }
}

vocabulary! {
    /// Why a target, listener or rule is changed.
    ChangeReason {
        PodReady = "PodReady": "The Pod can take traffic and is not a target yet.", "Nothing to do.";
        PodDeleted = "PodDeleted": "The Pod is being deleted.", "Nothing to do.";
        PodGone = "PodGone": "The Pod does not exist any more.", "Nothing to do.";
        PodFinished = "PodFinished": "The Pod's containers ended for good.", "Nothing to do.";
        NotSelected = "NotSelected": "The Service does not select the Pod any more.", "Nothing to do; when it was not meant, compare the Service's selector with the Pod's labels.";
        NotReady = "NotReady": "The Pod's containers are not ready.", "Look at the Pod's readiness probes.";
        ReadinessGateFalse = "ReadinessGateFalse": "A readiness gate of another controller is not True.", "Look at the Pod's conditions.";
        NodeLost = "NodeLost": "The Pod's node does not answer.", "Look at the node.";
        PortChanged = "PortChanged": "The Pod is reached at another port now.", "Nothing to do.";
        NetworkChanged = "NetworkChanged": "Pods of this network are not to be bound any more.", "Nothing to do.";
        AddressChanged = "AddressChanged": "The Pod has another address now.", "Nothing to do.";
        AddressReused = "AddressReused": "The address belongs to another Pod now.", "Nothing to do.";
        UserWeight = "UserWeight": "A weight that a user asked for is not in force.", "Nothing to do.";
        Drained = "Drained": "The time that connections are given to end is over.", "Nothing to do; spec.drain.timeoutSeconds is that time.";
        RoomNeeded = "RoomNeeded": "The quota of targets is used up, and a Pod that is to serve needs room.", "Raise TOTAL_TARGET_BIND_QUOTA to give draining Pods more time.";
        Drift = "Drift": "What the cloud shows is not what is wished.", "Nothing to do; when it comes again and again, find who else changes it.";
        SpecChanged = "SpecChanged": "The spec does not ask for it any more.", "Nothing to do.";
        BindingDeleted = "BindingDeleted": "The binding is being deleted.", "Nothing to do.";
        Parked = "Parked": "The Service does not ask for direct access any more.", "Nothing to do.";
    }
}

vocabulary! {
    /// Why removals are held. Where there are several reasons, the first one counts.
    HoldCause {
        Flag = "Flag": "The controller runs with --hold-removals.", "Run it without the flag.";
        Mass = "Mass": "Too much was to be removed at once.", "When that is meant, let the ConfigMap say hold-removals \"false\".";
        ConfigMap = "ConfigMap": "The controller's ConfigMap says so.", "Change its key hold-removals.";
        ConfigMapUnreadable = "ConfigMapUnreadable": "What the controller's ConfigMap says of removals cannot be read.", "Let its key hold-removals say \"true\" or \"false\", or remove it.";
        ConfigMapRefused = "ConfigMapRefused": "The API server refuses the controller's ConfigMap, which may say so.", "Allow the controller to list and watch it, as deploy/roles.yaml does.";
    }
}

vocabulary! {
    /// What is wrong with one entry of a TkeServiceConfig.
    ConfigProblem {
        NoListener = "NoListener": "No listener of the bindings has this protocol and port.", "Correct protocol and port, or remove the entry.";
        NoDomain = "NoDomain": "The listener has no rule of this domain.", "Correct the domain, or remove it.";
        NoRule = "NoRule": "The listener has no rule of this domain and url.", "Correct domain and url, or remove the entry.";
        NotAllowed = "NotAllowed": "The value is outside of what the cloud takes.", "Use a value of the range that the message names.";
        Contradiction = "Contradiction": "Two values exclude each other.", "Change one of the two fields that the message names.";
        MissingValue = "MissingValue": "A value that others need is not set.", "Set the field that the message names.";
        NotSupported = "NotSupported": "The field is known, and not applied for this protocol or by this version.", "Remove the field.";
        Unreadable = "Unreadable": "The value is of another type than its field takes; what it is about stays as it is.", "Write the value as the message says.";
        UnknownField = "UnknownField": "Nobody knows the field, so it has no effect.", "Correct its name or its place as the message says, or remove it.";
        Unlisted = "Unlisted": "There are more problems than are listed.", "Correct those that are listed first.";
        Refused = "Refused": "The cloud refused the values of this entry.", "Change the values that the cloud's words in the message name; docs/errors.md lists its codes.";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::advice::AdviceReason;
    use crate::api::event::{EventReason, ServiceReason};

    fn check<T: Copy>(all: &[T], spelled: fn(T) -> &'static str, texts: [fn(T) -> &'static str; 2]) {
        let mut seen = BTreeSet::new();
        for &word in all {
            let spelling = spelled(word);
            assert!(seen.insert(spelling), "{spelling} is there twice");
            assert!(spelling.starts_with(|c: char| c.is_ascii_uppercase()), "{spelling} is not CamelCase");
            assert!(spelling.chars().all(|c| c.is_ascii_alphanumeric()) && spelling.len() <= 128, "{spelling}");
            for text in texts.map(|text| text(word)) {
                assert!(text.ends_with('.'), "{spelling}: '{text}' is not a sentence");
            }
        }
    }

    #[test]
    fn every_word_is_unique_camel_case_and_explained() {
        check(ConditionType::ALL, ConditionType::as_str, [ConditionType::meaning, ConditionType::remedy]);
        check(Reason::ALL, Reason::as_str, [Reason::meaning, Reason::remedy]);
        check(GateReason::ALL, GateReason::as_str, [GateReason::meaning, GateReason::remedy]);
        check(ExclusionReason::ALL, ExclusionReason::as_str, [ExclusionReason::meaning, ExclusionReason::remedy]);
        check(ChangeReason::ALL, ChangeReason::as_str, [ChangeReason::meaning, ChangeReason::remedy]);
        check(HoldCause::ALL, HoldCause::as_str, [HoldCause::meaning, HoldCause::remedy]);
        check(ConfigProblem::ALL, ConfigProblem::as_str, [ConfigProblem::meaning, ConfigProblem::remedy]);
        check(AdviceReason::ALL, AdviceReason::as_str, [AdviceReason::meaning, AdviceReason::remedy]);
        check(EventReason::ALL, EventReason::as_str, [EventReason::meaning, EventReason::remedy]);
        check(ServiceReason::ALL, ServiceReason::as_str, [ServiceReason::meaning, ServiceReason::remedy]);
    }

    #[test]
    fn words_are_read_back() {
        for &reason in Reason::ALL {
            assert_eq!(reason.to_string().parse(), Ok(reason));
        }
        assert_eq!("Whatever".parse::<Reason>(), Err(UnknownWord));
    }

    #[test]
    fn a_gate_waits_for_few_reasons_only() {
        let waiting: Vec<_> = GateReason::ALL.iter().filter(|reason| !reason.opens()).map(|r| r.as_str()).collect();
        assert_eq!(
            waiting,
            ["NotRegistered", "Registering", "HealthCheck", "WeightUnreadable", "ListenerStopped", "BindingHeld"]
        );
    }
}
