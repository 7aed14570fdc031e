//! Reasons of Events, and of the condition that Services with TKE's annotations get: spelled here and nowhere else.
//!
//! Besides these, the change of a binding's condition Ready is told by an Event whose reason is the condition's
//! ([`Reason`](super::condition::Reason)).

use super::condition::{Reason, UnknownWord, vocabulary};
use super::course::{Motion, Severity};

/// What an Event is about. Reason and type of the Event follow from it, so that no Event has another type than the tables say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventWord {
    /// A reason of conditions, of a binding that moves so.
    Condition(Reason, Option<Motion>),
    /// A word that is of no condition.
    Other(EventReason),
    /// The condition of a Service.
    Service(ServiceReason),
    /// The Service's binding is not ready for this reason, and moves so.
    NotReady(Reason, Option<Motion>),
    /// A Pod waits for its gate; whether that is bad news depends on [what for](super::condition::GateReason::severity), and for how long.
    GateClosed(Severity),
}

impl EventWord {
    /// The reason of the Event.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Condition(reason, _) => reason.as_str(),
            Self::Other(reason) => reason.as_str(),
            Self::Service(reason) => reason.as_str(),
            Self::NotReady(..) => ServiceReason::NotReady.as_str(),
            Self::GateClosed(_) => EventReason::GateClosed.as_str(),
        }
    }

    /// The type of the Event.
    pub fn severity(self) -> Severity {
        let is_warning = match self {
            Self::Condition(reason, motion) | Self::NotReady(reason, motion) => return reason.severity_in(motion),
            Self::GateClosed(severity) => return severity,
            Self::Other(reason) => reason.is_warning(),
            Self::Service(reason) => reason.is_warning(),
        };
        if is_warning { Severity::Warning } else { Severity::Normal }
    }
}

vocabulary! {
    /// The reason of an Event that is no reason of a condition: on a binding or Service, on what injects readiness gates, or on the controller's
    /// ConfigMap.
    EventReason {
        CreatingLoadBalancer = "CreatingLoadBalancer": "The cloud was asked to create the load balancer of the binding.",
            "Nothing to do; it takes some seconds.";
        CreatingListeners = "CreatingListeners": "The cloud was asked to create listeners.", "Nothing to do.";
        CreatingRules = "CreatingRules": "The cloud was asked to create forwarding rules.", "Nothing to do.";
        RegisteredTargets = "RegisteredTargets": "Pods were registered as targets.", "Nothing to do.";
        ReweightingTargets = "ReweightingTargets": "Weights of targets were changed, for example to 0 before they go.", "Nothing to do.";
        DeregisteredTargets = "DeregisteredTargets": "Targets were deregistered.",
            "Nothing to do; when it was not expected, look at the Service's Pods.";
        AttributesCorrected = "AttributesCorrected": "Settings in the cloud were not as wished and were corrected; the note says which.",
            "Nothing to do; when it comes again and again, find who else changes them.";
        DeletingRules = "DeletingRules": "The cloud was asked to delete forwarding rules that the binding had made.", "Nothing to do.";
        DeletingListeners = "DeletingListeners": "The cloud was asked to delete listeners that the binding had made.", "Nothing to do.";
        DeletingLoadBalancer = "DeletingLoadBalancer": "The cloud was asked to delete the load balancer that was created for the binding.",
            "Nothing to do.";
        ConfigProblems = "ConfigProblems": "Parts of a TkeServiceConfig cannot be followed; the rest is. It is on the config, and on each binding that uses it.",
            "Correct the fields that the note names.";
        SettingsLeft = "SettingsLeft": "Settings were taken out of a TkeServiceConfig. They stay in the cloud as they were, as they do with TKE; the note names them, on the config.",
            "Nothing to do; to have them otherwise, set them to what they should be.";
        UngatedPods = "UngatedPods": "Pods run without the readiness gate, so a rollout does not wait for the load balancer with them.",
            "Label the namespace cloud.tencent.com/direct-access-gates=enabled or put the gate into the Pod template, and restart the workload.";
        GateClosed = "GateClosed": "The Pod is ready but for the load balancer, and has been for 10 s or longer; the note says what it waits for.",
            "Wait for as long as the health check takes; then do what the note says.";
        HoldUnreadable = "HoldUnreadable": "The key hold-removals of the controller's ConfigMap cannot be read. What was in force stays in force; where nothing was, removals are held.",
            "Let it say \"true\" or \"false\", or remove it.";
        AnnotatedServicesOff = "AnnotatedServicesOff": "A Service asks for direct access by its annotation, and the controller's flag --annotated-services does not take it.",
            "Start the controller with --annotated-services=All, give the Service the class cloud.tencent.com/direct-access where the flag says OwnClass, or make a DirectAccessBinding for it.";
        Created = "Created": "What injects readiness gates was made for the first time.", "Nothing to do.";
        Renewed = "Renewed": "The certificate of the webhook was renewed in good time.", "Nothing to do.";
        Repaired = "Repaired": "What injects readiness gates had been deleted, changed or left to expire, and was restored.",
            "Find who changes it; Pods created in between may have no gate.";
        Removed = "Removed": "What another way of injecting gates had left behind was removed.", "Nothing to do.";
    }
}

