//! Reasons of advice: what is worth knowing of a binding and makes no condition False.

use super::condition::{UnknownWord, vocabulary};

vocabulary! {
    /// The reason of an advice in the status of a binding.
    AdviceReason {
        UngatedPods = "UngatedPods": "Pods run without the readiness gate, so a rollout does not wait for the load balancer with them.",
            "Make the Pods anew with the command of the message; where the namespace is not labelled, label it cloud.tencent.com/direct-access-gates=enabled before.";
        StopsEarly = "StopsEarly": "Pods may stop accepting before the load balancer has stopped sending to them.",
            "Give their containers a preStop sleep of 5 s or more, and a longer terminationGracePeriodSeconds.";
        CutEarly = "CutEarly": "The containers of Pods are killed before the time of the drain is over.",
            "Raise terminationGracePeriodSeconds, or lower spec.drain.timeoutSeconds.";
        GraceUsedUp = "GraceUsedUp": "The preStop hooks of Pods use up their whole grace period.", "Raise terminationGracePeriodSeconds.";
        WeightUnreadable = "WeightUnreadable": "The weight that is asked for Pods cannot be read; they keep the one they have.",
            "Correct the annotation that the message names.";
        NoEffect = "NoEffect": "Something that is written on the Service or its Pods is not followed.",
            "Do what the message says, or remove it.";
        SessionAffinity = "SessionAffinity": "sessionAffinity: ClientIP of the Service is not followed by some listeners.",
            "Set session in a TkeServiceConfig for the listeners that the message names, or sessionAffinity to None.";
        TwoNetworks = "TwoNetworks": "Pods of the Service are in two networks.",
            "Let a workload use one network, or bind one of them only by spec.network.";
        OtherVpc = "OtherVpc": "The load balancer is in another VPC than the cluster.",
            "Join the two by a Cloud Connect Network, and switch cross-region binding on.";
        DefaultVpc = "DefaultVpc": "The load balancer is asked for in the account's default VPC, because that of the cluster is not known.",
            "Set the controller's --vpc-id (the chart's vpcId), where the cluster is in another VPC.";
        LatePods = "LatePods": "Pods that should replace others have not been ready for more than a minute, and are not waited for.",
            "Look at the Pods with kubectl describe.";
        NotAdopted = "NotAdopted": "Another binding asks to take the place of this one, and does not get it.",
            "Have the annotation direct-access.cloud.tencent.com/adopt of the binding that the message names removed.";
        Contested = "Contested": "Another binding asks for what this one has, such as a port.", "Let one of the two ask for something else, or delete it.";
        ListenerReplaced = "ListenerReplaced": "A listener makes place for another one, and nobody serves in between.",
            "Nothing to do; it ends when targets are healthy on the new one.";
        RemovalsHeld = "RemovalsHeld": "Removals are held, and nothing of this binding waits for that.", "Let removals go on, as the message says.";
    }
}

impl AdviceReason {
    /// Whether only a read of the cloud tells that it is so: without one, it stays as it was last.
    pub const fn needs_read(self) -> bool {
        match self {
            Self::UngatedPods | Self::OtherVpc | Self::LatePods | Self::ListenerReplaced => true,
            Self::StopsEarly
            | Self::CutEarly
            | Self::GraceUsedUp
            | Self::WeightUnreadable
            | Self::NoEffect
            | Self::SessionAffinity
            | Self::TwoNetworks
            | Self::DefaultVpc
            | Self::NotAdopted
            | Self::Contested
            | Self::RemovalsHeld => false,
        }
    }
}