impl EventReason {
    /// Whether it is told as a warning: somebody should look.
    pub const fn is_warning(self) -> bool {
        matches!(
            self,
            Self::ConfigProblems
                | Self::UngatedPods
                | Self::HoldUnreadable
                | Self::AnnotatedServicesOff
                | Self::Repaired
        )
    }
}

vocabulary! {
    /// The reason of the condition `cloud.tencent.com/direct-access` of a Service, and of the warning that comes with it while it is
    /// False.
    ServiceReason {
        Accepted = "Accepted": "The Service has a binding of its own, and all its annotations are followed.", "Nothing to do.";
        BoundByOther = "BoundByOther": "A binding that somebody has made is for this Service, and counts more than its annotations.",
            "Nothing to do; to have the annotations followed, delete that binding, and then do what the condition says.";
        BindingDeleted = "BindingDeleted": "The binding that somebody had made for the Service is deleted. To follow the annotations would create a load balancer, which costs money, so that waits for a new word.",
            "To have one created, set service.cloud.tencent.com/direct-access to \"false\", and to \"true\" when the condition is gone; to end it, leave it at \"false\".";
        Held = "Held": "The Service's own binding stays as it is, although the Service or the controller's settings do not ask for it plainly.",
            "Do what the message says: go on, or say service.cloud.tencent.com/direct-access \"false\".";
        Parked = "Parked": "The Service does not ask for direct access any more. Its load balancer is kept, and costs money; what the binding has on it goes.",
            "Delete it with the command of the message, or ask for direct access again to use it at the same address.";
        ManagedByTke = "ManagedByTke": "TKE's own service controller programs this Service, so it is left alone.",
            "Set the annotation service.cloud.tencent.com/mode to skip on the Service.";
        SwitchesRefused = "SwitchesRefused": "The API server does not let this controller see whether TKE's own service controller programs this Service, so no binding is made.",
            "Allow the controller to list and watch the ConfigMap kube-system/tke-service-controller-config, as deploy/roles.yaml does.";
        NameTaken = "NameTaken": "A binding with the Service's name is there already, and is not this Service's.",
            "Rename or delete that binding.";
        FormerBinding = "FormerBinding": "The binding of a former Service of this name is there still. It goes with that Service, and this one gets its own when it is gone.",
            "Nothing to do; where it takes long, look at the conditions of the binding that the message names.";
        NotReady = "NotReady": "The Service's binding does not give it what it asks for, and has not for a minute, or will not before somebody changes something.",
            "Look at the binding that the message names, with kubectl describe.";
        NotTaken = "NotTaken": "The API server does not take the binding that the annotations stand for, or its end.",
            "Correct the annotation or port that the message names, or allow what it names.";
        NotLoadBalancer = "NotLoadBalancer": "The Service asks for direct access by its annotation, and is of another type than LoadBalancer.",
            "Give it the type LoadBalancer, remove the annotation, or make a DirectAccessBinding for it, which may name Services of every type.";
        NotSupported = "NotSupported": "Some annotations or fields of the Service have no effect here. Everything else is followed.",
            "Use what the message names instead, or remove what has no effect.";
        NotAsked = "NotAsked": "The Service carries annotations, or the class, of direct access, and does not ask for it, so that nobody follows them.",
            "Set service.cloud.tencent.com/direct-access to \"true\", or to \"false\" if it is not wanted.";
        ConfigProblems = "ConfigProblems": "Parts of the TkeServiceConfig of this Service cannot be followed for it. Everything else is.",
            "Correct the entries of the config that the message names.";
        InvalidAnnotation = "InvalidAnnotation": "Some annotations cannot be followed. What they are about stays as it is; the others are followed.",
            "Correct the annotations that the message names.";
    }
}

impl ServiceReason {
    /// Whether it is told as a warning; of [`NotReady`](Self::NotReady), as which the binding's own reason is told.
    pub const fn is_warning(self) -> bool {
        !matches!(self, Self::Accepted | Self::BoundByOther | Self::FormerBinding)
    }
}
